/**
 * Wakes by the world's clock. None is left to a sweep, so nothing is late; and what waits for an operator is not woken, so that
 * timers run out when nothing can happen any more.
 */
import type { Time, TransactionStore, WakeQueue } from '../../../src/application/ports.ts';
import { type GlobalTransaction, type Instant, openCalls } from '../../../src/domain/index.ts';

export class WorldWakes implements WakeQueue {
  readonly #given: WorldWakesParts;
  readonly isUp = true;

  constructor(given: WorldWakesParts) {
    this.#given = given;
  }

  wakeAt(gid: string, _seq: number, when: Instant): void {
    const { store, time, onWake } = this.#given;
    void store.load(gid).then((saved) => {
      if (saved === null || waitsForOperator(saved.tx)) return;
      time.after(when - time.now().earliest, () => onWake(gid));
    });
  }

  async close(): Promise<void> {}
}

type WorldWakesParts = {
  readonly store: TransactionStore;
  readonly time: Time;
  readonly onWake: (gid: string) => void;
};

/** Whether all that is still to be called is parked: nothing goes on until an operator retries. */
export function waitsForOperator(tx: GlobalTransaction): boolean {
  const open = openCalls(tx);
  return open.length > 0 && open.every(({ call }) => call.parkedAt !== null);
}
