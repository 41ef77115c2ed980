/**
 * The sweep: finds what nobody looked at in time, because a process died or a wake was lost, and drives it.
 *
 * `runOnce` is one pass; `start` only repeats it. A row is claimed, and thereby re-dated, before it is driven: one that
 * throws does not come back at once, and several replicas drive each row once.
 */
import type { ActiveTransactions } from './active-transactions.ts';
import type { Chance, Log, Time, TransactionStore } from './ports.ts';
import { Repetition } from './repetition.ts';

const ROWS_PER_PASS = 500;

export type SweepParts = {
  readonly store: TransactionStore;
  readonly active: ActiveTransactions;
  readonly time: Time;
  readonly chance: Chance;
  readonly log: Log;
  readonly everyMs: number;
  /** A claimed row that nobody saves is due again after this long. */
  readonly againAfterMs: number;
};

export class Sweep {
  readonly #given: SweepParts;
  readonly #repetition: Repetition;

  constructor(given: SweepParts) {
    this.#given = given;
    this.#repetition = new Repetition({ ...given, pass: () => this.#pass() });
  }

  /** One pass; answers how many transactions it took over. */
  async runOnce(): Promise<number> {
    const { store, active, time, chance, againAfterMs } = this.#given;
    const settling = time.settle();
    if (settling !== null) await settling;
    const limit = Math.min(ROWS_PER_PASS, active.roomToTakeOver);
    if (limit === 0) return 0;
    const now = time.now().earliest;
    const gids = await store.claimDue({ now, limit, waker: chance.newId(), againAfterMs });
    for (const gid of gids) active.takeOver(gid);
    return gids.length;
  }

  start(): void {
    this.#repetition.start();
  }

  stop(): void {
    this.#repetition.stop();
  }

  async #pass(): Promise<number> {
    const { log, everyMs } = this.#given;
    const count = await this.runOnce().catch((error: unknown) => {
      log.error('recovery scan failed', error);
      return 0;
    });
    return count === ROWS_PER_PASS ? 0 : everyMs;
  }
}
