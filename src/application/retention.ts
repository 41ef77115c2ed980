/**
 * Retention: removes transactions that ended longer ago than they are kept for.
 *
 * `runOnce` removes one small batch; `start` repeats it, every hour while there is little to do and at once after a full
 * batch, with a pause that is as long as the batch took: so removal takes half of the database's time at most, and what
 * transactions write comes between. Each replica does so by its own timer, and they share what there is.
 *
 * A transaction is kept until its end and its deadline are both long enough ago: before its deadline, participants keep its
 * barrier rows, and ask for its end before they remove them. So there may be many that ended long ago and stay. A pass
 * checks one page of them, in the order of their ends, and the next pass goes on there.
 */
import type { Instant } from '../domain/index.ts';
import type { Chance, Log, Observer, Time, TransactionStore } from './ports.ts';
import { Repetition } from './repetition.ts';

export const BATCH_SIZE = 100;
export const PAGE_SIZE = 1000;
const EVERY_MS = 3_600_000;
const MIN_PAUSE_MS = 20;

export type RetentionParts = {
  readonly store: Pick<TransactionStore, 'removeFinished' | 'endOfPage'>;
  readonly time: Time;
  readonly chance: Chance;
  readonly log: Log;
  readonly observer: Pick<Observer, 'removed'>;
  /** True once the database has lost what it had acknowledged: nothing is written to it any more. */
  readonly hasLostCommits: () => boolean;
  /** How long finished transactions are kept. */
  readonly retentionMs: number;
};

export class Retention {
  readonly #given: RetentionParts;
  readonly #repetition: Repetition;
  /** What ended before was checked already. */
  #from: Instant = 0;

  constructor(given: RetentionParts) {
    this.#given = given;
    this.#repetition = new Repetition({ ...given, everyMs: EVERY_MS, pass: () => this.#pass() });
  }

  /** One batch; answers how many transactions were removed. */
  async runOnce(): Promise<number> {
    const { store, time, observer, hasLostCommits, retentionMs } = this.#given;
    const settling = time.settle();
    if (settling !== null) await settling;
    if (hasLostCommits()) return 0;
    const before = time.now().earliest - retentionMs;
    const pageEnd = await store.endOfPage({ from: this.#from, to: before }, PAGE_SIZE);
    // All of a page may have ended in the same millisecond.
    const to = pageEnd === null ? before : Math.max(pageEnd, this.#from + 1);
    const count = await store.removeFinished(before, BATCH_SIZE, { from: this.#from, to });
    if (count < BATCH_SIZE) this.#from = pageEnd === null ? 0 : to;
    if (count > 0) observer.removed(count);
    return count;
  }

  start(): void {
    this.#repetition.start();
  }

  stop(): void {
    this.#repetition.stop();
  }

  async #pass(): Promise<number> {
    const { log, time } = this.#given;
    const beganAtMs = time.elapsedMs();
    const count = await this.runOnce().catch((error: unknown) => {
      if (!this.#repetition.isStopped) log.error('removal of finished transactions failed', error);
      return null;
    });
    if (count === null) return EVERY_MS;
    const tookMs = time.elapsedMs() - beganAtMs;
    const isMore = count === BATCH_SIZE || this.#from > 0;
    return isMore ? Math.max(MIN_PAUSE_MS, tookMs) : EVERY_MS;
  }
}
