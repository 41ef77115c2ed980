/**
 * 06: a declared transaction. All branches are known beforehand, so they are handed over in one request: the
 * coordinator calls the tries itself, in parallel, and whoever asked for it may die. Asked again with the
 * same key, it is the same.
 *
 *   node --conditions=tercet-source examples/06-submit.ts
 *
 * prints:
 *
 *   confirmed, for the first time
 *   confirmed, as before; the same transaction: true
 *   mug 8 + 0 held, 2 gone; ann 7500 + 0 held, 2500 gone; bob 3000 + 0 held, 0 gone
 *   another order with that key: transaction_differs
 */
import { branch, RequestRejected, Tercet } from '@tercet/sdk';
import { inventory, openServices, payment } from './services.ts';
import { withCoordinator } from './with-coordinator.ts';

await withCoordinator(async ({ url, add }) => {
  const { participants, books } = await openServices();
  for (const participant of participants) await add(participant);
  const tercet = new Tercet({ urls: url, contracts: [inventory, payment] });

  const placeOrder = (quantity: number) =>
    tercet.submit({
      name: 'place-order',
      idempotencyKey: 'order-1',
      // Typed and checked by the contracts, as the tries of run are.
      branches: [
        branch(inventory, 'reserve', { item: 'mug', quantity }),
        branch(payment, 'hold', { account: 'ann', cents: quantity * 1250 }),
      ],
    });

  const first = await placeOrder(2);
  console.log(`${first.status}, for the first time`);
  const again = await placeOrder(2);
  console.log(`${again.status}, as before; the same transaction: ${again.gid === first.gid}`);
  console.log(books());

  // The key names one order. Another one under it is a mistake, and is told so.
  await placeOrder(3).catch((error: unknown) => {
    if (!(error instanceof RequestRejected)) throw error;
    console.log(`another order with that key: ${error.code}`);
  });
});
