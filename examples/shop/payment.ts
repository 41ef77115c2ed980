/**
 * Payment: `hold` sets a customer's money aside; confirmed it is paid, cancelled it is free again. All in cents.
 *
 * Two ways to pay at once: `charge` takes the money by card, and compensated it is refunded. `transfer` has the bank send it,
 * which nobody can undo: so it is the pivot of its saga.
 */
import { Refusal } from '@tercet/sdk';
import { payment } from './contracts.ts';
import { openDatabase, opening, serve } from './participant.ts';

const db = openDatabase(`
  CREATE TABLE IF NOT EXISTS account (
    name TEXT PRIMARY KEY, available INTEGER NOT NULL, held INTEGER NOT NULL, paid INTEGER NOT NULL
  );
  INSERT OR IGNORE INTO account VALUES ('ann', ${opening(50_000)}, 0, 0), ('bob', ${opening(3000)}, 0, 0)`);

const hold = db.prepare(`
  UPDATE account SET available = available - @cents, held = held + @cents
  WHERE name = @account AND available >= @cents`);
const pay = db.prepare(`
  UPDATE account SET held = held - @cents, paid = paid + @cents WHERE name = @account`);
const release = db.prepare(`
  UPDATE account SET held = held - @cents, available = available + @cents WHERE name = @account`);
const take = db.prepare(`
  UPDATE account SET available = available - @cents, paid = paid + @cents
  WHERE name = @account AND available >= @cents`);
const refund = db.prepare(`
  UPDATE account SET paid = paid - @cents, available = available + @cents WHERE name = @account`);
const numbers = db.prepare('SELECT name, available, held, paid FROM account ORDER BY name');

type Amount = { readonly account: string; readonly cents: number };

function payAtOnce(amount: Amount): void {
  if (take.run(amount).changes === 0) throw notEnough(amount);
}

const notEnough = ({ account }: Amount): Refusal => new Refusal(`${account} has not enough money`);

await serve(payment, {
  db,
  activities: {
    hold: {
      try(order) {
        if (hold.run(order).changes === 0) throw notEnough(order);
      },
      // The money was held, so neither of these can have a reason to refuse.
      confirm: (order) => void pay.run(order),
      cancel: (order) => void release.run(order),
    },
    charge: { action: payAtOnce, compensate: (amount) => void refund.run(amount) },
    transfer: { action: payAtOnce },
  },
  numbers: () => numbers.all(),
});
