/**
 * One participant of the shop: a plain HTTP service with its own database, which takes part in global transactions.
 *
 *   POST /{activity}/{op}   the coordinator, or for a try the initiator, asks for a try, a confirm or a cancel; or the
 *                           coordinator, in a saga, for an action or a compensate
 *   GET  /numbers           what there is, what is set aside and what is gone
 *   GET  /effects           what came of every call, oldest first
 *
 * Set by the environment: SHOP_DATABASE, the SQLite file; SHOP_HOST, the address to listen on, loopback unless set; SHOP_PORT,
 * where 0 is any free one; SHOP_OPENING_FACTOR, by which what the shop opens with is multiplied. Once it listens it prints one
 * line: `{"name":"payment","port":40123}`.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Contract, defineParticipant, type ParticipantOptions } from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import { nodeHttpParticipant } from '@tercet/sdk/node-http';
import SQLite, { type Database } from 'better-sqlite3';
import { type Effects, effectsIn, noted, notingRefusals } from './effects.ts';
import { isTroubleAllowed, trouble } from './trouble.ts';

/** What an inventory, an account or a van opens with: enough for the demo, or for days of load. */
export const opening = (amount: number): number => amount * Number(process.env.SHOP_OPENING_FACTOR || 1);

/** The participant's own database, with its tables and the stock it opens with. */
export function openDatabase(tables: string): Database {
  const db = new SQLite(process.env.SHOP_DATABASE ?? ':memory:');
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec(tables);
  return db;
}

export type Service<Of extends Contract> = {
  readonly db: Database;
  /** Each op is a little SQL, runs behind the barrier, and refuses by throwing a Refusal. */
  readonly activities: ParticipantOptions<Of, Database, object>['activities'];
  readonly numbers: () => readonly unknown[];
};

export async function serve<Of extends Contract>(contract: Of, service: Service<Of>): Promise<void> {
  const { name } = contract;
  const { db, activities, numbers } = service;
  const effects = effectsIn(db);
  const barrier = await barrierOf(name, db, effects);
  const participant = notingRefusals(defineParticipant(contract, { barrier, activities }), effects);
  const handle = nodeHttpParticipant(isTroubleAllowed ? trouble.around(participant) : participant);
  const server = createServer(async (request, response) => {
    if (await handle(request, response)) return;
    const route = `${request.method} ${request.url}`;
    if (route === 'GET /numbers') return send(response, 200, numbers());
    if (route === 'GET /effects') return send(response, 200, effects.all());
    if (isTroubleAllowed && request.url === '/trouble')
      return send(response, 200, await trouble.answer(request));
    send(response, 404, { detail: `${name} knows no ${route}` });
  });
  const host = process.env.SHOP_HOST || '127.0.0.1';
  server.listen(Number(process.env.SHOP_PORT ?? 0), host, () => {
    const { port } = server.address() as AddressInfo;
    process.stdout.write(`${JSON.stringify({ name, port })}\n`);
  });
}

async function barrierOf(name: string, db: Database, effects: Effects) {
  if (trouble.isWithoutBarrier(name)) return noted(trouble.noBarrier(db), effects);
  const barrier = sqliteBarrier({ db });
  await barrier.createTable();
  return noted(barrier, effects);
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
