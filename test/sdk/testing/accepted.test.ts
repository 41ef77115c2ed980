/** Ops that are accepted and completed from outside, in a test world: by polls alone, as where no completion arrives. */
import { expect, test } from '@jest/globals';
import { accepted, type AcceptedCall, defineContract, defineParticipant } from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import { createTestWorld, scripted } from '@tercet/sdk/testing';
import SQLite from 'better-sqlite3';
import { Type } from 'typebox';

const payload = Type.Object({ cents: Type.Integer() });
const office = defineContract('office', {
  approve: { kind: 'step', payload, result: Type.Object({ by: Type.String() }) },
});
const bank = defineContract('bank', { pay: { kind: 'pivot', payload } });

async function openOffice() {
  const barrier = sqliteBarrier({ db: new SQLite(':memory:') });
  await barrier.createTable();
  const calls: AcceptedCall[] = [];
  const withdrawn: unknown[] = [];
  const participant = defineParticipant(office, {
    barrier,
    activities: {
      approve: {
        accepts: true,
        action(_payload, { call }) {
          calls.push(call);
          return accepted({ retryAfterMs: 60_000 });
        },
        compensate: (_payload, { actionResult }) => void withdrawn.push(actionResult),
      },
    },
    onNotDone: () => {},
  });
  const world = await createTestWorld({ participants: [participant, scripted(bank)] });
  const answer = await world.fetch(`${world.coordinatorUrl}/v1/transactions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      pattern: 'saga',
      timeoutMs: 300_000,
      branches: [
        { branchId: 'ask', participant: 'office', activity: 'approve', payload: { cents: 5 } },
        { branchId: 'pay', participant: 'bank', activity: 'pay', payload: { cents: 5 }, isPivot: true },
      ],
    }),
  });
  const { gid } = (await answer.json()) as { gid: string };
  await world.clock.pass(1000);
  return { participant, world, gid, calls, withdrawn };
}

test('an approval is given while the coordinator polls, and the saga goes on', async () => {
  const { participant, world, gid, calls } = await openOffice();
  await world.clock.pass(100_000);
  expect(calls).toHaveLength(1);
  const polls = world.calls.filter(({ participant: name }) => name === 'office');
  expect([polls.length > 1, new Set(polls.map(({ status }) => status))]).toEqual([true, new Set([202])]);
  await participant.complete(calls[0] as AcceptedCall, { by: 'ann' });
  await world.expectFinal(gid, { status: 'confirmed', branches: { ask: 'done', pay: 'done' } });
  expect(calls).toHaveLength(1);
});

test('an approval is refused, which cancels the saga with its words', async () => {
  const { participant, world, gid, calls, withdrawn } = await openOffice();
  await participant.refuse(calls[0] as AcceptedCall, 'over the limit');
  await world.expectFinal(gid, { status: 'cancelled', branches: { ask: 'none', pay: 'none' } });
  expect(withdrawn).toEqual([]);
});

test('an approval that nobody gives is withdrawn at the deadline, and no longer given', async () => {
  const { participant, world, gid, calls, withdrawn } = await openOffice();
  await world.expectFinal(gid, { status: 'cancelled' });
  expect(withdrawn).toEqual([null]);
  const late = participant.complete(calls[0] as AcceptedCall, { by: 'ann' });
  await expect(late).rejects.toMatchObject({ name: 'NotCompleted', code: 'cancelled' });
});

test('a scripted participant accepts, and is asked until the deadline', async () => {
  const world = await createTestWorld({ participants: [scripted(office, { approve: accepted() })] });
  const answer = await world.fetch(`${world.coordinatorUrl}/v1/transactions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      pattern: 'saga',
      branches: [{ branchId: 'ask', participant: 'office', activity: 'approve', payload: { cents: 5 } }],
    }),
  });
  const { gid } = (await answer.json()) as { gid: string };
  await world.expectFinal(gid, { status: 'cancelled' });
  expect(world.calls.filter(({ op }) => op === 'action').map(({ status }) => status)).toContain(202);
});
