/** A database that is away is logged by two lines, whatever fails meanwhile, and other errors as ever. */
import { Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { beforeEach, expect, test } from '@jest/globals';
import { isUnreachable } from '../../src/adapters/sql/wait-for-database.ts';
import { Overloaded, StoreUnavailable } from '../../src/application/ports.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { Outages } from '../../src/observability/outages.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
const away = new StoreUnavailable('the database could not answer', { cause: refused });
const ofARow = new StoreUnavailable('the store rejected a save', {
  cause: { errno: 1406, sqlState: '22001' },
});

let lines: { msg: string; level: number; error_count?: number; duration_ms?: number }[];
let time: VirtualClock;
let isBack: boolean;
let outages: Outages;
let logger: ReturnType<typeof createLogger>;

beforeEach(() => {
  lines = [];
  isBack = false;
  time = new VirtualClock();
  outages = new Outages();
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  logger = createLogger('info', { stream, leavesOut: (error) => outages.counts(error) });
  const check = async () => {
    if (!isBack) throw away;
  };
  outages.watch({ logger, time, check, isAway: isUnreachable });
});

const pass = async (ms: number) => {
  for (let passedMs = 0; passedMs < ms; passedMs += 1000) {
    time.pass(1000);
    await setImmediate();
  }
};

test('nine seconds without a database are one line and a count', async () => {
  for (let second = 0; second < 9; second += 1) {
    logger.error({ err: away }, 'recovery scan failed');
    logger.child({ reqId: 1 }).error({ err: away }, 'The store is unavailable');
    logger.error({ err: new Overloaded('too many wait') }, 'heartbeat not stored');
    await pass(1000);
  }
  isBack = true;
  await pass(1000);
  expect(lines).toMatchObject([
    {
      level: 50,
      msg: expect.stringMatching(/^the database cannot be reached/),
      err: { code: 'ECONNREFUSED' },
    },
    { level: 40, msg: 'the database answers again', error_count: 27, duration_ms: 10_000 },
  ]);
});

test('an outage after another is said anew', async () => {
  for (let count = 0; count < 2; count += 1) {
    isBack = false;
    logger.error({ err: away }, 'not ready');
    await pass(2000);
    isBack = true;
    await pass(1000);
  }
  expect(lines.map(({ level }) => level)).toEqual([50, 40, 50, 40]);
});

test('an error that is a row’s own, or comes from elsewhere, is logged while the database is there', () => {
  logger.error({ err: ofARow }, 'drive failed');
  logger.error({ err: new Error('bug') }, 'a bug');
  expect(lines.map(({ msg }) => msg)).toEqual(['drive failed', 'a bug']);
});

test('an error that ends the process, or is not of the database, is logged during an outage', () => {
  logger.error({ err: away }, 'not ready');
  logger.fatal({ err: away }, 'unexpected error: tercet stops');
  logger.error({ err: refused }, 'wake-up queue cannot be read');
  expect(lines.map(({ level }) => level)).toEqual([50, 60, 50]);
});

test('a process that stops during an outage says how many errors it left out', () => {
  logger.error({ err: away }, 'not ready');
  outages.stop();
  expect(lines.at(-1)).toMatchObject({ msg: expect.stringMatching(/^tercet stops/), error_count: 1 });
});
