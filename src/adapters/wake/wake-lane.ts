/**
 * Wakes on their way into one BullMQ queue. Those armed while a bulk is under way go together as the next; what Redis
 * does not take in time is given back. A job carries a gid and nothing else.
 */
import type { Queue } from 'bullmq';
import type { Time } from '../../application/ports.ts';
import type { Instant } from '../../domain/index.ts';

const MAX_BULK_COUNT = 500;
const MAX_WAITING_COUNT = 10_000;

export type Wake = { readonly gid: string; readonly seq: number; readonly when: Instant };

export class WakeLane {
  readonly #queue: Queue;
  readonly #time: Time;
  readonly #onAdded: () => void;
  readonly #onRefused: (wakes: readonly Wake[], error: unknown) => void;
  readonly #waiting: Wake[] = [];
  #isUnderWay = false;

  constructor(given: {
    queue: Queue;
    time: Time;
    onAdded: () => void;
    onRefused: (wakes: readonly Wake[], error: unknown) => void;
  }) {
    this.#queue = given.queue;
    this.#time = given.time;
    this.#onAdded = given.onAdded;
    this.#onRefused = given.onRefused;
  }

  /** False when as many wait already as may. */
  take(wake: Wake): boolean {
    if (this.#waiting.length >= MAX_WAITING_COUNT) return false;
    this.#waiting.push(wake);
    if (!this.#isUnderWay) void this.#addAll();
    return true;
  }

  async #addAll(): Promise<void> {
    this.#isUnderWay = true;
    // Others of the same moment are still to come.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#add(this.#waiting.splice(0, MAX_BULK_COUNT));
    this.#isUnderWay = false;
  }

  async #add(wakes: readonly Wake[]): Promise<void> {
    const now = this.#time.now().earliest;
    try {
      await this.#queue.addBulk(wakes.map((wake) => jobOf(wake, now)));
      this.#onAdded();
    } catch (error) {
      this.#onRefused(wakes, error);
    }
  }
}

/**
 * The same wake armed by two replicas is one job, and a later wake never swallows an earlier one. Removed when done and
 * never tried again: BullMQ would ignore a new job of an id that is still there, and retries are the domain's.
 */
const jobOf = (wake: Wake, now: Instant) => ({
  name: 'wake',
  data: { gid: wake.gid },
  opts: {
    jobId: jobIdOf(wake),
    delay: Math.max(0, wake.when - now),
    attempts: 1,
    removeOnComplete: true,
    removeOnFail: true,
  },
});

export const jobIdOf = ({ gid, seq, when }: Wake): string => `w-${gid}-${seq}-${when.toString(36)}`;
