/** What a story is, and what several of them wait for. */
import type { Gift } from './gift-steps.ts';
import type { Order } from './order.ts';
import type { Shop } from './shop.ts';
import type { Transaction } from './tercet.ts';

export type Story = {
  readonly order: Order;
  readonly title: string;
  readonly endsAs: 'confirmed' | 'cancelled';
  readonly reason: string;
  /** Its steps, when it is a saga. */
  readonly steps?: Gift;
  readonly tell: (shop: Shop, order: Order, did: Did) => Promise<Transaction>;
};

/** Says what the demo itself did, at once. */
export type Did = (what: string) => void;

/** Far away, so that only the story about a deadline meets one. */
export const NO_HURRY_MS = 90_000;
export const WAIT_S = 60;

/** True once such a call was answered, or given up; null before. */
export async function calledInVain(
  { tercet }: Shop,
  gid: string,
  to: { readonly branchId: string; readonly op: 'confirm' | 'action' | 'compensate' },
): Promise<true | null> {
  const { branches } = await tercet.find(gid);
  const branch = branches.find(({ branchId }) => branchId === to.branchId);
  return (branch?.[to.op]?.attemptCount ?? 0) > 0 ? true : null;
}
