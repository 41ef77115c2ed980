// Transactions whose stored rows do not add up, over HTTP on two replicas: what is answered, what goes on, and how it ends.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { newGid } from '../support/saves.ts';
import { openTwoReplicas, type Replica } from './two-replicas.ts';
import { branch } from './world.ts';

type Two = Awaited<ReturnType<typeof openTwoReplicas>>;
let two: Two;
let a: Replica;
let b: Replica;
beforeEach(async () => {
  two = await openTwoReplicas();
  [a, b] = two.replicas;
});
afterEach(() => two.close());

const declared = { name: 'order', branches: [branch('stock'), branch('money')] };
const FAULT = 'Its journal ends with row 2, and its row in global_transaction is that of row 1.';
const BREAK = 'UPDATE global_transaction SET seq = seq - 1 WHERE gid = ?';
const REPAIR = 'UPDATE global_transaction SET seq = seq + 1 WHERE gid = ?';

/** Its confirms are not answered: it waits. */
async function beginWaiting(): Promise<string> {
  two.answer(({ op }) => (op === 'try' ? 200 : 503));
  const gid = await a.begin(declared);
  await two.clock.settled();
  return gid;
}

describe('a transaction whose rows do not add up', () => {
  let gid: string;
  beforeEach(async () => {
    gid = await beginWaiting();
    await two.edit('DELETE FROM journal WHERE gid = ? AND seq > 2', gid);
    await two.edit('UPDATE global_transaction SET seq = 2 WHERE gid = ?', gid);
    await two.edit(BREAK, gid);
  });

  test.each([
    ['GET', ''],
    ['POST', '/confirm'],
    ['POST', '/cancel'],
    ['POST', '/retry'],
  ] as const)('is answered with the fault and what to do (%s %s)', async (method, last) => {
    const { status, body } = await b.send(method, `/v1/transactions/${gid}${last}`);
    expect([status, body.code]).toEqual([409, 'quarantined']);
    expect(body.detail).toContain(FAULT);
    expect(body.detail).toContain('POST …/release');
  });

  test('is listed apart, and the others are shown', async () => {
    const other = await b.begin(declared);
    await b.send('GET', `/v1/transactions/${gid}`);
    const { status, body } = await b.send('GET', '/v1/transactions');
    expect(status).toBe(200);
    expect(body.transactions.map((one: { gid: string }) => one.gid)).toEqual([other]);
    expect(body.quarantined).toEqual([
      { gid, fault: FAULT.charAt(0).toLowerCase() + FAULT.slice(1, -1), quarantinedAt: expect.any(String) },
    ]);
    const only = (await b.send('GET', '/v1/transactions?quarantined=true')).body;
    expect([only.transactions, only.quarantined.length]).toEqual([[], 1]);
    expect((await b.send('GET', '/v1/transactions?quarantined=false')).body.quarantined).toEqual([]);
  });

  test('is read a bounded number of times, and called no more, once it is found', async () => {
    await b.send('GET', `/v1/transactions/${gid}`);
    await two.clock.run(120_000);
    const [loads, calls] = [two.loadCount(), two.calls.length];
    await two.clock.run(600_000);
    expect(two.loadCount()).toBe(loads);
    expect(two.calls.length).toBe(calls);
  });

  test('holds up no retry of its participant', async () => {
    const other = await b.begin(declared);
    await two.clock.settled();
    await b.send('GET', `/v1/transactions/${gid}`);
    two.answer(() => 200);
    const { status } = await b.send('POST', '/v1/participants/payment/retry');
    expect(status).toBe(200);
    await two.clock.run(60_000);
    expect((await b.read(other)).status).toBe('confirmed');
  });

  test('keeps its participants from being removed', async () => {
    await b.send('GET', `/v1/transactions/${gid}`);
    const { status, body } = await b.send('DELETE', '/v1/participants/inventory');
    expect([status, body.code]).toEqual([409, 'participant_in_use']);
    expect(body.detail).toContain(gid);
  });

  test('ends once it is repaired and released, and not before', async () => {
    await b.send('GET', `/v1/transactions/${gid}`);
    expect(await b.send('POST', `/v1/transactions/${gid}/release`)).toMatchObject({
      status: 409,
      body: { code: 'quarantined' },
    });
    await two.edit(REPAIR, gid);
    expect((await b.send('GET', `/v1/transactions/${gid}`)).status).toBe(409);
    two.answer(() => 200);
    const released = await b.send('POST', `/v1/transactions/${gid}/release`);
    expect(released).toMatchObject({ status: 200, body: { gid, status: 'confirming' } });
    await two.clock.run(60_000);
    expect((await a.read(gid)).status).toBe('confirmed');
  });
});

test('a release of a transaction that is in no quarantine changes nothing', async () => {
  const gid = await beginWaiting();
  const before = await two.stored(gid);
  expect((await b.send('POST', `/v1/transactions/${gid}/release`)).status).toBe(200);
  expect(JSON.parse(before)[1]).toEqual(JSON.parse(await two.stored(gid))[1]);
  expect(await b.send('POST', `/v1/transactions/${newGid()}/release`)).toMatchObject({
    status: 404,
    body: { code: 'unknown_transaction' },
  });
});

test('a gid of which only the journal was restored is not begun, and its fault is named', async () => {
  const gid = await beginWaiting();
  await two.edit('DELETE FROM global_transaction WHERE gid = ?', gid);
  const { status, body } = await b.send('POST', '/v1/transactions', { gid, ...declared });
  expect([status, body.code]).toEqual([409, 'quarantined']);
  expect(body.detail).toContain('It has a journal, and its row in global_transaction is missing.');
});
