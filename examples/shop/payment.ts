/** Payment: `hold` sets a customer's money aside; confirmed it is paid, cancelled it is free again. All in cents. */
import { Refusal } from '@tercet/sdk';
import { payment } from './contracts.ts';
import { openDatabase, serve } from './participant.ts';

const db = openDatabase(`
  CREATE TABLE IF NOT EXISTS account (
    name TEXT PRIMARY KEY, available INTEGER NOT NULL, held INTEGER NOT NULL, paid INTEGER NOT NULL
  );
  INSERT OR IGNORE INTO account VALUES ('ann', 50000, 0, 0), ('bob', 3000, 0, 0)`);

const hold = db.prepare(`
  UPDATE account SET available = available - @cents, held = held + @cents
  WHERE name = @account AND available >= @cents`);
const pay = db.prepare(`
  UPDATE account SET held = held - @cents, paid = paid + @cents WHERE name = @account`);
const release = db.prepare(`
  UPDATE account SET held = held - @cents, available = available + @cents WHERE name = @account`);
const numbers = db.prepare('SELECT name, available, held, paid FROM account ORDER BY name');

await serve(payment, {
  db,
  activities: {
    hold: {
      try(order) {
        if (hold.run(order).changes === 0) throw new Refusal(`${order.account} has not enough money`);
      },
      // The money was held, so neither of these can have a reason to refuse.
      confirm: (order) => void pay.run(order),
      cancel: (order) => void release.run(order),
    },
  },
  numbers: () => numbers.all(),
});
