/**
 * Asks the database through TypeORM: so many questions at once, each within a time limit.
 *
 * - No more are under way than the pool has connections, so that a question waits here and not in the pool, where giving
 *   up would cost a connection. Those that wait are bounded, in number and in time.
 * - A server that takes no further connection refuses no question while a connection of the pool is in use: the question has it next.
 * - A connection that does not answer in time is destroyed: after a silent failover it never would, and a pool full of such
 *   connections would hold up everything that reads.
 */
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { Overloaded, StoreUnavailable } from '../../application/ports.ts';
import { breakOff, withinLimit } from './time-limit.ts';

/** Also the size of the pool. */
export const MAX_QUESTIONS = 10;
const MAX_WAITING = 2000;
const WAIT_LIMIT_MS = 5000;
const ANSWER_LIMIT_MS = 5000;

/**
 * @throws StoreUnavailable when no answer came in time, or an error did
 * @throws Overloaded when too many others wait; nothing was asked
 */
export async function ask<T>(
  dataSource: DataSource,
  question: (manager: EntityManager) => Promise<T>,
): Promise<T> {
  const turns = turnsOf(dataSource);
  await turns.take();
  try {
    for (;;)
      try {
        return await askNow(dataSource, question);
      } catch (error) {
        if (!isConnectionRefused(error) || !(await turns.takeNext())) throw error;
      }
  } finally {
    turns.giveBack();
  }
}

const TOO_MANY_CONNECTIONS = 1040;
const isConnectionRefused = (error: unknown): boolean =>
  (error as { cause?: { errno?: number } }).cause?.errno === TOO_MANY_CONNECTIONS;

async function askNow<T>(
  dataSource: DataSource,
  question: (manager: EntityManager) => Promise<T>,
): Promise<T> {
  const runner = dataSource.createQueryRunner();
  try {
    const answer = await withinLimit(ANSWER_LIMIT_MS, question(runner.manager), () => destroy(runner));
    await runner.release();
    return answer;
  } catch (error) {
    // After silence the connection is gone; it is not waited for.
    void runner.release().catch(() => {});
    // Not with the words of the driver: they may carry values.
    throw new StoreUnavailable('the database could not answer', { cause: error });
  }
}

/** SQLite has one connection, in this process, and answers at once: there is nothing to destroy. */
function destroy(runner: QueryRunner): void {
  runner.connect().then(
    (connection: { destroy?: () => void }) => connection.destroy && breakOff(connection),
    () => {},
  );
}

// ── Taking turns ─────────────────────────────────────────────────────────────────────────────────────────────

const turns = new WeakMap<DataSource, Turns>();

function turnsOf(dataSource: DataSource): Turns {
  const known = turns.get(dataSource);
  if (known) return known;
  const fresh = new Turns();
  turns.set(dataSource, fresh);
  return fresh;
}

class Turns {
  #freeCount = MAX_QUESTIONS;
  /** Turns without a connection, which wait for one of another turn. */
  #starvedCount = 0;
  /** In the order in which they came. */
  readonly #waiting = new Set<() => void>();

  take(): Promise<void> | void {
    if (this.#freeCount > 0) {
      this.#freeCount -= 1;
      return;
    }
    if (this.#waiting.size >= MAX_WAITING)
      throw new Overloaded(`${MAX_WAITING} questions to the database wait`);
    return new Promise((resolve, reject) => {
      this.#wait(resolve, () =>
        reject(new Overloaded(`a question to the database waited ${WAIT_LIMIT_MS} ms for its turn`)),
      );
    });
  }

  #wait(resolve: () => void, giveUp: () => void): void {
    const timer = setTimeout(() => {
      this.#waiting.delete(go);
      giveUp();
    }, WAIT_LIMIT_MS);
    const go = () => {
      clearTimeout(timer);
      resolve();
    };
    this.#waiting.add(go);
  }

  /** In exchange for a turn that got no connection, the next one that ends; false when none has a connection. */
  async takeNext(): Promise<boolean> {
    if (MAX_QUESTIONS - this.#freeCount - this.#starvedCount <= 1) return false;
    this.#starvedCount += 1;
    const isTaken = await new Promise<boolean>((resolve) =>
      this.#wait(
        () => resolve(true),
        () => resolve(false),
      ),
    );
    this.#starvedCount -= 1;
    if (isTaken) this.giveBack();
    return isTaken;
  }

  giveBack(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#freeCount += 1;
    else {
      this.#waiting.delete(next);
      next();
    }
  }
}
