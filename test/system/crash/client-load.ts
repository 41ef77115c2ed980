/**
 * Clients that place orders of both patterns, one after the other, with any of two replicas that answers. They send no
 * gid: only the Idempotency-Key identifies a begin, which they repeat until it is answered.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { CoordinatorProcess } from '../../support/coordinator-process.ts';
import {
  type BranchId,
  type TransactionShape,
  saga,
  sagaOfTwoWays,
  tccWithCallback,
} from './transaction-shapes.ts';
import type { SystemUnderTest } from './system-under-test.ts';
import type { Initiator } from './initiator.ts';
import type { TrackedTransaction } from './kill-round.ts';

const CLIENTS = 3;
/** Pause between the orders of a client, and between its attempts: the machine is shared. */
const PACE_MS = 100;
/** Some answers tell of a transaction that is under way. */
const WAIT_SECONDS = 1;
/** Bounds a hang. */
const ANSWERED_WITHIN_MS = 240_000;

type OrderSpec = { readonly shape: TransactionShape; readonly refused?: BranchId };

const ORDERS: readonly OrderSpec[] = [
  { shape: saga },
  { shape: tccWithCallback },
  { shape: saga, refused: 'book' },
  { shape: tccWithCallback, refused: 'money' },
  { shape: sagaOfTwoWays },
  { shape: sagaOfTwoWays, refused: 'charge' },
];

export class ClientLoad {
  /** All that was placed, and how it must end. */
  readonly transactions: TrackedTransaction[] = [];
  readonly #system: SystemUnderTest;
  readonly #replicas: readonly [CoordinatorProcess, CoordinatorProcess];
  readonly #clients: Promise<void>[];
  #answeredCount = 0;
  #isStopping = false;

  /** The clients start immediately. */
  constructor(system: SystemUnderTest, replicas: readonly [CoordinatorProcess, CoordinatorProcess]) {
    this.#system = system;
    this.#replicas = replicas;
    this.#clients = Array.from({ length: CLIENTS }, () => this.#placeOrders());
    for (const client of this.#clients) client.catch(() => {});
  }

  /** Resolves when `count` more orders were answered. */
  async untilAnswered(count: number): Promise<void> {
    const goal = this.#answeredCount + count;
    const isReached = async () => {
      while (this.#answeredCount < goal) await pause(PACE_MS);
    };
    await Promise.race([isReached(), Promise.all(this.#clients)]);
  }

  /** Resolves when each placed order is answered. */
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
    const { shape, refused } = ORDERS[this.transactions.length % ORDERS.length] as OrderSpec;
    let asked = this.transactions.length;
    const coordinatorUrl = () => this.#replicas[asked % 2 === 0 ? 0 : 1].url;
    const initiator = this.#system.place({
      shape,
      coordinatorUrl,
      isUnnamed: true,
      ...(refused && { refused }),
    });
    const title = `a ${shape.pattern} in which ${refused ?? 'nothing'} is refused`;
    const ends = refused === undefined ? 'confirmed' : 'cancelled';
    this.transactions.push({ scenario: { title, ends }, initiator, rowsAtDeath: [] });
    await this.#askUntilAnswered(initiator, () => {
      asked += 1;
    });
  }

  async #askUntilAnswered(initiator: Initiator, askTheOther: () => void): Promise<void> {
    const endsAt = Date.now() + ANSWERED_WITHIN_MS;
    for (;;) {
      try {
        return await initiator.declare(WAIT_SECONDS);
      } catch (error) {
        if (Date.now() > endsAt) throw error;
        askTheOther();
        await pause(PACE_MS);
      }
    }
  }
}
