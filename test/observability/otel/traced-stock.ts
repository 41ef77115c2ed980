/** A process that traces: a participant, which registers itself. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startTracing } from '../../../src/observability/otel/start.ts';

const tracing = startTracing(process.env);
const { defineParticipant, Refusal, Tercet } = await import('@tercet/sdk');
const { sqliteBarrier } = await import('@tercet/sdk/barrier/sqlite');
const { nodeHttpParticipant } = await import('@tercet/sdk/node-http');
const { default: SQLite } = await import('better-sqlite3');
const { stock } = await import('./traced-contracts.ts');

const barrier = sqliteBarrier({ db: new SQLite(':memory:') });
await barrier.createTable();
const ifWanted = ({ isRefused }: { isRefused: boolean }) => {
  if (isRefused) throw new Refusal('sold out');
};
const nothing = () => {};
const participant = defineParticipant(stock, {
  barrier,
  activities: {
    reserve: { try: ifWanted, confirm: nothing, cancel: nothing },
    pick: { action: ifWanted, compensate: nothing },
    pack: { action: ifWanted, compensate: nothing },
  },
});
const handle = nodeHttpParticipant(participant);
const server = createServer(async (request, response) => {
  if (!(await handle(request, response))) response.writeHead(404).end();
}).listen(0, '127.0.0.1');
await once(server, 'listening');
const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
await new Tercet({ urls: process.env.COORDINATOR_URL ?? '', contracts: [stock] }).register(stock, {
  baseUrl,
});

process.once('disconnect', () => void tracing.stop().then(() => process.exit(0)));
process.send?.({ baseUrl });
