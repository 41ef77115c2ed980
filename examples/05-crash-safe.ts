/**
 * 05: an initiator that dies half-way. It is started again and runs the same again with the same
 * idempotencyKey: the transaction goes on where it was, its first try is called a second time, and each
 * effect is there once.
 *
 *   node --conditions=tercet-source examples/05-crash-safe.ts
 *
 * prints:
 *
 *   first run:  reserved for 2500 cents, and the process dies
 *   in between: mug 8 + 2 held, 0 gone; ann 10000 + 0 held, 0 gone; bob 3000 + 0 held, 0 gone
 *   second run: reserved for 2500 cents, held, confirmed
 *   after it:   mug 8 + 0 held, 2 gone; ann 7500 + 0 held, 2500 gone; bob 3000 + 0 held, 0 gone
 *   third run:  confirmed before, so nothing was called
 *   in the end: mug 8 + 0 held, 2 gone; ann 7500 + 0 held, 2500 gone; bob 3000 + 0 held, 0 gone
 */
import { once } from 'node:events';
import { Tercet } from '@tercet/sdk';
import { inventory, openServices, payment } from './services.ts';
import { withCoordinator } from './with-coordinator.ts';

const [, , role, url = ''] = process.argv;
if (role === undefined) await watch();
else await placeOrder(role === 'that-dies');

/** The initiator, in a process of its own. */
async function placeOrder(dies: boolean): Promise<void> {
  const tercet = new Tercet({ urls: url, contracts: [inventory, payment] });
  const outcome = await tercet.run({ name: 'place-order', idempotencyKey: 'order-1' }, async (tx) => {
    const { cents } = await tx.inventory.reserve({ item: 'mug', quantity: 2 });
    process.stdout.write(`reserved for ${cents} cents, `);
    if (dies) {
      process.stdout.write('and the process dies\n');
      process.exit(1);
    }
    await tx.payment.hold({ account: 'ann', cents });
    process.stdout.write('held, ');
  });
  console.log(outcome.isRepeated ? `${outcome.status} before, so nothing was called` : outcome.status);
}

async function watch(): Promise<void> {
  await withCoordinator(async ({ url, add, start }) => {
    const { participants, books } = await openServices();
    for (const participant of participants) await add(participant);
    const run = (role: string) => once(start(import.meta.filename, role, url), 'exit');

    process.stdout.write('first run:  ');
    await run('that-dies');
    console.log(`in between: ${books()}`);
    process.stdout.write('second run: ');
    await run('that-lives');
    console.log(`after it:   ${books()}`);
    process.stdout.write('third run:  ');
    await run('that-lives');
    console.log(`in the end: ${books()}`);
  });
}
