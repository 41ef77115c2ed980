/** What a customer orders, and what that asks of each participant. */
import type { Branch } from './tercet.ts';

export type Order = {
  readonly number: string;
  readonly customer: string;
  readonly item: 'mug' | 'teapot';
  readonly quantity: number;
};

const PRICE_IN_CENTS = { mug: 1250, teapot: 4000 };

export const centsOf = ({ item, quantity }: Order): number => PRICE_IN_CENTS[item] * quantity;

/** One branch for each participant, under the participant's name. */
export function branchesOf(order: Order): Branch[] {
  const { number, customer, item, quantity } = order;
  const branch = (participant: string, activity: string, payload: object) => ({
    branchId: participant,
    participant,
    activity,
    payload,
  });
  return [
    branch('inventory', 'reserve', { item, quantity }),
    branch('payment', 'hold', { account: customer, cents: centsOf(order) }),
    branch('shipping', 'open', { order: number, address: `${customer}, 1 Harbour Street` }),
  ];
}
