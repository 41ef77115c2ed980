/**
 * Inventory: `reserve` sets pieces of an item aside; confirmed they are sold, cancelled they are back on the shelf.
 * `take` sells them at once; compensated they are back.
 */
import { Refusal } from '@tercet/sdk';
import { inventory } from './contracts.ts';
import { openDatabase, opening, serve } from './participant.ts';

const db = openDatabase(`
  CREATE TABLE IF NOT EXISTS item (
    name TEXT PRIMARY KEY, available INTEGER NOT NULL, reserved INTEGER NOT NULL, sold INTEGER NOT NULL
  );
  INSERT OR IGNORE INTO item VALUES ('mug', ${opening(10)}, 0, 0), ('teapot', ${opening(5)}, 0, 0)`);

const reserve = db.prepare(`
  UPDATE item SET available = available - @quantity, reserved = reserved + @quantity
  WHERE name = @item AND available >= @quantity`);
const sell = db.prepare(`
  UPDATE item SET reserved = reserved - @quantity, sold = sold + @quantity WHERE name = @item`);
const putBack = db.prepare(`
  UPDATE item SET reserved = reserved - @quantity, available = available + @quantity WHERE name = @item`);
const take = db.prepare(`
  UPDATE item SET available = available - @quantity, sold = sold + @quantity
  WHERE name = @item AND available >= @quantity`);
const takeBack = db.prepare(`
  UPDATE item SET sold = sold - @quantity, available = available + @quantity WHERE name = @item`);
const numbers = db.prepare('SELECT name, available, reserved, sold FROM item ORDER BY name');

await serve(inventory, {
  db,
  activities: {
    reserve: {
      try(order) {
        if (reserve.run(order).changes === 0) throw new Refusal(`not enough ${order.item}s`);
      },
      // What the try set aside is there, so neither of these can have a reason to refuse.
      confirm: (order) => void sell.run(order),
      cancel: (order) => void putBack.run(order),
    },
    take: {
      action(gift) {
        if (take.run(gift).changes === 0) throw new Refusal(`not enough ${gift.item}s`);
      },
      compensate: (gift) => void takeBack.run(gift),
    },
  },
  numbers: () => numbers.all(),
});
