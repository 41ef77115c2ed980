/**
 * 12: a saga. Each step takes effect at once, and when a later one is refused it is compensated; from the pivot
 * on there is no way back, only forward. What a step answers, later ones can be given.
 *
 *   node --conditions=tercet-source examples/12-saga.ts
 *
 * prints:
 *
 *   charge is asked for {"account":"ann","cents":{"$from":"take.cents"}}
 *   took 2 mugs
 *   charged ann 2500
 *   sent to ann, who has paid by receipt-1
 *   ann: confirmed
 *   took 3 mugs
 *   put back 3 mugs
 *   bob: cancelled, charge of payment was refused
 *   mug 8, ann 7500, bob 3000
 */
import { defineContract, defineParticipant, Refusal, saga, Tercet, TransactionCancelled } from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import SQLite, { type Database } from 'better-sqlite3';
import { Type } from 'typebox';
import { withCoordinator } from './with-coordinator.ts';

const Count = Type.Integer({ minimum: 1 });
const inventory = defineContract('inventory', {
  take: { kind: 'step', payload: Type.Object({ mugs: Count }), result: Type.Object({ cents: Count }) },
});
const payment = defineContract('payment', {
  charge: {
    kind: 'pivot',
    payload: Type.Object({ account: Type.String(), cents: Count }),
    result: Type.Object({ receipt: Type.String() }),
  },
});
const shipping = defineContract('shipping', {
  send: { kind: 'final', payload: Type.Object({ to: Type.String(), receipt: Type.String() }) },
});

const db = new SQLite(':memory:');

// Built once or for each order; it can be kept, and submitted often. `take.cents` is not known here: it stands for
// what take will answer, and the compiler knows that it is a number.
const orderOf = (customer: string, mugs: number) =>
  saga('order-mugs')
    .step('take', inventory.take, { mugs })
    .pivot('charge', payment.charge, ({ take }) => ({ account: customer, cents: take.cents }))
    .step('send', shipping.send, ({ charge }) => ({ to: customer, receipt: charge.receipt }));

const asked = orderOf('ann', 2).definition.branches.find(({ branchId }) => branchId === 'charge');
console.log(`charge is asked for ${JSON.stringify(asked?.payload)}`);

await withCoordinator(async ({ url, add }) => {
  for (const participant of await openServices()) await add(participant);
  const tercet = new Tercet({ urls: url, contracts: [] });

  for (const [customer, mugs] of [
    ['ann', 2],
    ['bob', 3],
  ] as const) {
    try {
      const { status } = await tercet.submit({
        saga: orderOf(customer, mugs),
        idempotencyKey: `order-${customer}`,
      });
      console.log(`${customer}: ${status}`);
    } catch (error) {
      // As with any transaction: this one is decided, others are not.
      if (!(error instanceof TransactionCancelled)) throw error;
      const { refusal, status } = error;
      console.log(`${customer}: ${status}, ${refusal?.activity} of ${refusal?.participant} was refused`);
    }
  }
  console.log(books());
});

/** Three services. Each has a database of its own elsewhere; here they share one, to be short. */
async function openServices() {
  db.exec(
    "CREATE TABLE book (name TEXT, amount INTEGER); INSERT INTO book VALUES ('mug', 10), ('ann', 10000), ('bob', 3000)",
  );
  const barrier = sqliteBarrier({ db });
  await barrier.createTable();
  return [
    defineParticipant(inventory, {
      barrier,
      activities: {
        take: {
          action({ mugs }, { sqlTx }) {
            change(sqlTx, 'mug', -mugs);
            console.log(`took ${mugs} mugs`);
            return { cents: mugs * 1250 };
          },
          compensate({ mugs }, { sqlTx }) {
            change(sqlTx, 'mug', mugs);
            console.log(`put back ${mugs} mugs`);
          },
        },
      },
    }),
    defineParticipant(payment, {
      barrier,
      activities: {
        charge: {
          // A refusal decides, so it is remembered for good: asked again, it is the same.
          action({ account, cents }, { sqlTx }) {
            change(sqlTx, account, -cents);
            console.log(`charged ${account} ${cents}`);
            return { receipt: 'receipt-1' };
          },
        },
      },
    }),
    defineParticipant(shipping, {
      barrier,
      activities: {
        send: { action: ({ to, receipt }) => console.log(`sent to ${to}, who has paid by ${receipt}`) },
      },
    }),
  ];
}

function change(sqlTx: Database, name: string, by: number): void {
  const { changes } = sqlTx
    .prepare('UPDATE book SET amount = amount + ? WHERE name = ? AND amount + ? >= 0')
    .run(by, name, by);
  if (changes === 0) throw new Refusal(`${name} has less than ${-by}`);
}

function books(): string {
  const rows = db.prepare<[], { name: string; amount: number }>('SELECT * FROM book').all();
  return rows.map(({ name, amount }) => `${name} ${amount}`).join(', ');
}
