/**
 * Shipping: `open` books a place in the van; confirmed there is a shipment, cancelled the place is free again.
 * In a saga `book` books it and `load` makes it a shipment, at once; each can be undone.
 */
import { Refusal } from '@tercet/sdk';
import { shipping } from './contracts.ts';
import { openDatabase, opening, serve } from './participant.ts';

const VAN = 'van 1';

const db = openDatabase(`
  CREATE TABLE IF NOT EXISTS van (
    name TEXT PRIMARY KEY, available INTEGER NOT NULL, booked INTEGER NOT NULL, loaded INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS shipment (order_number TEXT NOT NULL, address TEXT NOT NULL, van TEXT NOT NULL);
  INSERT OR IGNORE INTO van VALUES ('${VAN}', ${opening(8)}, 0, 0)`);

const book = db.prepare(`
  UPDATE van SET available = available - 1, booked = booked + 1 WHERE available >= 1`);
const load = db.prepare('UPDATE van SET booked = booked - 1, loaded = loaded + 1');
const open = db.prepare('INSERT INTO shipment VALUES (@order, @address, @van)');
const free = db.prepare('UPDATE van SET booked = booked - 1, available = available + 1');
const unload = db.prepare('UPDATE van SET loaded = loaded - 1, booked = booked + 1');
const close = db.prepare('DELETE FROM shipment WHERE order_number = @order');
const numbers = db.prepare('SELECT name, available, booked, loaded FROM van');

function bookPlace(): void {
  if (book.run().changes === 0) throw new Refusal('the van is full');
}

await serve(shipping, {
  db,
  activities: {
    open: {
      try: bookPlace,
      confirm(order) {
        load.run();
        open.run({ ...order, van: VAN });
      },
      cancel: () => void free.run(),
    },
    book: {
      action() {
        bookPlace();
        return { van: VAN };
      },
      compensate: () => void free.run(),
    },
    load: {
      action(parcel) {
        if (parcel.address.endsWith('Island')) throw new Refusal(`${parcel.van} does not go to islands`);
        load.run();
        open.run(parcel);
      },
      compensate(parcel) {
        unload.run();
        close.run(parcel);
      },
    },
  },
  numbers: () => numbers.all(),
});
