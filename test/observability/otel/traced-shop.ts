/**
 * A process that traces: a shop that begins transactions by the SDK, and the participant that it needs. It is sent the name of
 * an order, and answers the outcome.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startTracing } from '../../../src/observability/otel/start.ts';

const tracing = startTracing(process.env);
const { branch, defineContract, defineParticipant, Refusal, saga, Tercet } = await import('@tercet/sdk');
const { sqliteBarrier } = await import('@tercet/sdk/barrier/sqlite');
const { nodeHttpParticipant } = await import('@tercet/sdk/node-http');
const { default: SQLite } = await import('better-sqlite3');
const { Type } = await import('typebox');

const payload = Type.Object({ isRefused: Type.Boolean() });
const stock = defineContract('stock', {
  reserve: { payload },
  pick: { payload, kind: 'step' },
  pack: { payload, kind: 'step' },
});
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
const tercet = new Tercet({ urls: process.env.COORDINATOR_URL ?? '', contracts: [stock] });
await tercet.register(stock, { baseUrl });

const wanted = { isRefused: false };
const refused = { isRefused: true };
const reserve = (what: typeof wanted, branchId: string) => branch(stock, 'reserve', what, { branchId });
const waitMs = 60_000;
const order = { name: 'order', waitMs };
const ORDERS = {
  confirmed: () => tercet.submit({ ...order, branches: [reserve(wanted, 'one'), reserve(wanted, 'two')] }),
  interactive: () => tercet.run(order, (tx) => tx.stock.reserve(wanted)),
  refused: () => tercet.submit({ ...order, branches: [reserve(wanted, 'good'), reserve(refused, 'bad')] }),
  undone: () =>
    tercet.submit({
      waitMs,
      saga: saga('order').step('picked', stock.pick, wanted).step('packed', stock.pack, refused),
    }),
};
export type Order = keyof typeof ORDERS;

process.on('message', async (order: Order) => {
  const { gid, name, message } = (await ORDERS[order]().catch((error: unknown) => error)) as {
    readonly [field in 'gid' | 'name' | 'message']?: string;
  };
  process.send?.({ gid, name, message });
});
process.once('disconnect', () => void tracing.stop().then(() => process.exit(0)));
process.send?.({});
