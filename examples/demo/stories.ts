/**
 * Six orders and two gifts, and what goes wrong with each. Every story tells what it did itself, waits for the end, and says
 * how it has to end; that it did is checked elsewhere.
 *
 * Nothing here sleeps and hopes: a participant holds a call at its door until the story has done its harm.
 */
import { giftStories } from './gift-stories.ts';
import { branchesOf, type Order } from './order.ts';
import type { Shop } from './shop.ts';
import { calledInVain, type Did, NO_HURRY_MS, type Story, WAIT_S } from './story.ts';
import type { Transaction } from './tercet.ts';
import { waitUntil } from './wait-until.ts';

const SOON_MS = 1500;

export const stories: readonly Story[] = [
  {
    order: { number: 'A-1', customer: 'ann', item: 'mug', quantity: 2 },
    title: 'Ann buys two mugs. All goes well.',
    endsAs: 'confirmed',
    reason: 'all_tries_succeeded',
    tell: (shop, order) => place(shop, order, NO_HURRY_MS),
  },
  {
    order: { number: 'B-2', customer: 'bob', item: 'teapot', quantity: 1 },
    title: 'Bob buys a teapot for 40.00 and has 30.00. Payment refuses; what was set aside is given back.',
    endsAs: 'cancelled',
    reason: 'try_refused',
    tell: (shop, order) => place(shop, order, NO_HURRY_MS),
  },
  {
    order: { number: 'A-3', customer: 'ann', item: 'teapot', quantity: 1 },
    title: 'Ann buys a teapot. Payment hangs until the deadline; its tries land after their own cancel.',
    endsAs: 'cancelled',
    reason: 'deadline_passed',
    tell: hangingTry,
  },
  {
    order: { number: 'A-4', customer: 'ann', item: 'mug', quantity: 3 },
    title: 'Ann buys three mugs; this shop calls the tries itself. Payment is killed before its confirm.',
    endsAs: 'confirmed',
    reason: 'confirm_requested',
    tell: killedParticipant,
  },
  {
    order: { number: 'A-5', customer: 'ann', item: 'teapot', quantity: 1 },
    title: 'Ann buys a teapot. The coordinator is killed during the tries, with nothing decided.',
    endsAs: 'confirmed',
    reason: 'all_tries_succeeded',
    tell: killedWhileTrying,
  },
  {
    order: { number: 'B-6', customer: 'bob', item: 'mug', quantity: 1 },
    title: 'Bob buys a mug. The coordinator is killed during the confirms, with the decision taken.',
    endsAs: 'confirmed',
    reason: 'all_tries_succeeded',
    tell: killedWhileConfirming,
  },
  ...giftStories,
];

/** Declared: one request with all branches. The same order number is the same transaction, however often it is sent. */
function place({ tercet }: Shop, order: Order, timeoutMs: number, waitS = WAIT_S): Promise<Transaction> {
  return tercet.begin(
    { name: 'order', businessKey: order.number, timeoutMs, branches: branchesOf(order) },
    { idempotencyKey: order.number, waitS },
  );
}

async function hangingTry(shop: Shop, order: Order, did: Did): Promise<Transaction> {
  await shop.payment.hold('try');
  did('payment stalls: its tries wait at the door');
  const ended = await place(shop, order, SOON_MS);
  const heldCount = await shop.payment.someoneHeld();
  did('payment goes on: the tries that waited are let in');
  await shop.payment.release();
  await waitUntil('the late tries are through', async () => {
    const effects = await shop.payment.effects(ended.gid);
    return effects.filter(({ op }) => op === 'try').length >= heldCount ? true : null;
  });
  return ended;
}

/** Interactive: register a branch before its try is called, call the try, and in the end ask to confirm. */
async function killedParticipant(shop: Shop, order: Order, did: Did): Promise<Transaction> {
  const { tercet, payment } = shop;
  const tx = await tercet.begin({ name: 'order', businessKey: order.number, timeoutMs: NO_HURRY_MS });
  await payment.loseNextAnswer('try');
  for (const branch of branchesOf(order)) {
    await tercet.registerBranch(tx.gid, branch);
    const participant = shop.participants.find(({ name }) => name === branch.participant);
    for (let attempt = 1; (await participant?.try(tx, branch, attempt)) === 503; attempt += 1)
      did(`the answer of ${branch.participant} is lost (503), so the shop asks again`);
  }
  await payment.child.kill();
  did('payment is killed (SIGKILL)');
  const ended = tercet.confirm(tx.gid, WAIT_S);
  const confirm = { branchId: 'payment', op: 'confirm' } as const;
  const inVain = waitUntil('payment was called in vain', () => calledInVain(shop, tx.gid, confirm));
  await Promise.race([ended, inVain]);
  await payment.child.start();
  did('payment is started again');
  return ended;
}

/** The shop never heard an answer. It sends the same order with the same key, and is told of the same transaction. */
async function killedWhileTrying(shop: Shop, order: Order, did: Did): Promise<Transaction> {
  await shop.payment.hold('try');
  const unheard = place(shop, order, NO_HURRY_MS).catch(() => null);
  await killCoordinator(shop, did, 'try');
  await unheard;
  did('the shop, which heard no answer, sends the same order again');
  return place(shop, order, NO_HURRY_MS);
}

/** The shop knows the gid and only reads. Nobody asks the coordinator to go on: it finds what it left by itself. */
async function killedWhileConfirming(shop: Shop, order: Order, did: Did): Promise<Transaction> {
  await shop.payment.hold('confirm');
  const { gid } = await place(shop, order, NO_HURRY_MS, 0);
  await killCoordinator(shop, did, 'confirm');
  return waitUntil(`order ${order.number} has ended`, async () => {
    const tx = await shop.tercet.find(gid);
    return tx.finishedAt === null ? null : tx;
  });
}

/** Payment holds the call, so the kill falls between its sending and its answer, which nobody will hear. */
async function killCoordinator(shop: Shop, did: Did, during: string): Promise<void> {
  await shop.payment.someoneHeld();
  await shop.coordinator.kill();
  did(`the coordinator is killed (SIGKILL) while payment has the ${during}`);
  await shop.payment.release();
  await shop.coordinator.start();
  did('the coordinator is started again');
}
