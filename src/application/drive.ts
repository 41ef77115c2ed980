/**
 * One process's execution of one transaction: load, transition, save, call. First run, recovery, wake and request take this
 * one path.
 *
 * - Calls are sent only from a state that is durable (I9). A reply that arrives while a save is under way is saved in the
 *   next turn, before anything is sent for it.
 * - A save that is lost discards what was computed from it. Only the facts are kept: replies and requests are applied to
 *   the state that won (I14).
 * - What is answered to a client was made durable first (I3).
 * - `saveNeed` says when to save: only successes wait for their siblings.
 */
import { type Event, type GlobalTransaction, pendingCalls, saveNeed } from '../domain/index.ts';
import type { ClientRequest, DurableVerdict, JudgedRequest, PendingRequest } from './client-request.ts';
import { DurableState, type DurableTools } from './durable-state.ts';
import { applied, changesIn, judgeRequests, needNewest } from './judged-requests.ts';
import { type CallTools, type Check, type ReceivedReply, OutstandingCalls } from './outstanding-calls.ts';
import type { PollingMemory } from './polling-memory.ts';
import { type Log, Overloaded, Quarantined, type Saved } from './ports.ts';

/** What every drive of a process shares. */
export type DriveTools = CallTools &
  DurableTools & {
    readonly polling: PollingMemory;
    readonly log: Log;
    /** True once no more calls may be sent: what is left is another replica's. */
    readonly isStopping: () => boolean;
  };

/** A drive that ended: when its transaction has something to do again, null when never or not known. */
export type Idle = Check & { readonly seq: number };

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
  #unsaved: ReceivedReply[] = [];
  #pending: PendingRequest[] = [];
  readonly #outstanding: OutstandingCalls;
  /** A turn that is requested while one runs follows it. */
  #turning: 'no' | 'once' | 'again' = 'no';
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
      onReply: (received) => this.#receive(received),
      onDeferred: () => void this.turn(),
    });
    this.#durable = new DurableState(given.gid, given.isNew, given.tools);
    this.#isTakenOver = given.isTakenOver;
  }

  /** Asks the protocol on behalf of a client. */
  ask(request: ClientRequest): Promise<DurableVerdict | 'lost'> {
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
    this.#outstanding.resume(participant);
    void this.turn();
  }

  /** By what is known here without a look-up. */
  isWaitingFor(participant: string): boolean {
    return this.#current !== null && this.#outstanding.isWaitingFor(this.#current, participant);
  }

  /** Checks the transaction once more, and does what is due. */
  async turn(): Promise<void> {
    const isTurning = this.#turning !== 'no';
    this.#turning = 'again';
    if (isTurning) return;
    try {
      while (this.#isTurnRequested()) {
        this.#turning = 'once';
        await this.#turnOnce();
        this.#isFailing = false;
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#turning = 'no';
    }
  }

  #isTurnRequested(): boolean {
    return this.#turning === 'again';
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
    if (!this.#isTurnRequested()) this.#linger(this.#sendDueCalls());
  }

  async #load(): Promise<void> {
    // How far polling came is known to this process only: what is accepted is not to be called before its time.
    if (this.#current) this.#tools.polling.remember(this.#current);
    const loaded = await this.#durable.load();
    this.#current = loaded && this.#tools.polling.recall(loaded.tx);
    if (this.#isTakenOver && loaded !== null) {
      this.#isTakenOver = false;
      this.#tools.tracer.recovered(loaded.tx, this.#tools.time.now().latest);
    }
    for (const { reply } of this.#unsaved) this.#apply(reply);
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
    const mayWait = need === 'may_wait' && judged.length === 0;
    if (need === 'none' || (mayWait && this.#outstanding.count > 0)) return true;
    const { begin, completed } = changesIn(judged, this.#tools.time.now().latest);
    const beginKey = begin?.begin?.beginKey ?? null;
    const received = this.#unsaved.map(({ attempt }) => attempt);
    const saved = await this.#durable.save({ after, attempts: [...received, ...completed], beginKey });
    if (saved !== null) {
      this.#unsaved = this.#unsaved.slice(received.length);
      for (const call of completed) this.#tools.observer.completed(after, call);
      this.#tools.observer.saved(before, after);
      this.#onSaved(saved);
      return true;
    }
    this.#turning = 'again';
    for (const { request } of judged) {
      if (request === begin) request.resolve('lost');
      else this.#pending.push(request);
    }
    return false;
  }

  /** Sends what is due; returns when there is more to do, and what. */
  #sendDueCalls(): Check {
    if (this.#current === null) return NEVER;
    const resumed = this.#outstanding.resumedIn(this.#current);
    const pending = pendingCalls(this.#current, this.#tools.time.now(), resumed);
    if (!this.#tools.isStopping()) return this.#outstanding.send(this.#current, pending);
    return pending.calls.length > 0 ? { ...NEVER, checkAgainAt: 0 } : pending;
  }

  #receive(received: ReceivedReply): void {
    this.#unsaved.push(received);
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
    if (this.#current) this.#tools.polling.remember(this.#current);
    this.#onIdle({ seq: this.#durable.saved?.seq ?? 0, ...check });
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
    const isHopeless = this.#unsaved.length === 0 || isQuarantined || this.#tools.commit.hasLostCommits;
    if (this.#outstanding.count === 0 && isHopeless) {
      this.#onIdle({ seq: 0, ...NEVER });
      return;
    }
    this.#cancelTimer = this.#tools.time.after(STORE_RETRY_MS, () => void this.turn());
  }
}
