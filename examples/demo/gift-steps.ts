/**
 * A gift, as a saga: what it asks of each participant, step by step. Each step takes effect at once, and is undone should a
 * later one be refused.
 *
 *   by card        item → card and place → parcel      a card is refunded: all of it can be undone
 *   by transfer    item → place → transfer → parcel    what the bank has sent stays sent: the transfer is the pivot
 *
 * Which van the parcel goes into is known only once a place is booked: its payload refers to what that step answers.
 */
import { centsOf, type Order } from './order.ts';
import type { Step } from './tercet.ts';

/** Of these steps each depends on those that it names. */
export type Gift = (order: Order) => readonly Step[];

export const byCard: Gift = (order) => [
  { branchId: 'item', dependsOn: [], ...taking(order) },
  { branchId: 'card', dependsOn: ['item'], ...paying('charge', order) },
  { branchId: 'place', dependsOn: ['item'], ...booking(order) },
  { branchId: 'parcel', dependsOn: ['card', 'place'], ...loading(order, 'Cleo, 2 Lighthouse Island') },
];

export const byTransfer: Gift = (order) => [
  { branchId: 'item', dependsOn: [], ...taking(order) },
  { branchId: 'place', dependsOn: ['item'], ...booking(order) },
  { branchId: 'transfer', dependsOn: ['place'], isPivot: true, ...paying('transfer', order) },
  { branchId: 'parcel', dependsOn: ['transfer'], ...loading(order, 'Dora, 3 Station Road') },
];

const taking = ({ item, quantity }: Order) => ({
  participant: 'inventory',
  activity: 'take',
  payload: { item, quantity },
});

const paying = (activity: 'charge' | 'transfer', order: Order) => ({
  participant: 'payment',
  activity,
  payload: { account: order.customer, cents: centsOf(order) },
});

const booking = ({ number }: Order) => ({
  participant: 'shipping',
  activity: 'book',
  payload: { order: number },
});

const loading = ({ number }: Order, address: string) => ({
  participant: 'shipping',
  activity: 'load',
  payload: { order: number, address, van: { $from: 'place.van' } },
});
