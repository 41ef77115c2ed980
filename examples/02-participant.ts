/**
 * 02: a participant. A contract says what it can be asked, the barrier bears whatever a network does to its
 * calls, and what remains to be written is business: set aside, make use of it, give it back.
 *
 *   node --conditions=tercet-source examples/02-participant.ts
 *
 * prints:
 *
 *   a try: 200 {"left":8}; 8 available, 2 reserved, 0 sold
 *   the same try again: 200 {"left":8}; 8 available, 2 reserved, 0 sold
 *   its confirm: 200 null; 8 available, 0 reserved, 2 sold
 *   the same confirm again: 200 null; 8 available, 0 reserved, 2 sold
 *   a cancel before its try: 200 null; 8 available, 0 reserved, 2 sold
 *   its try, after the cancel: 409 cancelled_before; 8 available, 0 reserved, 2 sold
 *   a try for too many: 409 refused; 8 available, 0 reserved, 2 sold
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { defineContract, defineParticipant, Refusal } from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import { nodeHttpParticipant } from '@tercet/sdk/node-http';
import type { Op } from '@tercet/sdk/wire';
import SQLite, { type Database } from 'better-sqlite3';
import { Type } from 'typebox';
import { call } from './call.ts';

const inventory = defineContract('inventory', {
  reserve: {
    payload: Type.Object({ item: Type.String(), quantity: Type.Integer({ minimum: 1 }) }),
    result: Type.Object({ left: Type.Integer() }),
  },
});

type Order = { item: string; quantity: number };
type Item = { available: number; reserved: number; sold: number };

const db = new SQLite(':memory:');
db.exec('CREATE TABLE item (name TEXT, available INTEGER, reserved INTEGER, sold INTEGER)');
db.exec("INSERT INTO item VALUES ('mug', 10, 0, 0)");

// The barrier's table stands beside the participant's own, so that one SQL transaction, sqlTx, changes both.
const barrier = sqliteBarrier({ db });
await barrier.createTable();

const participant = defineParticipant(inventory, {
  barrier,
  activities: {
    reserve: {
      try(order, { sqlTx }) {
        if (!move(sqlTx, order, 'available', 'reserved'))
          throw new Refusal(`there are too few ${order.item}s`);
        return { left: numbers().available };
      },
      confirm: (order, { sqlTx }) => void move(sqlTx, order, 'reserved', 'sold'),
      cancel: (order, { sqlTx }) => void move(sqlTx, order, 'reserved', 'available'),
    },
  },
});

function move(sqlTx: Database, order: Order, from: keyof Item, to: keyof Item): boolean {
  const sql = `UPDATE item SET ${from} = ${from} - @quantity, ${to} = ${to} + @quantity
    WHERE name = @item AND ${from} >= @quantity`;
  return sqlTx.prepare(sql).run(order).changes === 1;
}

function numbers(): Item {
  return db.prepare('SELECT available, reserved, sold FROM item').get() as Item;
}

const handle = nodeHttpParticipant(participant);
const server = createServer(async (request, response) => {
  // Whatever is no call is the service's own.
  if (!(await handle(request, response))) response.writeHead(404).end();
}).listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;

await ask('a try', 'first', 'try');
await ask('the same try again', 'first', 'try');
await ask('its confirm', 'first', 'confirm');
await ask('the same confirm again', 'first', 'confirm');
await ask('a cancel before its try', 'second', 'cancel');
await ask('its try, after the cancel', 'second', 'try');
await ask('a try for too many', 'third', 'try', 100);
server.close();

async function ask(what: string, branchId: string, op: Op, quantity = 2): Promise<void> {
  const to = { activity: 'reserve', branchId, op, payload: { item: 'mug', quantity } };
  const { status, answer } = await call(`http://127.0.0.1:${port}`, to);
  const words = status === 200 ? JSON.stringify(answer) : (answer as { code: string }).code;
  const { available, reserved, sold } = numbers();
  console.log(`${what}: ${status} ${words}; ${available} available, ${reserved} reserved, ${sold} sold`);
}
