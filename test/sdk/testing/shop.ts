// A small shop for the tests of test worlds: two contracts, and an inventory that is a real participant on SQLite.
import { type Contract, defineContract, defineParticipant, Refusal, type Route } from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import { Op } from '@tercet/sdk/wire';
import SQLite from 'better-sqlite3';
import { Type } from 'typebox';

export const inventory = defineContract('inventory', {
  reserve: {
    payload: Type.Object({ item: Type.String(), quantity: Type.Integer({ minimum: 1 }) }),
    result: Type.Object({ reservationId: Type.String() }),
  },
});

export const payment = defineContract('payment', {
  hold: { payload: Type.Object({ cents: Type.Integer() }), result: Type.Object({ holdId: Type.String() }) },
  refund: { payload: Type.Object({ cents: Type.Integer() }) },
});

/** Ten teapots. `beforeWork` runs before each op does its work, outside of any SQL transaction. */
export async function openInventory(secrets?: readonly string[]) {
  const db = new SQLite(':memory:');
  db.exec(
    `CREATE TABLE stock (available INTEGER, reserved INTEGER, sold INTEGER); INSERT INTO stock VALUES (10, 0, 0)`,
  );
  const reserve = db.prepare(
    'UPDATE stock SET available = available - :n, reserved = reserved + :n WHERE available >= :n',
  );
  const sell = db.prepare('UPDATE stock SET reserved = reserved - :n, sold = sold + :n');
  const putBack = db.prepare('UPDATE stock SET available = available + :n, reserved = reserved - :n');
  const barrier = sqliteBarrier({ db });
  await barrier.createTable();
  const participant = defineParticipant(inventory, {
    barrier,
    activities: {
      reserve: {
        try({ item, quantity: n }, { call }) {
          if (reserve.run({ n }).changes === 0) throw new Refusal(`not enough of ${item}`);
          return { reservationId: `${call.branchId} of ${item}` };
        },
        confirm: ({ quantity: n }) => void sell.run({ n }),
        cancel: ({ quantity: n }) => void putBack.run({ n }),
      },
    },
    ...(secrets !== undefined && { secrets }),
  });
  const stock = () => db.prepare('SELECT available, reserved, sold FROM stock').get();
  return { participant, stock };
}

export const order = { item: 'teapot', quantity: 2 };
export const price = { cents: 900 };

/** All that a service could be asked, for one that answers to everything. */
export const everyRoute = ({ activities }: Contract): readonly Route[] =>
  Object.keys(activities).flatMap((activity) => Op.enum.map((op) => ({ activity, op })));
