// Participants ask which transactions are over for good, many at once.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { JOURNAL_VERSION } from '../../src/application/journal.ts';
import { branch, DAY_MS, gidAt, openWorld, RETENTION_MS, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const NOW = Date.UTC(2026, 0, 1);
const begin = (body: object) => world.send('POST', '/v1/transactions', body, { prefer: 'wait=5' });
const ask = async (...gids: string[]) => {
  const answer = await world.send('POST', '/v1/transactions/finality', { gids });
  expect(answer.statusCode).toBe(200);
  return answer.json();
};

test('which are final is said of those that there are, by gid, with the time and the retention', async () => {
  const [open, ended, absent] = [gidAt(NOW - 2), gidAt(NOW - 1), gidAt(NOW)] as const;
  await begin({ gid: ended, branches: [branch('stock', { payload: { secret: 'tea' } })] });
  await begin({ gid: open, timeoutMs: 5000 });
  world.time.pass(10);
  expect(await ask(absent, ended, open)).toEqual({
    now: '2026-01-01T00:00:00.010Z',
    retentionMs: RETENTION_MS,
    transactions: [
      { gid: open, isFinal: false, deadlineAt: '2026-01-01T00:00:05.000Z', finishedAt: null },
      {
        gid: ended,
        isFinal: true,
        deadlineAt: '2026-01-01T00:00:30.000Z',
        finishedAt: '2026-01-01T00:00:00.000Z',
      },
    ],
  });
});

test('a finished transaction whose late try is still to be cancelled is not final', async () => {
  const gid = gidAt(NOW);
  const answers = { try: null as (() => void) | null, cancel: 200 };
  world.answer(({ op }) => (op === 'try' ? 200 : answers.cancel));
  await begin({ gid, timeoutMs: 1000 });
  await world.send('POST', `/v1/transactions/${gid}/cancel`);
  expect((await ask(gid)).transactions).toMatchObject([{ gid, isFinal: true }]);
  // What a sweep would claim is owed, whatever the status says.
  const { tx, seq } = (await world.store.load(gid)) ?? {};
  if (tx === undefined || seq === undefined) throw new Error('it is there');
  await world.store.writeBatch([
    {
      gid,
      seq: seq + 1,
      before: tx,
      after: tx,
      entries: {},
      version: JOURNAL_VERSION,
      at: NOW,
      writer: 'other',
      wakeAt: NOW + DAY_MS,
      beginKey: null,
    },
  ]);
  expect((await ask(gid)).transactions).toMatchObject([
    { gid, isFinal: false, finishedAt: expect.any(String) },
  ]);
});

test('500 are answered at once', async () => {
  const gids = Array.from({ length: 500 }, (_, index) => gidAt(NOW + index));
  expect((await ask(...gids)).transactions).toEqual([]);
});

test('the word finality is no gid', async () => {
  const answer = await world.send('GET', '/v1/transactions/finality');
  expect([answer.statusCode, answer.json().code]).toEqual([400, 'invalid_request']);
  expect((await world.send('POST', '/v1/transactions/finality/confirm')).statusCode).toBe(400);
});
