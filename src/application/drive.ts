/**
 * One process's execution of one transaction: load, transition, save, call. First run, recovery, wake and request take this
 * one path.
 *
 * - Calls are sent only from a state that is durable (I9). A reply that arrives while a save is under way is saved in the
 *   next turn, before anything is sent for it.
 * - A save that is lost discards what was computed from it. Only the facts are kept: replies and requests are applied to
 *   the state that won (I14).
 * - What is answered to a client was made durable first (I3).
 * - `saveNeed` says when to save: successes wait for their siblings, and repeated unknown replies for ten minutes at most.
 */
import { type Event, type GlobalTransaction, pendingCalls, saveNeed } from '../domain/index.ts';
import type { ClientRequest, DurableVerdict, JudgedRequest, PendingRequest } from './client-request.ts';
import type { Cause, DriveTools, Idle } from './drive-tools.ts';
import { DurableState } from './durable-state.ts';
import { applied, changesIn, judgeRequests, needNewest } from './judged-requests.ts';
import { type Check, type ReceivedReply, OutstandingCalls } from './outstanding-calls.ts';
import { Overloaded, Quarantined, type Saved } from './ports.ts';
import { Turns } from './turns.ts';
import { UnsavedReplies } from './unsaved-replies.ts';

const NEVER: Check = { checkAgainAt: null, checkAgainFor: 'call' };

/** A drive with nothing to do is kept this long for a next request; then its wake is queued. */
const LINGER_MS = 1000;
/** Pause after the store failed, while a drive still holds replies. */
const STORE_RETRY_MS = 1000;

export class Drive {
  readonly gid: string;
  readonly #tools: DriveTools;
  readonly #onSaved: (saved: Saved) => void;
  readonly #onIdle: (next: Idle) => void;
  readonly #durable: DurableState;
  /** The durable state with the replies heard since. */
  #current: GlobalTransaction | null = null;
  readonly #unsaved: UnsavedReplies;
  #pending: PendingRequest[] = [];
  readonly #outstanding: OutstandingCalls;
  readonly #turns: Turns;
  #isFailing = false;
  /** Why it began, until that has had its effect. */
  #cause: Cause;
  #cancelTimer = () => {};

  constructor(given: {
    gid: string;
    tools: DriveTools;
    cause: Cause;
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
      onReply: (received) => this.#receive(received),
      onDeferred: () => void this.turn(),
    });
    this.#turns = new Turns({
      turnOnce: () => this.#turnOnce(),
      onError: (error) => this.#fail(error),
    });
    this.#unsaved = new UnsavedReplies(given.tools);
    this.#durable = new DurableState(given.gid, given.cause === 'new', given.tools);
    this.#cause = given.cause;
  }

  /** Asks the protocol on behalf of a client. */
  ask(request: ClientRequest): Promise<DurableVerdict | 'lost'> {
    if (this.#cause === 'woken') this.#cause = 'asked';
    return new Promise((resolve, reject) => {
      this.#pending.push({ ...request, resolve, reject });
      void this.turn();
    });
  }

  /** The newest state known here; what is ahead of the durable one in it may never become durable. */
  get current(): GlobalTransaction | null {
    return this.#current;
  }

  /** The participant has recovered: what waits for it here is called once, whatever its date. */
  resume(participant: string): void {
    if (this.#cause === 'woken') this.#cause = 'asked';
    this.#outstanding.resume(participant);
    void this.turn();
  }

  /** By what is known here without a look-up. */
  isWaitingFor(participant: string): boolean {
    return this.#current !== null && this.#outstanding.isWaitingFor(this.#current, participant);
  }

  /** Checks the transaction once more, and does what is due. */
  turn(): Promise<void> {
    return this.#turns.request();
  }

  async #turnOnce(): Promise<void> {
    this.#cancelTimer();
    const requests = this.#pending.splice(0);
    try {
      if (!this.#durable.isKnown || this.#durable.isStale || needNewest(requests)) await this.#load();
      // The clock may have jumped during the load.
      const settling = this.#tools.time.settle();
      if (settling !== null) await settling;
      const known = { current: this.#current, durable: this.#durable.saved?.tx ?? null };
      const { judged, current } = judgeRequests(requests, { ...known, now: this.#tools.time.now() });
      this.#current = current;
      if (!(await this.#saveIfNeeded(judged))) return;
      for (const { request, ...verdict } of judged)
        request.resolve({ ...verdict, saved: this.#durable.saved });
    } catch (error) {
      for (const request of requests) request.reject(error);
      throw error;
    }
    // Something was heard during the save: the state is ahead of the durable one, and nothing is sent from it.
    if (!this.#turns.isRequested) this.#linger(this.#sendDueCalls());
    this.#isFailing = false;
  }

  async #load(): Promise<void> {
    // What is counted is known to this process only: what waits is not to be called before its time.
    this.#unsaved.remember(this.#durable.last);
    const loaded = await this.#durable.load();
    if (loaded === null) this.#unsaved.drop(this.gid);
    this.#current = loaded && this.#unsaved.recall(loaded.tx);
    if (this.#cause === 'overdue' && loaded !== null) {
      this.#cause = 'asked';
      this.#tools.tracer.recovered(loaded.tx, this.#tools.time.now().latest);
    }
    for (const { reply } of this.#unsaved.facts) this.#apply(reply);
  }

  #apply(event: Event): void {
    this.#current = applied(this.#current, event).current;
  }

  /** False when the save was lost: the turn is over, and begins again on the state that won. */
  async #saveIfNeeded(judged: readonly JudgedRequest[]): Promise<boolean> {
    const after = this.#current;
    const before = this.#durable.saved?.tx ?? null;
    if (after === null) return true;
    const need = saveNeed(before, after);
    // What a client is answered is durable first; other successes wait for their siblings.
    const mayWait = need === 'may_wait' && judged.length === 0 && this.#outstanding.count > 0;
    const isLater = need === 'later' && !this.#tools.isStopping() && !this.#unsaved.isSaveDue;
    if (need === 'none' || mayWait || isLater) {
      this.#unsaved.leave(need, after);
      return true;
    }
    const { begin, completed } = changesIn(judged, this.#tools.time.now().latest);
    const beginKey = begin?.begin?.beginKey ?? null;
    const unsaved = this.#unsaved.toSave();
    const attempts = [...unsaved.attempts, ...completed];
    const saved = await this.#durable.save({ after, attempts, beginKey });
    if (saved !== null) {
      unsaved.saved(after);
      for (const call of completed) this.#tools.observer.completed(after, call);
      this.#tools.observer.saved(before, after);
      this.#onSaved(saved);
      return true;
    }
    void this.turn();
    for (const { request } of judged) {
      if (request === begin) request.resolve('lost');
      else this.#pending.push(request);
    }
    return false;
  }

  /** Sends what is due; returns when there is more to do, and what. */
  #sendDueCalls(): Check {
    const isUntouched = this.#current === this.#durable.saved?.tx && this.#outstanding.count === 0;
    const isElsewhere = this.#cause === 'woken' && isUntouched && this.#durable.isCarriedElsewhere;
    this.#cause = 'asked';
    if (this.#current === null || isElsewhere) return NEVER;
    const resumed = this.#outstanding.resumedIn(this.#current);
    const pending = pendingCalls(this.#current, this.#tools.time.now(), resumed);
    if (!this.#tools.isStopping()) return this.#outstanding.send(this.#current, pending);
    return pending.calls.length > 0 ? { ...NEVER, checkAgainAt: 0 } : pending;
  }

  #receive(received: ReceivedReply): void {
    this.#unsaved.add(received);
    if (this.#durable.isKnown) this.#apply(received.reply);
    void this.turn();
  }

  /** Nothing is due now: waits for replies or the clock, or lets go. */
  #linger(check: Check): void {
    const { checkAgainAt } = check;
    const untilMs = checkAgainAt === null ? Infinity : checkAgainAt - this.#tools.time.now().earliest;
    const isFree = this.#outstanding.count === 0;
    const isStopped = this.#tools.isStopping() && isFree;
    if (isStopped || (isFree && checkAgainAt === null)) {
      if (isStopped) this.#durable.handOver(checkAgainAt);
      this.#letGo(NEVER);
      return;
    }
    this.#durable.keepDate(isFree ? checkAgainAt : this.#tools.time.now().latest, isFree);
    // Only this drive knows what is resumed: it is kept until a slot is free.
    const mayLetGo = isFree && !this.#outstanding.isResuming;
    const waitMs = mayLetGo ? Math.min(untilMs, LINGER_MS) : untilMs;
    if (waitMs === Infinity) return;
    this.#cancelTimer = this.#tools.time.after(Math.max(1, waitMs), () => {
      if (mayLetGo && untilMs > LINGER_MS) this.#letGo(check);
      else void this.turn();
    });
  }

  #letGo(check: Check): void {
    if (!this.#unsaved.mayLetGo(check.checkAgainAt)) {
      void this.turn();
      return;
    }
    this.#unsaved.remember(this.#durable.last);
    const { isCounting } = this.#unsaved;
    this.#onIdle({ seq: this.#durable.saved?.seq ?? 0, isCounting, ...check });
  }

  /** The store failed: pending requests are rejected. Replies are kept until the store can be read again. */
  #fail(error: unknown): void {
    const isQuarantined = error instanceof Quarantined;
    if (!this.#isFailing && !isQuarantined && !(error instanceof Overloaded))
      this.#tools.log.error(`drive of transaction ${this.gid} failed`, error);
    this.#isFailing = true;
    this.#durable.forget();
    for (const request of this.#pending.splice(0)) request.reject(error);
    // To a database that lost commits nothing is saved any more: another replica repeats the calls.
    const isHopeless = this.#unsaved.facts.length === 0 || isQuarantined || this.#tools.commit.hasLostCommits;
    if (this.#outstanding.count === 0 && isHopeless) {
      this.#unsaved.remember(this.#durable.last);
      this.#onIdle({ seq: 0, isCounting: false, ...NEVER });
      return;
    }
    this.#cancelTimer = this.#tools.time.after(STORE_RETRY_MS, () => void this.turn());
  }
}
