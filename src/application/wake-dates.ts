/**
 * New dates for rows that wait and do not change: an open circuit, a participant that is still at work, an operator who is
 * waited for. Without them a row would stay due, and the sweeps of all replicas would look at it in vain.
 *
 * They are hints, written together and never waited for: one that is lost costs a look.
 */
import type { Instant } from '../domain/index.ts';
import type { Log, Redate, Time, TransactionStore } from './ports.ts';

const COLLECT_MS = 50;
const MAX_ROWS = 200;
/** What more than this many rows want is dropped: they are looked at in vain once more. */
const MAX_WAITING = 20_000;

export class WakeDates {
  readonly #store: TransactionStore;
  readonly #time: Time;
  readonly #log: Log;
  readonly #waiting = new Map<string, Redate>();
  #isCollecting = false;
  #writing: Promise<void> | null = null;

  constructor(given: { store: TransactionStore; time: Time; log: Log }) {
    this.#store = given.store;
    this.#time = given.time;
    this.#log = given.log;
  }

  /** The newest wish for a gid counts. */
  redate(gid: string, seq: number, wakeAt: Instant): void {
    if (this.#waiting.size >= MAX_WAITING && !this.#waiting.has(gid)) return;
    this.#waiting.set(gid, { gid, seq, wakeAt });
    if (this.#isCollecting || this.#writing !== null) return;
    this.#isCollecting = true;
    this.#time.after(COLLECT_MS, () => void this.flush());
  }

  /** Answers when what was wished for is written. */
  flush(): Promise<void> {
    this.#isCollecting = false;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = null;
      // Somebody may have wished for more when the last row was just being told of.
      if (this.#waiting.size > 0) void this.flush();
    });
    return this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#waiting.size > 0) {
      const rows = [...this.#waiting.values()].slice(0, MAX_ROWS);
      for (const { gid } of rows) this.#waiting.delete(gid);
      await this.#store.redate(rows).catch((error: unknown) => {
        this.#log.error(`${rows.length} waiting transactions: re-dating failed`, error);
      });
    }
  }
}
