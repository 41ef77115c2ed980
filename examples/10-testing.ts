/**
 * 10: tests of one's own. The real coordinator in memory, scripted participants, and a clock that jumps:
 * half a minute of trouble takes milliseconds, and comes out the same every time. Any ESM runner will do;
 * here it is printed.
 *
 *   node --conditions=tercet-source examples/10-testing.ts
 *
 * prints:
 *
 *   two answers lost: confirmed, after 3 calls of payment/confirm
 *   a try on its way: cancelled, TransactionTimedOut
 *   it arrives late: 409; of its branch took effect: none
 */
import { type Tercet, TransactionTimedOut } from '@tercet/sdk';
import { createTestWorld, scripted } from '@tercet/sdk/testing';
import { inventory, payment } from './services.ts';

/** What is to be tested. */
const placeOrder = (tercet: Tercet<[typeof inventory, typeof payment]>) =>
  tercet.run({ name: 'place-order' }, async (tx) => {
    const { cents } = await tx.inventory.reserve({ item: 'mug', quantity: 2 });
    await tx.payment.hold({ account: 'ann', cents }, { branchId: 'money' });
  });

const open = () =>
  createTestWorld({ participants: [scripted(inventory, { reserve: { cents: 2500 } }), scripted(payment)] });

await confirmedThoughAnswersAreLost();
await cancelledThoughTheTryComesLate();

async function confirmedThoughAnswersAreLost(): Promise<void> {
  const world = await open();
  world.on(payment, 'confirm').loseReply(2);
  const { gid } = await placeOrder(world.tercet);
  // Also compares what took effect at the participants with what was decided.
  await world.expectFinal(gid, { status: 'confirmed', branches: { money: 'confirmed' } });
  const calls = world.calls.filter(({ participant, op }) => participant === 'payment' && op === 'confirm');
  console.log(`two answers lost: confirmed, after ${calls.length} calls of payment/confirm`);
}

async function cancelledThoughTheTryComesLate(): Promise<void> {
  const world = await open();
  const held = world.on(payment, 'try').hold();
  const placed = placeOrder(world.tercet).catch((error: unknown) => error);
  const { gid } = await held.reached();
  // From here on the clock stands. The call is given up, and so are those that repeat it, until the deadline.
  await world.clock.pass(30_000);
  const error = await placed;
  if (!(error instanceof TransactionTimedOut) || gid === null) throw error;
  console.log(`a try on its way: ${error.status}, ${error.name}`);

  held.release();
  await world.expectFinal(gid, { status: 'cancelled', branches: { money: 'none' } });
  const late = world.calls.find(({ participant, op }) => participant === 'payment' && op === 'try');
  console.log(`it arrives late: ${late?.status}; of its branch took effect: ${world.effectOf(gid, 'money')}`);
}
