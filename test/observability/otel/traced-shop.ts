/**
 * A process that traces: a shop that begins transactions by the SDK. It is sent the name of an order, and answers the outcome.
 */
import { startTracing } from '../../../src/observability/otel/start.ts';

const tracing = startTracing(process.env);
const { branch, saga, Tercet } = await import('@tercet/sdk');
const { python, stock } = await import('./traced-contracts.ts');

const tercet = new Tercet({ urls: process.env.COORDINATOR_URL ?? '', contracts: [stock, python] });
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
  passedOn: () =>
    tercet.submit({ ...order, branches: [branch(python, 'reserve', wanted, { branchId: 'one' })] }),
};
export type Order = keyof typeof ORDERS;
export type Placed = { readonly [field in 'gid' | 'name' | 'message']?: string };

process.on('message', async (order: Order) => {
  const { gid, name, message } = (await ORDERS[order]().catch((error: unknown) => error)) as Placed;
  process.send?.({ gid, name, message });
});
process.once('disconnect', () => void tracing.stop().then(() => process.exit(0)));
process.send?.({});
