/**
 * One transaction being carried out by this process: load, transition, save, call, and again.
 *
 * The first run, a recovery, a wake and a client's request all take this one path. The rules it keeps:
 * - Calls are sent only from a state that is durable (I9). What is heard while a save is under way is saved in the
 *   next turn, before anything is sent for it.
 * - A save that is lost discards what was computed from it and feeds only the facts on: replies are heard again and
 *   requests asked again, of the state that won (I14).
 * - What is answered to a client was made durable first (I3).
 * - Only successes wait for their siblings: `saveNeed` says when to save.
 */
import {
  type Event,
  type GlobalTransaction,
  type Instant,
  type WakeReason,
  type Now,
  pendingCalls,
  saveNeed,
  transition,
  type Verdict,
} from '../domain/index.ts';
import type { GroupCommit } from './group-commit.ts';
import { entriesBetween, versionNeededBy } from './journal.ts';
import { type CallTools, type Heard, OutstandingCalls } from './outstanding-calls.ts';
import type { PollingMemory } from './polling-memory.ts';
import { type Log, Overloaded, type Saved, type TransactionStore } from './ports.ts';
import { takeOverAt, takeOverMs } from './take-over.ts';
import type { WakeDates } from './wake-dates.ts';

/** What a request came to: the verdict, and the durable state on which it was given. */
export type Answer = { readonly verdict: Verdict; readonly saved: Saved | null; readonly isChanged: boolean };

/** What every drive of a process shares. */
export type DriveTools = CallTools & {
  readonly store: TransactionStore;
  readonly commit: GroupCommit;
  readonly wakeDates: WakeDates;
  readonly polling: PollingMemory;
  readonly log: Log;
  readonly writer: string;
  /** The version of the journal to write now. */
  readonly journalVersion: () => number;
  /** How long a commit may take; part of the margin after which another replica looks. */
  readonly commitTimeoutMs: number;
  /** True once no more calls may be sent: what is left is another replica's. */
  readonly isStopping: () => boolean;
};

/** A client's question; `begin` marks the one that makes the transaction, and tells whether it may stand already. */
export type Request = {
  readonly eventAt: (now: Now) => Event;
  readonly begin?: { readonly beginKey: string | null; readonly mayExist: boolean };
};

/** A drive that ended: when its transaction has something to do again, null when never or not known. */
export type Idle = Check & { readonly seq: number };

type Check = { readonly checkAgainAt: Instant | null; readonly checkAgainFor: WakeReason };

const NEVER: Check = { checkAgainAt: null, checkAgainFor: 'call' };

type Asked = Request & {
  readonly resolve: (answer: Answer | 'lost') => void;
  readonly reject: (error: unknown) => void;
};

type Judged = Omit<Answer, 'saved'> & { readonly by: Asked };

/** A drive with nothing to do is kept this long, in case the next request comes soon; then the queue has it. */
const LINGER_MS = 1000;
/** No call is sent from a state that was last known to be the newest longer ago than this. */
const FRESH_MS = 30_000;
/** After the store failed, a drive that still holds replies asks it again this often. */
const STORE_RETRY_MS = 1000;
/** A row whose wake is dated within this of what it should be is left as it is. */
const DATE_SLACK_MS = 2000;

export class Drive {
  readonly gid: string;
  readonly #tools: DriveTools;
  readonly #onSaved: (saved: Saved) => void;
  readonly #onIdle: (next: Idle) => void;

  /** Undefined until it is loaded; null when there is no such transaction. */
  #durable: Saved | null | undefined;
  /** By `elapsedMs`: when it was last known to be the newest. */
  #durableAsOfMs = 0;
  /** When somebody else looks, by the row. */
  #wakeAt: Instant | null = null;
  /** `#durable` and the replies heard since. */
  #current: GlobalTransaction | null = null;
  #unsaved: Heard[] = [];
  #asked: Asked[] = [];
  readonly #outstanding: OutstandingCalls;
  #isTurning = false;
  #turnAgain = false;
  #isFailing = false;
  #isTakenOver: boolean;
  #cancelTimer = () => {};

  constructor(given: {
    gid: string;
    tools: DriveTools;
    /** True when the gid was made just now: it need not be looked up. */
    isNew: boolean;
    /** True when it is overdue: another process, or an earlier run of this one, has left it. */
    isTakenOver: boolean;
    onSaved: (saved: Saved) => void;
    /** The drive is over, and must be forgotten before this returns. */
    onIdle: (next: Idle) => void;
  }) {
    this.gid = given.gid;
    this.#tools = given.tools;
    this.#onSaved = given.onSaved;
    this.#onIdle = given.onIdle;
    this.#outstanding = new OutstandingCalls({
      tools: given.tools,
      onHeard: (heard) => this.#hear(heard),
      onDeferred: () => void this.turn(),
    });
    if (given.isNew) this.#know(null);
    this.#isTakenOver = given.isTakenOver;
  }

  /** Asks the protocol on behalf of a client. 'lost' answers a begin whose gid or key another one took. */
  ask(request: Request): Promise<Answer | 'lost'> {
    return new Promise((resolve, reject) => {
      this.#asked.push({ ...request, resolve, reject });
      void this.turn();
    });
  }

  /** The newest state known here; what is ahead of the durable one in it may never become durable. */
  get current(): GlobalTransaction | null {
    return this.#current;
  }

  /** Looks at the transaction once more, and does what is due. */
  async turn(): Promise<void> {
    this.#turnAgain = true;
    if (this.#isTurning) return;
    this.#isTurning = true;
    try {
      while (this.#turnAgain) {
        this.#turnAgain = false;
        await this.#turnOnce();
        this.#isFailing = false;
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isTurning = false;
    }
  }

  async #turnOnce(): Promise<void> {
    this.#cancelTimer();
    const settling = this.#tools.time.settle();
    if (settling !== null) await settling;
    if (this.#durable === undefined || this.#isStale()) await this.#load();
    const asked = this.#asked.splice(0);
    try {
      const answers = this.#judge(asked);
      if (!(await this.#saveIfNeeded(answers))) return;
      for (const { by, ...answer } of answers) by.resolve({ ...answer, saved: this.#durable ?? null });
    } catch (error) {
      for (const request of asked) request.reject(error);
      throw error;
    }
    // Something was heard during the save: the state is ahead of the durable one, and nothing is sent from it.
    if (!this.#turnAgain) this.#linger(this.#sendDueCalls());
  }

  async #load(): Promise<void> {
    const loaded = await this.#tools.store.load(this.gid);
    this.#know(loaded);
    this.#wakeAt = loaded?.wakeAt ?? null;
    this.#current = loaded && this.#tools.polling.recall(loaded.tx);
    if (this.#isTakenOver && loaded !== null) {
      this.#isTakenOver = false;
      this.#tools.tracer.recovered(loaded.tx, this.#tools.time.now().latest);
    }
    for (const { reply } of this.#unsaved) this.#apply(reply);
  }

  #know(durable: Saved | null): void {
    this.#durable = durable;
    this.#durableAsOfMs = this.#tools.time.elapsedMs();
  }

  #isStale(): boolean {
    return this.#tools.time.elapsedMs() - this.#durableAsOfMs > FRESH_MS;
  }

  /** What the protocol says to each request, in their order; the deadline speaks after them. */
  #judge(asked: readonly Asked[]): Judged[] {
    const now = this.#tools.time.now();
    const answers = asked.map((by) => {
      const before = this.#current;
      const verdict = this.#apply(by.eventAt(now));
      return { verdict, isChanged: this.#current !== before, by };
    });
    this.#apply({ type: 'deadlinePassed', now });
    return answers;
  }

  #apply(event: Event): Verdict {
    const verdict = transition(this.#current, event);
    this.#current = (verdict.accepted ? verdict.tx : verdict.noted) ?? this.#current;
    return verdict;
  }

  /** False when the save was lost: the turn is over, and begins again on the state that won. */
  async #saveIfNeeded(answers: readonly Judged[]): Promise<boolean> {
    const after = this.#current;
    const before = this.#durable?.tx ?? null;
    if (after === null) return true;
    const need = saveNeed(before, after);
    if (need === 'none' || (need === 'may_wait' && this.#outstanding.count > 0)) return true;
    const attempts = this.#unsaved.map(({ attempt }) => attempt);
    const entries = entriesBetween(before, after, attempts);
    if (entries === null) throw new Error('a state must be saved, but nothing of it has changed');
    const { time, commit, writer, commitTimeoutMs } = this.#tools;
    const now = time.now();
    const seq = (this.#durable?.seq ?? 0) + 1;
    const wakeAt = takeOverAt(after, now, commitTimeoutMs);
    const begin = answers.find(({ by, isChanged }) => by.begin && isChanged)?.by;
    const beginKey = begin?.begin?.beginKey ?? null;
    const savedReplyCount = this.#unsaved.length;
    // A note is accepted only while all replicas read it; one of them may have come since.
    const version = Math.max(this.#tools.journalVersion(), versionNeededBy(entries));
    const save = {
      gid: this.gid,
      seq,
      before,
      after,
      entries,
      version,
      at: now.latest,
      writer,
      wakeAt,
      beginKey,
    };
    if ((await commit.save(save)) === 'saved') {
      this.#know({ tx: after, seq });
      this.#wakeAt = wakeAt;
      this.#unsaved = this.#unsaved.slice(savedReplyCount);
      this.#tools.observer.saved(before, after);
      this.#onSaved({ tx: after, seq });
      return true;
    }
    this.#durable = undefined;
    this.#turnAgain = true;
    for (const { by } of answers) {
      // A begin may have lost its key to another gid, which only the coordinator can look up.
      if (by === begin) by.resolve('lost');
      else this.#asked.push(by);
    }
    return false;
  }

  /** Sends what is due; returns when there is more to do, and what. */
  #sendDueCalls(): Check {
    if (this.#current === null) return NEVER;
    const { calls, ...check } = pendingCalls(this.#current, this.#tools.time.now());
    if (this.#tools.isStopping())
      return calls.length > 0 ? { checkAgainAt: 0, checkAgainFor: 'call' } : check;
    const heldUntil = this.#outstanding.send(this.#current, calls);
    if (heldUntil === null || heldUntil >= (check.checkAgainAt ?? Infinity)) return check;
    return { checkAgainAt: heldUntil, checkAgainFor: 'call' };
  }

  #hear(heard: Heard): void {
    const { reply } = heard;
    this.#unsaved.push(heard);
    if (this.#durable !== undefined) this.#apply(reply);
    void this.turn();
  }

  /** Nothing is left to do at once: wait for replies or the clock, or let go. */
  #linger(check: Check): void {
    const { checkAgainAt } = check;
    const untilMs = checkAgainAt === null ? Infinity : checkAgainAt - this.#tools.time.now().earliest;
    const isFree = this.#outstanding.count === 0;
    const isStopped = this.#tools.isStopping() && isFree;
    if (isStopped || (isFree && checkAgainAt === null)) {
      if (isStopped) this.#handOver(checkAgainAt);
      this.#letGo(NEVER);
      return;
    }
    this.#keepDate(isFree ? checkAgainAt : this.#tools.time.now().latest, isFree);
    const waitMs = isFree ? Math.min(untilMs, LINGER_MS) : untilMs;
    if (waitMs === Infinity) return;
    this.#cancelTimer = this.#tools.time.after(Math.max(1, waitMs), () => {
      if (isFree && untilMs > LINGER_MS) this.#letGo(check);
      else void this.turn();
    });
  }

  /**
   * What is waited for may not be what the row was dated by: an open circuit, a participant still at work, or an operator; or calls
   * that take longer than the sweep could know which claimed it.
   */
  #keepDate(dueAt: Instant | null, mayBeSooner: boolean): void {
    if (!this.#durable || dueAt === null) return;
    const { tx, seq } = this.#durable;
    const wakeAt = dueAt + takeOverMs(tx, this.#tools.commitTimeoutMs);
    const isLaterByMs = wakeAt - (this.#wakeAt ?? 0);
    if ((mayBeSooner ? Math.abs(isLaterByMs) : isLaterByMs) < DATE_SLACK_MS) return;
    this.#wakeAt = wakeAt;
    this.#tools.wakeDates.redate(this.gid, seq, wakeAt);
  }

  /** This process stops in order: whoever looks next need not wait for it as for one that died. */
  #handOver(dueAt: Instant | null): void {
    if (!this.#durable || dueAt === null || this.#tools.commit.isBehind) return;
    const wakeAt = Math.max(dueAt, this.#tools.time.now().latest);
    this.#tools.wakeDates.redate(this.gid, this.#durable.seq, wakeAt);
  }

  #letGo(check: Check): void {
    if (this.#current) this.#tools.polling.remember(this.#current);
    this.#onIdle({ seq: this.#durable?.seq ?? 0, ...check });
  }

  /** The store failed: whoever asked is told. Replies are kept until the store can be asked again. */
  #fail(error: unknown): void {
    if (!this.#isFailing && !(error instanceof Overloaded))
      this.#tools.log.error(`drive of transaction ${this.gid} failed`, error);
    this.#isFailing = true;
    this.#durable = undefined;
    for (const request of this.#asked.splice(0)) request.reject(error);
    // What a database that is behind would be told is for nobody: its replies will be asked for again.
    const isHopeless = this.#unsaved.length === 0 || this.#tools.commit.isBehind;
    if (this.#outstanding.count === 0 && isHopeless) {
      this.#onIdle({ seq: 0, ...NEVER });
      return;
    }
    this.#cancelTimer = this.#tools.time.after(STORE_RETRY_MS, () => void this.turn());
  }
}
