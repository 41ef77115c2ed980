// The journal of a transaction as people read it.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { branch, openWorld, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const succeeded = {
  reply: 'succeeded',
  attemptCount: 1,
  nextAttemptAt: null,
  parkedAt: null,
  acceptedAt: null,
  answer: '200',
  durationMs: null,
};
const due = {
  reply: null,
  attemptCount: 0,
  nextAttemptAt: '2026-01-01T00:00:00.000Z',
  parkedAt: null,
  acceptedAt: null,
  answer: null,
  durationMs: null,
};
const answered = (op: string, httpStatus: number, reply: string) => ({
  branchId: 'stock',
  op,
  httpStatus,
  reply,
  at: '2026-01-01T00:00:00.000Z',
  durationMs: 0,
  error: null,
});

test('the events of a declared transaction tell it from its beginning to its end', async () => {
  const body = { name: 'order', branches: [branch('stock', { payload: 'secret' })] };
  const { gid } = (await world.send('POST', '/v1/transactions', body, { prefer: 'wait=5' })).json();
  const history = await world.send('GET', `/v1/transactions/${gid}/events`);
  expect(history.statusCode).toBe(200);
  expect(history.body).not.toContain('secret');
  const row = { at: '2026-01-01T00:00:00.000Z', writer: expect.any(String) };
  expect(history.json()).toEqual({
    gid,
    nextCursor: null,
    events: [
      {
        ...row,
        seq: 1,
        changes: {
          transaction: {
            pattern: 'tcc',
            mode: 'declared',
            name: 'order',
            businessKey: null,
            status: 'trying',
            decision: null,
            beganAt: '2026-01-01T00:00:00.000Z',
            deadlineAt: '2026-01-01T00:00:30.000Z',
            finishedAt: null,
            pivotStartedAt: null,
            cancelAskedAt: null,
            callback: null,
            traceId: null,
          },
          branches: [
            {
              branchId: 'stock',
              participant: 'inventory',
              activity: 'reserve',
              step: null,
              try: due,
              waitingSince: null,
              lateSuccessCount: 0,
            },
          ],
        },
        attempts: [],
      },
      {
        ...row,
        seq: 2,
        changes: {
          transaction: {
            status: 'confirming',
            decision: {
              decision: 'confirm',
              reason: 'all_tries_succeeded',
              decidedAt: '2026-01-01T00:00:00.000Z',
              branchId: null,
              note: null,
            },
          },
          branches: [{ branchId: 'stock', try: succeeded, waitingSince: '2026-01-01T00:00:00.000Z' }],
        },
        attempts: [answered('try', 200, 'succeeded')],
      },
      {
        ...row,
        seq: 3,
        changes: {
          transaction: { status: 'confirmed', finishedAt: '2026-01-01T00:00:00.000Z' },
          branches: [{ branchId: 'stock', confirm: succeeded, waitingSince: null }],
        },
        attempts: [answered('confirm', 200, 'succeeded')],
      },
    ],
  });
});

test('the last values that the events tell are those of the transaction', async () => {
  world.answer(({ op }) => (op === 'try' ? 422 : 200));
  const body = { branches: [branch('a'), branch('b', { participant: 'payment' })] };
  const ended = (await world.send('POST', '/v1/transactions', body, { prefer: 'wait=5' })).json();
  const { events } = (await world.send('GET', `/v1/transactions/${ended.gid}/events`)).json();
  const told = Object.assign(
    {},
    ...events.map((event: { changes: { transaction?: object } }) => event.changes.transaction),
  );
  expect(ended).toMatchObject(told);
  expect(told).toMatchObject({ status: 'cancelled', decision: { reason: 'try_refused' } });
});

test('the events tell every call that led to a change, also those that settled nothing', async () => {
  const statuses = [503, 202, 200];
  world.answer(({ op }) => (op === 'try' ? 200 : (statuses.shift() ?? 200)));
  const begun = await world.send('POST', '/v1/transactions', { branches: [branch('stock')] });
  const { gid } = begun.json();
  const read = async (path = '') => (await world.send('GET', `/v1/transactions/${gid}${path}`)).json();
  while ((await read()).finishedAt === null) world.time.pass(50);
  const { events } = await read('/events');
  const told = events.flatMap(({ attempts }: { attempts: object[] }) => attempts);
  expect(told).toMatchObject([
    { op: 'try', httpStatus: 200, reply: 'succeeded', error: null },
    { op: 'confirm', httpStatus: 503, reply: 'unknown' },
    { op: 'confirm', httpStatus: 202, reply: 'ongoing' },
    { op: 'confirm', httpStatus: 200, reply: 'succeeded' },
  ]);
});

test('the bodies of errors are in the attempts of the events, and nowhere else', async () => {
  const errorBody = '{"error":"disk of customer-7 is full"}';
  world.answer(({ op }) => (op === 'try' ? 200 : { status: 503, body: '', errorBody }));
  const begun = await world.send('POST', '/v1/transactions', { branches: [branch('stock')] });
  const at = `/v1/transactions/${begun.json().gid}`;
  while (!(await world.send('GET', at)).json().isParked) world.time.pass(50);
  const { events } = (await world.send('GET', `${at}/events`)).json();
  const failed = events
    .flatMap(({ attempts }: { attempts: object[] }) => attempts)
    .filter((attempt: { httpStatus: number }) => attempt.httpStatus === 503);
  expect(failed[0]).toMatchObject({ op: 'confirm', durationMs: expect.any(Number), errorBody });
  for (const path of ['', '/cancel']) {
    const method = path === '' ? 'GET' : 'POST';
    expect((await world.send(method, `${at}${path}`)).body).not.toContain('customer-7');
  }
  expect((await world.send('GET', '/v1/transactions')).body).not.toContain('customer-7');
});
