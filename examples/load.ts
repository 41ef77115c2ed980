/**
 * A load on the shop: orders and gifts at a steady rate, most of them confirmed, some refused. It goes on until it is ended.
 *
 * Set by the environment:
 *
 *   LOAD_COORDINATORS        addresses of the coordinators, separated by commas; they take turns
 *   LOAD_TOKEN               one of their API tokens; none unless set
 *   LOAD_PARTICIPANTS        where the shop is: inventory=ADDRESS,payment=ADDRESS,shipping=ADDRESS; registered at the start
 *   LOAD_ORDERS_PER_SECOND   2 unless set, 50 at most
 *
 * Every ten seconds it prints one line of JSON with what came of those that ended: {"confirmed":18,"cancelled":2}. On SIGTERM
 * it begins nothing new, waits for what is under way and prints the last line. A coordinator that cannot be reached is counted,
 * and the next order goes to another one.
 */
import { setTimeout as pause } from 'node:timers/promises';
import {
  branch,
  type Contract,
  saga,
  type SubmitOptions,
  Tercet,
  TercetError,
  TransactionCancelled,
} from '@tercet/sdk';
import { inventory, payment, shipping } from './shop/contracts.ts';

const contracts = [inventory, payment, shipping];
const MAX_RATE = 50;
/** What is begun although the shop does not keep up; beyond it an order is left out. */
const MAX_OUTSTANDING = 100;
const SUMMARY_EVERY_MS = 10_000;
const MUG_CENTS = 1250;
/** More than there ever are. */
const TOO_MANY = 1_000_000_000;

const urls = required('LOAD_COORDINATORS').split(',');
const rate = Math.min(Number(process.env.LOAD_ORDERS_PER_SECOND || 2), MAX_RATE);
const addresses = new Map(
  required('LOAD_PARTICIPANTS')
    .split(',')
    .map((pair) => pair.split('=', 2) as [string, string]),
);
/** One for each coordinator, which is tried first. */
const initiators = urls.map((_url, at) => initiatorOf([...urls.slice(at), ...urls.slice(0, at)]));

const outcomes = new Map<string, number>();
const outstanding = new Set<Promise<void>>();
const ending = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => ending.abort());

for (const contract of contracts) await register(contract);
const summaries = setInterval(summarise, SUMMARY_EVERY_MS);
for (let number = 1; !ending.signal.aborted; number += 1) {
  if (outstanding.size < MAX_OUTSTANDING) place(number);
  else count('left out');
  // An end during the pause is none of an error.
  await pause(1000 / rate, undefined, { signal: ending.signal }).catch(() => {});
}
clearInterval(summaries);
await Promise.all(outstanding);
summarise();

/** Each tenth order is of one of these kinds, the others are of the first. */
function orderOf(number: number): SubmitOptions {
  const kinds = [order(number, 1), giftByTransfer(number), giftToAnIsland(number), order(number, TOO_MANY)];
  return kinds[Math.max(0, (number % 10) - 6)] ?? order(number, 1);
}

function order(number: number, quantity: number): SubmitOptions {
  return {
    name: 'place-order',
    branches: [
      branch(inventory, 'reserve', { item: 'mug', quantity }),
      branch(payment, 'hold', { account: 'ann', cents: MUG_CENTS }),
      branch(shipping, 'open', { order: `L-${number}`, address: 'Ann, 1 Harbour Street' }),
    ],
  };
}

/** Its pivot is the transfer: what the bank has sent stays sent. */
function giftByTransfer(number: number): SubmitOptions {
  return {
    saga: saga('send-gift')
      .step('item', inventory.take, { item: 'mug', quantity: 1 })
      .step('place', shipping.book, { order: `L-${number}` })
      .pivot('transfer', payment.transfer, { account: 'ann', cents: MUG_CENTS })
      .step('parcel', shipping.load, ({ place }) => parcel(number, 'Dora, 3 Station Road', place.van)),
  };
}

/** The van does not go there, so all that was done is undone. */
function giftToAnIsland(number: number): SubmitOptions {
  return {
    saga: saga('send-gift')
      .step('item', inventory.take, { item: 'mug', quantity: 1 })
      .step('card', payment.charge, { account: 'ann', cents: MUG_CENTS })
      .step('place', shipping.book, { order: `L-${number}` })
      .step('parcel', shipping.load, ({ place }) => parcel(number, 'Cleo, 2 Lighthouse Island', place.van)),
  };
}

function parcel<Van>(number: number, address: string, van: Van) {
  return { order: `L-${number}`, address, van };
}

function place(number: number): void {
  const initiator = initiators[number % initiators.length] as (typeof initiators)[number];
  const placed = initiator
    .submit(orderOf(number))
    .then(({ status }) => count(status))
    .catch((error: unknown) => {
      if (!(error instanceof TercetError)) throw error;
      count(error instanceof TransactionCancelled ? error.status : error.code);
    })
    .finally(() => outstanding.delete(placed));
  outstanding.add(placed);
}

function count(outcome: string): void {
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
}

function summarise(): void {
  process.stdout.write(`${JSON.stringify(Object.fromEntries(outcomes))}\n`);
  outcomes.clear();
}

async function register(contract: Contract): Promise<void> {
  const baseUrl = addresses.get(contract.name);
  if (baseUrl === undefined) throw new Error(`LOAD_PARTICIPANTS does not say where ${contract.name} is`);
  await initiatorOf(urls).register(contract, { baseUrl });
}

function initiatorOf(urls: readonly string[]) {
  const token = process.env.LOAD_TOKEN;
  return new Tercet({ urls, contracts, ...(token && { token }) });
}

function required(variable: string): string {
  const value = process.env[variable];
  if (!value) throw new Error(`${variable} is not set; the head of this file says what it is`);
  return value;
}
