/**
 * 03: an initiator. A function calls the tries, typed by the contracts; what one answers can be used for the
 * next. When it returns, and every try succeeded, all of it takes effect.
 *
 *   node --conditions=tercet-source examples/03-run.ts
 *
 * prints:
 *
 *   before: mug 10 + 0 held, 0 gone; ann 10000 + 0 held, 0 gone; bob 3000 + 0 held, 0 gone
 *   within: mug 8 + 2 held, 0 gone; ann 7500 + 2500 held, 0 gone; bob 3000 + 0 held, 0 gone
 *   confirmed: ann pays 2500 cents
 *   Confirmed at …, because the initiator requested confirm.
 *   after:  mug 8 + 0 held, 2 gone; ann 7500 + 0 held, 2500 gone; bob 3000 + 0 held, 0 gone
 *   its branches: inventory-reserve-1, payment-hold-1
 */
import { Tercet } from '@tercet/sdk';
import { inventory, openServices, payment } from './services.ts';
import { withCoordinator } from './with-coordinator.ts';

await withCoordinator(async ({ url, add }) => {
  const { participants, books } = await openServices();
  for (const participant of participants) await add(participant);
  console.log(`before: ${books()}`);

  const tercet = new Tercet({ urls: url, contracts: [inventory, payment] });
  const outcome = await tercet.run({ name: 'place-order', idempotencyKey: 'order-1' }, async (tx) => {
    // The inventory knows the price. A payload that does not fit the contract does not compile.
    const { cents } = await tx.inventory.reserve({ item: 'mug', quantity: 2 });
    await tx.payment.hold({ account: 'ann', cents });
    console.log(`within: ${books()}`);
    return cents;
  });

  // Had another run with this key confirmed it before, what its function returned would not be known here.
  if (!outcome.isRepeated) console.log(`${outcome.status}: ann pays ${outcome.value} cents`);
  console.log(outcome.explanation);
  console.log(`after:  ${books()}`);

  const transaction = await tercet.find(outcome.gid);
  console.log(`its branches: ${transaction?.branches.map(({ branchId }) => branchId).join(', ')}`);
});
