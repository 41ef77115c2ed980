/**
 * Asks the store how many transactions are unfinished, and asks little of it: at most once a second, however many
 * scrape, and never a second time while the first question is unanswered.
 */
import type { Time, TransactionStore, Unfinished } from '../application/ports.ts';

const FRESH_MS = 1000;
/** A scrape does not wait longer; those who scrape give up after ten seconds, and would lose every other metric. */
export const PATIENCE_MS = 2000;

export class UnfinishedReader {
  readonly #store: Pick<TransactionStore, 'countUnfinished'>;
  readonly #time: Time;
  readonly #attentionAfterMs: number;
  #answer: Promise<Unfinished | null> | null = null;
  #answeredAtMs: number | null = null;

  constructor(given: {
    store: Pick<TransactionStore, 'countUnfinished'>;
    time: Time;
    attentionAfterMs: number;
  }) {
    this.#store = given.store;
    this.#time = given.time;
    this.#attentionAfterMs = given.attentionAfterMs;
  }

  /** Null when the store fails or takes too long. */
  async read(): Promise<Unfinished | null> {
    if (this.#answer === null || this.#isStale()) this.#answer = this.#ask();
    let cancel = () => {};
    const tooLate = new Promise<null>((resolve) => {
      cancel = this.#time.after(PATIENCE_MS, () => resolve(null));
    });
    return Promise.race([this.#answer, tooLate]).finally(() => cancel());
  }

  #isStale(): boolean {
    return this.#answeredAtMs !== null && this.#time.elapsedMs() - this.#answeredAtMs >= FRESH_MS;
  }

  async #ask(): Promise<Unfinished | null> {
    this.#answeredAtMs = null;
    try {
      return await this.#store.countUnfinished(this.#time.now().earliest - this.#attentionAfterMs);
    } catch {
      // That the database is away is told by /readyz and by the log; here it shows in what is missing.
      return null;
    } finally {
      this.#answeredAtMs = this.#time.elapsedMs();
    }
  }
}
