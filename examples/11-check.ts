/**
 * 11: the check. It calls a participant as a coordinator and a bad network would, looks at its numbers, and
 * says what is wrong and what that costs. Here as a function; `npx tercet check` does the same, for a
 * service in any language.
 *
 *   node --conditions=tercet-source examples/11-check.ts
 *
 * prints:
 *
 *   with a barrier: passed, 0 of … rules are broken
 *   without: violated, … of … rules are broken
 *     rule:  A repeated try takes effect once.
 *     seen:  … The numbers changed by available −2, reserved +2; right is available −1, reserved +1.
 *     costs: A try is repeated whenever its answer was not heard. …
 *     fix:   …
 *     also:  …, late_try_accepted, …
 */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { defineContract, defineParticipant, Refusal } from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import { check } from '@tercet/sdk/check';
import { nodeHttpParticipant } from '@tercet/sdk/node-http';
import SQLite, { type Database } from 'better-sqlite3';
import { Type } from 'typebox';

await checked('with a barrier', await withBarrier(openStock()));
await checked('without', withoutBarrier(openStock()));

async function withBarrier(db: Database): Promise<RequestListener> {
  const barrier = sqliteBarrier({ db });
  await barrier.createTable();
  const inventory = defineContract('inventory', { reserve: { payload: Type.Object({}) } });
  const participant = defineParticipant(inventory, {
    barrier,
    activities: {
      reserve: {
        try() {
          if (!move(db, 'available', 'reserved')) throw new Refusal('there is none left');
        },
        confirm: () => void move(db, 'reserved', 'sold'),
        cancel: () => void move(db, 'reserved', 'available'),
      },
    },
  });
  const handle = nodeHttpParticipant(participant);
  return async (request, response) => {
    if (!(await handle(request, response))) response.end(JSON.stringify(numbers(db)));
  };
}

/** As one writes it before one thinks of networks: whatever is asked is done, whenever it is asked. */
function withoutBarrier(db: Database): RequestListener {
  return ({ url }, response) => {
    if (url === '/reserve/try' && !move(db, 'available', 'reserved')) response.statusCode = 409;
    if (url === '/reserve/confirm') move(db, 'reserved', 'sold');
    if (url === '/reserve/cancel') move(db, 'reserved', 'available');
    response.end(JSON.stringify(numbers(db)));
  };
}

async function checked(what: string, listener: RequestListener): Promise<void> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const report = await check({ baseUrl, activity: 'reserve', payload: {}, observeUrl: `${baseUrl}/numbers` });
  server.close();
  const { verdict, findings, judged } = report;
  console.log(`${what}: ${verdict}, ${findings.length} of ${judged.length} rules are broken`);
  const [first, ...more] = findings;
  if (first === undefined) return;
  console.log(`  rule:  ${first.rule}\n  seen:  ${first.what}\n  costs: ${first.why}\n  fix:   ${first.fix}`);
  console.log(`  also:  ${more.map(({ code }) => code).join(', ')}`);
}

function openStock(): Database {
  const db = new SQLite(':memory:');
  db.exec('CREATE TABLE mug (available INTEGER, reserved INTEGER, sold INTEGER)');
  db.exec('INSERT INTO mug VALUES (1000, 0, 0)');
  return db;
}

type Column = 'available' | 'reserved' | 'sold';

function move(db: Database, from: Column, to: Column): boolean {
  const sql = `UPDATE mug SET ${from} = ${from} - 1, ${to} = ${to} + 1 WHERE ${from} > 0`;
  return db.prepare(sql).run().changes === 1;
}

function numbers(db: Database): unknown {
  return db.prepare('SELECT available, reserved, sold FROM mug').get();
}
