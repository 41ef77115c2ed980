/**
 * The replies of one drive that no row tells of yet.
 *
 * - Facts are applied again to the newest state after a lost save. They are kept until they are saved.
 * - Replies that were only counted (`unknown` once more, polls) are facts no longer once the drive goes on without a save. What
 *   remains of them is their attempts, at most as many as a row holds, and since when a row must count them.
 */
import type { GlobalTransaction, Instant, SaveNeed } from '../domain/index.ts';
import { type Attempt, newestAttempts } from './journal.ts';
import type { ReceivedReply } from './outstanding-calls.ts';
import type { Time } from './ports.ts';
import { NOTHING_UNSAVED, type ProgressMemory } from './progress-memory.ts';

/** A crash loses the counts of so long a time, and what is read elsewhere lags as much. A row each ten minutes costs nothing. */
export const SAVE_COUNTS_MS = 600_000;

export class UnsavedReplies {
  readonly #progress: ProgressMemory;
  readonly #time: Time;
  #facts: readonly ReceivedReply[] = [];
  #counted = NOTHING_UNSAVED;
  /** The state without the facts. */
  #left: GlobalTransaction | null = null;
  #isSaveDemanded = false;

  constructor({ progress, time }: { progress: ProgressMemory; time: Time }) {
    this.#progress = progress;
    this.#time = time;
  }

  get facts(): readonly ReceivedReply[] {
    return this.#facts;
  }

  /** Counts are known here only. */
  get isCounting(): boolean {
    return this.#counted.sinceMs !== null;
  }

  add(received: ReceivedReply): void {
    this.#facts = [...this.#facts, received];
  }

  /** Whether the counts have waited for long enough. */
  get isSaveDue(): boolean {
    return this.#isSaveDemanded || this.#isDueIn(0);
  }

  #isDueIn(ms: number): boolean {
    const { sinceMs } = this.#counted;
    return sinceMs !== null && this.#time.elapsedMs() + ms - sinceMs >= SAVE_COUNTS_MS;
  }

  /** The drive goes on without a save. */
  leave(need: SaveNeed, current: GlobalTransaction): void {
    this.#left = current;
    if (need === 'none') this.#isSaveDemanded = false;
    const attempts = this.#facts.filter(isCounted).map(({ attempt }) => attempt);
    const sinceMs = need === 'later' ? (this.#counted.sinceMs ?? this.#time.elapsedMs()) : null;
    if (attempts.length === 0 && sinceMs === this.#counted.sinceMs) return;
    this.#facts = this.#facts.filter((received) => !isCounted(received));
    this.#counted = { attempts: newestAttempts([...this.#counted.attempts, ...attempts]), sinceMs };
  }

  /** False where counts are to be saved first: they would wait for too long, or there is no room for them. */
  mayLetGo(checkAgainAt: Instant | null): boolean {
    if (!this.isCounting) return true;
    const backInMs = (checkAgainAt ?? Infinity) - this.#time.now().earliest;
    this.#isSaveDemanded = this.#isDueIn(backInMs) || !this.#progress.hasRoomFor(this.#counted);
    return !this.#isSaveDemanded;
  }

  /** For a later drive of this process: what is counted of each call, and what is to join the next row. */
  remember(durable: GlobalTransaction | null): void {
    if (this.#left === null || durable === null) return;
    const isKept = this.isCounting && this.#progress.hasRoomFor(this.#counted);
    this.#progress.remember(this.#left, durable, isKept ? this.#counted : NOTHING_UNSAVED);
  }

  /** There is no such transaction any more: nothing is to be saved, now or by a later drive. */
  drop(gid: string): void {
    this.#progress.forget(gid);
    [this.#facts, this.#counted, this.#left] = [[], NOTHING_UNSAVED, null];
  }

  /** The loaded transaction as far as this process has counted. */
  recall(loaded: GlobalTransaction): GlobalTransaction {
    const counted = this.#progress.takeUnsaved(loaded.gid);
    if (!this.isCounting && counted.sinceMs !== null) this.#counted = counted;
    this.#left = this.#progress.recall(loaded);
    return this.#left;
  }

  /** What a row that is written now tells of; after `saved` this is forgotten. */
  toSave(): { readonly attempts: readonly Attempt[]; readonly saved: (as: GlobalTransaction) => void } {
    const facts = this.#facts;
    return {
      attempts: [...this.#counted.attempts, ...facts.map(({ attempt }) => attempt)],
      saved: (as) => {
        this.#left = as;
        this.#facts = this.#facts.slice(facts.length);
        this.#counted = NOTHING_UNSAVED;
        this.#isSaveDemanded = false;
      },
    };
  }
}

const isCounted = ({ reply: { reply } }: ReceivedReply): boolean =>
  reply === 'unknown' || reply === 'ongoing';
