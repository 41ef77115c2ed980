/**
 * 04: a refusal. One participant says no, and nothing of the transaction takes effect: what the others have
 * set aside is given back, and the initiator is told who refused, and why.
 *
 *   node --conditions=tercet-source examples/04-refused.ts
 *
 * prints:
 *
 *   within: mug 7 + 3 held, 0 gone; ann 10000 + 0 held, 0 gone; bob 3000 + 0 held, 0 gone
 *   payment refused: bob has less than 3750 cents
 *   after:  mug 10 + 0 held, 0 gone; ann 10000 + 0 held, 0 gone; bob 3000 + 0 held, 0 gone
 *   Transaction … is cancelled: hold of payment (branch “payment-hold-1”) was refused: …
 */
import { Tercet, TransactionCancelled } from '@tercet/sdk';
import { inventory, openServices, payment } from './services.ts';
import { withCoordinator } from './with-coordinator.ts';

await withCoordinator(async ({ url, add }) => {
  const { participants, books } = await openServices();
  for (const participant of participants) await add(participant);
  const tercet = new Tercet({ urls: url, contracts: [inventory, payment] });

  try {
    await tercet.run({ name: 'place-order', idempotencyKey: 'order-1' }, async (tx) => {
      const { cents } = await tx.inventory.reserve({ item: 'mug', quantity: 3 });
      console.log(`within: ${books()}`);
      // Throws, and so does the function. Had it caught this and gone on, it would be cancelled all the same.
      await tx.payment.hold({ account: 'bob', cents });
    });
  } catch (error) {
    // This one is decided. Others are not: OutcomeUnknown, for one, is neither success nor failure.
    if (!(error instanceof TransactionCancelled)) throw error;
    const { refusal, message } = error;
    console.log(`${refusal?.participant} refused: ${refusal?.detail}`);
    console.log(`after:  ${books()}`);
    console.log(message);
  }
});
