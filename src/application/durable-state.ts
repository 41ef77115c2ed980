/**
 * What a drive knows of the durable state of its transaction: the newest state that it loaded or saved, since when that is
 * known to be the newest, and when another replica takes over by the row.
 *
 * A save that is lost leaves it unknown, until it is loaded again (I14).
 */
import type { GlobalTransaction, Instant } from '../domain/index.ts';
import type { GroupCommit } from './group-commit.ts';
import { type Attempt, entriesBetween, versionNeededBy } from './journal.ts';
import type { Loaded, Saved, Time, TransactionStore } from './ports.ts';
import { takeOverAt, takeOverMs } from './take-over.ts';
import { SAVE_COUNTS_MS } from './unsaved-replies.ts';
import type { WakeDates } from './wake-dates.ts';

export type DurableTools = {
  readonly store: TransactionStore;
  readonly commit: GroupCommit;
  readonly wakeDates: WakeDates;
  readonly time: Time;
  readonly writer: string;
  /** The version of the journal to write now. */
  readonly journalVersion: () => number;
  /** How long a commit may take; part of the margin after which another replica takes over. */
  readonly commitTimeoutMs: number;
};

/** No call is sent from a state that was last known to be the newest longer ago than this. */
const FRESH_MS = 30_000;
/** A row whose wake is dated within this of what it should be is left as it is. */
const DATE_SLACK_MS = 2000;

export class DurableState {
  readonly #gid: string;
  readonly #tools: DurableTools;
  /** Undefined until it is known; null when there is no such transaction. */
  #saved: Saved | null | undefined;
  /** The newest that was known, also once it may not be the newest any more. */
  #last: GlobalTransaction | null = null;
  /** By `elapsedMs`: when it was last known to be the newest. */
  #asOfMs = 0;
  /** When another replica takes over, by the row. */
  #wakeAt: Instant | null = null;

  /** @param isNew the gid was made just now: it need not be looked up */
  constructor(gid: string, isNew: boolean, tools: DurableTools) {
    this.#gid = gid;
    this.#tools = tools;
    if (isNew) this.#know(null);
  }

  /** Null when there is no such transaction, or while it is not known. */
  get saved(): Saved | null {
    return this.#saved ?? null;
  }

  get last(): GlobalTransaction | null {
    return this.#last;
  }

  get isKnown(): boolean {
    return this.#saved !== undefined;
  }

  get isStale(): boolean {
    return this.#tools.time.elapsedMs() - this.#asOfMs > FRESH_MS;
  }

  async load(): Promise<Loaded | null> {
    const loaded = await this.#tools.store.load(this.#gid);
    this.#know(loaded);
    this.#wakeAt = loaded?.wakeAt ?? null;
    return loaded;
  }

  /**
   * The row as it was loaded is dated later than it asks for: a replica that counts replies in memory has re-dated it. That one
   * makes the next call, or the sweep does when it is gone.
   */
  get isCarriedElsewhere(): boolean {
    if (!this.#saved || this.#wakeAt === null) return false;
    const { time, commitTimeoutMs } = this.#tools;
    const dueInMs = this.#wakeAt - takeOverMs(this.#saved.tx, commitTimeoutMs) - time.now().latest;
    // Of what is due later, nothing is counted in memory.
    return dueInMs > DATE_SLACK_MS && dueInMs <= SAVE_COUNTS_MS;
  }

  forget(): void {
    this.#saved = undefined;
  }

  /** Answers null when the save was lost: then the durable state is not known. */
  async save(given: {
    readonly after: GlobalTransaction;
    readonly attempts: readonly Attempt[];
    readonly beginKey: string | null;
  }): Promise<Saved | null> {
    const { after, attempts, beginKey } = given;
    const { time, commit, writer, commitTimeoutMs, journalVersion } = this.#tools;
    const before = this.saved?.tx ?? null;
    const entries = entriesBetween(before, after, attempts);
    if (entries === null) throw new Error('a state must be saved, but nothing of it has changed');
    const now = time.now();
    const saved = { tx: after, seq: (this.saved?.seq ?? 0) + 1 };
    const wakeAt = takeOverAt(after, now, commitTimeoutMs);
    // A note is accepted only while all replicas read it; one of them may have come since.
    const version = Math.max(journalVersion(), versionNeededBy(entries));
    const row = { gid: this.#gid, seq: saved.seq, before, after, entries, version, at: now.latest };
    if ((await commit.save({ ...row, writer, wakeAt, beginKey })) !== 'saved') {
      this.forget();
      return null;
    }
    this.#know(saved);
    this.#wakeAt = wakeAt;
    return saved;
  }

  /**
   * What is waited for may not be what the row was dated by: an open circuit, a participant still at work, or an operator; or calls
   * that take longer than the sweep could know which claimed it.
   */
  keepDate(dueAt: Instant | null, mayBeSooner: boolean): void {
    if (!this.#saved || dueAt === null) return;
    const { tx, seq } = this.#saved;
    const wakeAt = dueAt + takeOverMs(tx, this.#tools.commitTimeoutMs);
    const isLaterByMs = wakeAt - (this.#wakeAt ?? 0);
    if ((mayBeSooner ? Math.abs(isLaterByMs) : isLaterByMs) < DATE_SLACK_MS) return;
    this.#wakeAt = wakeAt;
    this.#tools.wakeDates.redate(this.#gid, seq, wakeAt);
  }

  /** This process stops in order: the replica that takes over need not wait as for one that died. */
  handOver(dueAt: Instant | null): void {
    if (!this.#saved || dueAt === null || this.#tools.commit.hasLostCommits) return;
    const wakeAt = Math.max(dueAt, this.#tools.time.now().latest);
    this.#tools.wakeDates.redate(this.#gid, this.#saved.seq, wakeAt);
  }

  #know(saved: Saved | null): void {
    this.#saved = saved;
    this.#last = saved?.tx ?? null;
    this.#asOfMs = this.#tools.time.elapsedMs();
  }
}
