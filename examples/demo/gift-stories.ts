/** Two gifts, told as sagas: one that is undone, and one that is beyond undoing. */
import { byCard, byTransfer, type Gift } from './gift-steps.ts';
import type { Order } from './order.ts';
import type { Participant } from './participants.ts';
import type { Shop } from './shop.ts';
import { calledInVain, type Did, NO_HURRY_MS, type Story, WAIT_S } from './story.ts';
import type { Transaction } from './tercet.ts';
import { waitUntil } from './wait-until.ts';

export const giftStories: readonly Story[] = [
  {
    order: { number: 'A-7', customer: 'ann', item: 'teapot', quantity: 1 },
    title: 'Ann gives Cleo a teapot: a saga. The van refuses the parcel; all is undone, the last step first.',
    endsAs: 'cancelled',
    reason: 'action_refused',
    steps: byCard,
    tell: undone,
  },
  {
    order: { number: 'B-8', customer: 'bob', item: 'mug', quantity: 1 },
    title: 'Bob gives Dora a mug: a saga. Once the money is sent there is only forward; shipping is killed.',
    endsAs: 'confirmed',
    reason: 'pivot_succeeded',
    steps: byTransfer,
    tell: onlyForward,
  },
];

function give({ tercet }: Shop, order: Order, gift: Gift, waitS: number): Promise<Transaction> {
  const { number } = order;
  return tercet.begin(
    {
      pattern: 'saga',
      name: 'gift',
      businessKey: number,
      timeoutMs: NO_HURRY_MS,
      branches: [...gift(order)],
    },
    { idempotencyKey: number, waitS },
  );
}

/** The refund hangs. The place in the van does not wait for it; the item does, which was taken before the card was charged. */
async function undone(shop: Shop, order: Order, did: Did): Promise<Transaction> {
  await shop.payment.hold('compensate');
  did('payment stalls: a refund waits at the door');
  const { gid } = await give(shop, order, byCard, 0);
  const card = { branchId: 'card', op: 'compensate' } as const;
  await waitUntil('the refund was asked for in vain', () => calledInVain(shop, gid, card));
  await waitUntil('the place in the van is free again', () => isUndone(shop.shipping, gid, 'place'));
  did('payment goes on: the refund is let in');
  await shop.payment.release();
  return give(shop, order, byCard, WAIT_S);
}

async function isUndone(at: Participant, gid: string, step: string): Promise<true | null> {
  const effects = await at.effects(gid);
  return effects.some(({ branchId, op }) => branchId === step && op === 'compensate') ? true : null;
}

async function onlyForward(shop: Shop, order: Order, did: Did): Promise<Transaction> {
  const { payment, shipping } = shop;
  await payment.hold('action');
  const { gid } = await give(shop, order, byTransfer, 0);
  await payment.someoneHeld();
  await shipping.child.kill();
  did('shipping is killed (SIGKILL) while payment has the transfer');
  await payment.release();
  const parcel = { branchId: 'parcel', op: 'action' } as const;
  await waitUntil('shipping was called in vain', () => calledInVain(shop, gid, parcel));
  await shipping.child.start();
  did('shipping is started again');
  return give(shop, order, byTransfer, WAIT_S);
}
