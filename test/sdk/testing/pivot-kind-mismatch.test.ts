// The initiator declares a pivot, and the participant that is called for it does not: no money may be taken in a cancelled saga.
import { expect, test } from '@jest/globals';
import {
  defineContract,
  defineParticipant,
  type Participant,
  type ParticipantRequest,
  Refusal,
  saga,
} from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import { createTestWorld } from '@tercet/sdk/testing';
import SQLite from 'better-sqlite3';
import { Type } from 'typebox';

const payload = Type.Object({ cents: Type.Integer() });
/** What the initiator has, and what is registered. */
const declared = defineContract('bank', { pay: { kind: 'pivot', payload } });
/** What the service was deployed with. */
const deployed = defineContract('bank', { pay: { kind: 'step', payload } });

test('an attempt of a one-sided pivot that lands after the saga is cancelled takes no money (I10)', async () => {
  const db = new SQLite(':memory:');
  const barrier = sqliteBarrier({ db });
  await barrier.createTable();
  let funds = 0;
  let takenCents = 0;
  const bank = defineParticipant(deployed, {
    barrier,
    activities: {
      pay: {
        action({ cents }) {
          if (funds < cents) throw new Refusal('there is not enough money');
          takenCents += cents;
        },
        compensate: () => {
          takenCents = 0;
        },
      },
    },
  });
  let late: ParticipantRequest | null = null;
  const slow: Participant<typeof declared> = {
    contract: declared,
    routes: bank.routes,
    async handle(request) {
      if (late !== null) return bank.handle(request);
      // The first attempt is on its way for longer than its caller waits.
      late = request;
      return { status: 503, headers: {}, body: '' };
    },
  };
  const world = await createTestWorld({ participants: [slow] });
  const order = saga('order').pivot('pay', declared.pay, { cents: 900 });
  const cancelled = await world.tercet.submit({ saga: order }).catch((error) => error);
  expect(cancelled).toMatchObject({ name: 'TransactionCancelled' });
  await world.expectFinal(cancelled.gid, { status: 'cancelled' });
  funds = 1000;
  const answer = late === null ? null : await bank.handle(late);
  expect(answer?.status).toBe(409);
  expect(takenCents).toBe(0);
});
