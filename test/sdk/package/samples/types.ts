// What compiles, and what must not: each expected error is one that the compiler has to find.
import { branch, defineContract, defineParticipant, type RunOutcome, Tercet } from '@tercet/sdk';
import { type SqliteDatabase, sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import { nodeHttpParticipant } from '@tercet/sdk/node-http';
import { createTestWorld, scripted } from '@tercet/sdk/testing';
import { Type } from '@tercet/sdk/typebox';

const inventory = defineContract('inventory', {
  reserve: {
    payload: Type.Object({ item: Type.String(), quantity: Type.Integer() }),
    result: Type.Object({ reservationId: Type.String() }),
  },
});

declare const db: SqliteDatabase;

const participant = defineParticipant(inventory, {
  barrier: sqliteBarrier({ db }),
  activities: {
    reserve: {
      try({ item, quantity }, { sqlTx }) {
        sqlTx.exec('…');
        return { reservationId: `${item}-${quantity.toFixed()}` };
      },
      confirm: (_payload, { tryResult }) => tryResult?.reservationId,
      cancel: () => {},
    },
  },
});
export const handler = nodeHttpParticipant(participant);

defineParticipant(inventory, {
  barrier: sqliteBarrier({ db }),
  activities: {
    // @ts-expect-error: a cancel is missing
    reserve: { try: () => ({ reservationId: '1' }), confirm: () => {} },
  },
});

const tercet = new Tercet({ urls: 'http://127.0.0.1:8080', contracts: [inventory] });

export const outcome: Promise<RunOutcome<string>> = tercet.run({ name: 'order' }, async (tx) => {
  const { reservationId } = await tx.inventory.reserve({ item: 'tea', quantity: 2 });
  // @ts-expect-error: a quantity is a number
  await tx.inventory.reserve({ item: 'tea', quantity: 'two' });
  // @ts-expect-error: there is no such activity
  await tx.inventory.sell({ item: 'tea', quantity: 2 });
  return reservationId;
});

// @ts-expect-error: an item is missing
branch(inventory, 'reserve', { quantity: 2 });

export const world = createTestWorld({ participants: [scripted(inventory), participant] });
