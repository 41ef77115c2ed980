/**
 * Wakes by this process's own timers, for one replica without a queue. What they forget when the process dies, the
 * sweep finds.
 */
import type { Time, WakeQueue } from '../../application/ports.ts';
import type { Instant, WakeReason } from '../../domain/index.ts';

/** What is due later is left to the sweep: a timer for it would outlive most of the transactions it is for. */
const MAX_AHEAD_MS = 60_000;

export class InProcessWakeQueue implements WakeQueue {
  readonly #time: Time;
  readonly #onWake: (gid: string) => void;
  readonly #cancels = new Map<string, () => void>();
  #isClosed = false;
  readonly isUp = true;

  constructor(given: { time: Time; onWake: (gid: string) => void }) {
    this.#time = given.time;
    this.#onWake = given.onWake;
  }

  /** A later wake for the same row never swallows an earlier one: each `seq` has its own. */
  wakeAt(gid: string, seq: number, when: Instant, _reason: WakeReason): void {
    const id = `${gid}-${seq}-${when}`;
    const delayMs = Math.max(0, when - this.#time.now().earliest);
    if (this.#isClosed || delayMs > MAX_AHEAD_MS || this.#cancels.has(id)) return;
    const cancel = this.#time.after(delayMs, () => {
      this.#cancels.delete(id);
      this.#onWake(gid);
    });
    this.#cancels.set(id, cancel);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const cancel of this.#cancels.values()) cancel();
    this.#cancels.clear();
  }
}
