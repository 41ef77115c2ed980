/**
 * Clients that place orders of both patterns, one after the other, with whichever of two replicas answers. They name no
 * transaction: only the key of a begin, which they send again until it is answered, tells it from another.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { CoordinatorProcess } from './coordinator-process.ts';
import { type BranchId, type Form, saga, sagaOfTwoWays, tccWithCallback } from './forms.ts';
import type { Lane } from './lane.ts';
import type { Order } from './order.ts';
import type { Ending } from './round.ts';

const CLIENTS = 3;
/** Between the orders of a client, and between its attempts: the machine is to be shared. */
const PACE_MS = 100;
/** Some answers tell of a transaction that is under way. */
const WAIT_SECONDS = 1;
/** Bounds a hang. */
const ANSWERED_WITHIN_MS = 240_000;

type Wish = { readonly form: Form; readonly refused?: BranchId };

const WISHES: readonly Wish[] = [
  { form: saga },
  { form: tccWithCallback },
  { form: saga, refused: 'book' },
  { form: tccWithCallback, refused: 'money' },
  { form: sagaOfTwoWays },
  { form: sagaOfTwoWays, refused: 'charge' },
];

export class Load {
  /** All that was placed, and how it must end. */
  readonly endings: Ending[] = [];
  readonly #lane: Lane;
  readonly #replicas: readonly [CoordinatorProcess, CoordinatorProcess];
  readonly #clients: Promise<void>[];
  #answeredCount = 0;
  #isStopping = false;

  /** The clients set off at once. */
  constructor(lane: Lane, replicas: readonly [CoordinatorProcess, CoordinatorProcess]) {
    this.#lane = lane;
    this.#replicas = replicas;
    this.#clients = Array.from({ length: CLIENTS }, () => this.#placeOrders());
    for (const client of this.#clients) client.catch(() => {});
  }

  /** Answers when so many more orders were answered. */
  async untilAnswered(count: number): Promise<void> {
    const goal = this.#answeredCount + count;
    const isReached = async () => {
      while (this.#answeredCount < goal) await pause(PACE_MS);
    };
    await Promise.race([isReached(), Promise.all(this.#clients)]);
  }

  /** Answers when each order that was placed is answered. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#clients);
  }

  async #placeOrders(): Promise<void> {
    while (!this.#isStopping) {
      await this.#placeOrder();
      this.#answeredCount += 1;
      await pause(PACE_MS);
    }
  }

  async #placeOrder(): Promise<void> {
    const { form, refused } = WISHES[this.endings.length % WISHES.length] as Wish;
    let asked = this.endings.length;
    const coordinatorUrl = () => this.#replicas[asked % 2 === 0 ? 0 : 1].url;
    const order = this.#lane.place({ form, coordinatorUrl, isUnnamed: true, ...(refused && { refused }) });
    const title = `a ${form.pattern} in which ${refused ?? 'nothing'} is refused`;
    const ends = refused === undefined ? 'confirmed' : 'cancelled';
    this.endings.push({ story: { title, ends }, order, rowsAtDeath: [] });
    await this.#askUntilAnswered(order, () => {
      asked += 1;
    });
  }

  async #askUntilAnswered(order: Order, askTheOther: () => void): Promise<void> {
    const endsAt = Date.now() + ANSWERED_WITHIN_MS;
    for (;;) {
      try {
        return await order.declare(WAIT_SECONDS);
      } catch (error) {
        if (Date.now() > endsAt) throw error;
        askTheOther();
        await pause(PACE_MS);
      }
    }
  }
}
