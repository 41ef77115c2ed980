/** Shipping: `open` books a place in the van; confirmed there is a shipment, cancelled the place is free again. */
import { Refusal } from '@tercet/sdk';
import { shipping } from './contracts.ts';
import { openDatabase, serve } from './participant.ts';

const db = openDatabase(`
  CREATE TABLE IF NOT EXISTS van (
    name TEXT PRIMARY KEY, available INTEGER NOT NULL, booked INTEGER NOT NULL, loaded INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS shipment (order_number TEXT NOT NULL, address TEXT NOT NULL);
  INSERT OR IGNORE INTO van VALUES ('van', 8, 0, 0)`);

const book = db.prepare(`
  UPDATE van SET available = available - 1, booked = booked + 1 WHERE available >= 1`);
const load = db.prepare('UPDATE van SET booked = booked - 1, loaded = loaded + 1');
const open = db.prepare('INSERT INTO shipment VALUES (@order, @address)');
const free = db.prepare('UPDATE van SET booked = booked - 1, available = available + 1');
const numbers = db.prepare('SELECT name, available, booked, loaded FROM van');

await serve(shipping, {
  db,
  activities: {
    open: {
      try() {
        if (book.run().changes === 0) throw new Refusal('the van is full');
      },
      confirm(order) {
        load.run();
        open.run(order);
      },
      cancel: () => void free.run(),
    },
  },
  numbers: () => numbers.all(),
});
