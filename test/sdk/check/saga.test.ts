/** The check of a step of a saga: participants of the SDK, the wrong pattern, and numbers that tell too little. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { defineContract, defineParticipant, Refusal } from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import { check, type CheckOptions } from '@tercet/sdk/check';
import { nodeHttpParticipant } from '@tercet/sdk/node-http';
import { newSecret } from '@tercet/sdk/signature';
import SQLite from 'better-sqlite3';
import { Type } from 'typebox';
import { startNaive } from './naive/participant.ts';
import { NODE_FROM_SOURCE, run } from './program.ts';

const ends: (() => unknown)[] = [];
afterAll(() => Promise.all(ends.map((end) => end())));

const PASSED = { verdict: 'passed', findings: [], notJudged: [] };

/** Seats that are booked at once, behind the SDK's barrier on SQLite. */
async function startTravel(secret: string) {
  const db = new SQLite(':memory:');
  db.exec('CREATE TABLE seats (free INTEGER, booked INTEGER); INSERT INTO seats VALUES (10, 0)');
  const book = db.prepare('UPDATE seats SET free = free - 1, booked = booked + 1 WHERE free > 0');
  const strike = db.prepare('UPDATE seats SET free = free + 1, booked = booked - 1');
  const barrier = sqliteBarrier({ db });
  await barrier.createTable();
  const participant = defineParticipant(
    defineContract('travel', { book: { kind: 'step', payload: Type.Object({ to: Type.String() }) } }),
    {
      barrier,
      secrets: [secret],
      activities: {
        book: {
          action(_order, { call }) {
            if (book.run().changes === 0) throw new Refusal('no seats are left');
            return { bookingId: call.gid };
          },
          compensate: () => void strike.run(),
        },
      },
    },
  );
  const serve = nodeHttpParticipant(participant);
  const numbers = () => db.prepare('SELECT free, booked FROM seats').get();
  const server = createServer(async (request, response) => {
    if (!(await serve(request, response))) response.end(JSON.stringify(numbers()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, numbers };
}

async function start(options: Parameters<typeof startNaive>[0]) {
  const naive = await startNaive(options);
  ends.push(naive.stop);
  return naive;
}

test.concurrent('a participant of the SDK passes, and nothing of it stays done', async () => {
  const secret = newSecret();
  const { baseUrl, numbers } = await startTravel(secret);
  const options: CheckOptions = {
    ...{ baseUrl, activity: 'book', pattern: 'saga', payload: { to: 'Oslo' } },
    ...{ observeUrl: `${baseUrl}/numbers`, secrets: [secret] },
  };
  expect(await check(options)).toMatchObject(PASSED);
  expect(numbers()).toEqual({ free: 10, booked: 0 });
});

test.concurrent('a participant that has another pattern is not judged, and the pattern is doubted', async () => {
  const { baseUrl, observeUrl } = await start({ pattern: 'tcc' });
  const asked = { baseUrl, activity: 'reserve', pattern: 'saga', payload: {}, observeUrl } as const;
  const { verdict, findings, notJudged } = await check(asked);
  expect({ verdict, findings }).toEqual({ verdict: 'not_judged', findings: [] });
  expect(notJudged[0]?.because).toMatch(/the action at .*reserve\/action was answered 404.*the pattern/);
});

test.concurrent('a step without a compensate is not judged, and it is said what initiators have to say', async () => {
  const { baseUrl, observeUrl } = await start({ pattern: 'saga', fault: 'has no cancel' });
  const asked = { baseUrl, activity: 'reserve', pattern: 'saga', payload: {}, observeUrl } as const;
  const { verdict, findings, judged, notJudged } = await check(asked);
  expect({ verdict, findings, judged }).toEqual({ verdict: 'not_judged', findings: [], judged: [] });
  expect([...new Set(notJudged.map(({ because }) => because))]).toEqual([
    expect.stringMatching(
      /^the compensate at .*reserve\/compensate was answered 404: .* isCompensated: false is to be said by initiators/,
    ),
  ]);
});

test.concurrent('numbers without what is done say too little for the sum, and enough for the rest', async () => {
  const { baseUrl, observeUrl } = await start({
    pattern: 'saga',
    show: ({ available }) => ({ available }),
  });
  const asked = { baseUrl, activity: 'reserve', pattern: 'saga', payload: {}, observeUrl } as const;
  const { findings, notJudged } = await check(asked);
  expect(findings).toEqual([]);
  expect(notJudged).toEqual([
    {
      rule: 'The sum of all numbers is the same at every look.',
      because: expect.stringContaining('with each action the sum of the numbers falls'),
    },
  ]);
});

test.concurrent('numbers that no action moves show nothing', async () => {
  const { baseUrl, observeUrl } = await start({ pattern: 'saga', show: () => ({ shelves: 4 }) });
  const asked = { baseUrl, activity: 'reserve', pattern: 'saga', payload: {}, observeUrl } as const;
  const { verdict, notJudged } = await check(asked);
  expect(verdict).toBe('not_judged');
  expect(notJudged.map(({ because }) => because)).toContainEqual(
    expect.stringContaining('an action that was answered with success shows in no number'),
  );
});

test.concurrent('a pattern that is none, and paths of ops that it does not have, are refused', async () => {
  const asked = { baseUrl: 'http://127.0.0.1:1', activity: 'reserve', payload: {} };
  await expect(check({ ...asked, pattern: 'sage' as 'saga' })).rejects.toThrow(
    new TypeError('“sage” is no pattern: there are tcc and saga'),
  );
  await expect(check({ ...asked, pattern: 'saga', paths: { 'reserve/try': '/x' } })).rejects.toThrow(
    'the path for “reserve/try” would not be used: there are reserve/action, reserve/compensate',
  );
});

test.concurrent('the program takes --pattern saga', async () => {
  const { baseUrl, observeUrl } = await start({ pattern: 'saga' });
  const cli = join(import.meta.dirname, '../../../sdk/src/check/cli.ts');
  const tercet = (pattern: string) =>
    run(process.execPath, [
      ...[...NODE_FROM_SOURCE, cli, 'check', baseUrl, '--activity', 'reserve', '--payload', '{}'],
      ...['--observe', observeUrl, '--pattern', pattern],
    ]);
  expect(await tercet('saga')).toEqual({
    ...{ exitCode: 0, stderr: '', stdout: 'Passed: all 23 rules are kept.\n' },
  });
  const wrong = await tercet('sagas');
  expect(wrong).toMatchObject({ exitCode: 2, stdout: '' });
  expect(wrong.stderr).toContain('tercet: --pattern sagas is no pattern: write tcc or saga\n');
});
