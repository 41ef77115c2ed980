/**
 * The transactions that are active in this process: one drive for each gid, and never two.
 *
 * Their number is bounded, and beginnings stop before the rest: active transactions need room to end. A wake that finds
 * no room is dropped, since the sweep finds its row again.
 */
import { type GlobalTransaction, type Instant, isFinished } from '../domain/index.ts';
import type { ClientRequest, DurableVerdict } from './client-request.ts';
import { Drive } from './drive.ts';
import type { Cause, DriveTools, Idle } from './drive-tools.ts';
import { Overloaded, type Saved, type WakeQueue } from './ports.ts';

/** The share of the room that beginnings, and rows that the sweep takes over, may fill. */
const BEGIN_SHARE = 0.8;
const SWEEP_SHARE = 0.9;
/** What is counted in memory and saved as this process stops; the rest loses its counts. */
const MAX_SAVED_AT_STOP = 1000;
/** Payloads that wait to be written, beyond which nothing is begun. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

export class ActiveTransactions {
  readonly #tools: DriveTools;
  readonly #wakes: WakeQueue;
  readonly #onFinished: (saved: Saved) => void;
  readonly #maxActiveTransactions: number;
  readonly #drives = new Map<string, Drive>();
  /** Wakes that no other replica may take, since only this one knows the counts; by gid what cancels them. */
  readonly #counting = new Map<string, () => void>();
  #isStopping = false;
  #tellStopped = () => {};

  constructor(given: {
    tools: Omit<DriveTools, 'isStopping'>;
    wakes: WakeQueue;
    onFinished: (saved: Saved) => void;
    maxActiveTransactions: number;
  }) {
    this.#tools = { ...given.tools, isStopping: () => this.#isStopping || given.tools.commit.hasLostCommits };
    this.#wakes = given.wakes;
    this.#onFinished = given.onFinished;
    this.#maxActiveTransactions = given.maxActiveTransactions;
  }

  /**
   * Asks the protocol; a begin is asked first of the database's primary key, without a look-up.
   * @throws Overloaded when there is no room, and nothing was asked
   */
  async ask(gid: string, request: ClientRequest): Promise<DurableVerdict | 'lost'> {
    if (request.begin && !this.#drives.has(gid)) this.checkRoomToBegin();
    if (this.#roomIn(1, gid) === 0) throw this.#overloaded();
    return this.#driveOf(gid, request.begin?.mayExist === false ? 'new' : 'asked').ask(request);
  }

  /** Someone says that this gid has something to do. */
  wake(gid: string): void {
    if (!this.#isStopping && this.#roomIn(1, gid) > 0) void this.#driveOf(gid, 'woken').turn();
  }

  /** The same of a gid that is overdue: no process drives it. */
  takeOver(gid: string): void {
    if (!this.#isStopping && this.#roomIn(1, gid) > 0) void this.#driveOf(gid, 'overdue').turn();
  }

  /** The participant has recovered, and what waits for it in this transaction is this replica's to resume. */
  resume(gid: string, participant: string): void {
    if (!this.#isStopping && this.#roomIn(1, gid) > 0) this.#driveOf(gid).resume(participant);
  }

  /** Those that are driven here and wait for this participant. */
  waitingFor(participant: string): readonly string[] {
    return [...this.#drives.values()].flatMap((drive) =>
      drive.isWaitingFor(participant) ? [drive.gid] : [],
    );
  }

  /** @throws Overloaded when nothing more can be begun */
  checkRoomToBegin(): void {
    const isFull = this.#roomIn(BEGIN_SHARE) === 0;
    if (isFull || this.#tools.commit.waitingBytes > MAX_WAITING_BYTES) throw this.#overloaded();
  }

  #overloaded(): Overloaded {
    return new Overloaded(`${this.#drives.size} transactions are under way`);
  }

  /** How many rows the sweep may take over now. */
  get roomToTakeOver(): number {
    return this.#isStopping ? 0 : this.#roomIn(SWEEP_SHARE);
  }

  /** What this process knows of a transaction, which may be more than is durable. */
  currentOf(tx: GlobalTransaction): GlobalTransaction {
    return this.#drives.get(tx.gid)?.current ?? this.#tools.progress.recall(tx);
  }

  /** Sends no more calls, and answers when the replies to those under way are heard and saved. */
  stop(): Promise<void> {
    this.#isStopping = true;
    for (const gid of [...this.#counting.keys()].slice(0, MAX_SAVED_AT_STOP)) this.#driveOf(gid);
    for (const cancel of this.#counting.values()) cancel();
    this.#counting.clear();
    for (const drive of this.#drives.values()) void drive.turn();
    return new Promise((resolve) => {
      this.#tellStopped = resolve;
      if (this.#drives.size === 0) resolve();
    });
  }

  /** A transaction that is active already takes no more room. */
  #roomIn(share: number, gid?: string): number {
    if (gid !== undefined && this.#drives.has(gid)) return 1;
    return Math.max(0, Math.floor(this.#maxActiveTransactions * share) - this.#drives.size);
  }

  #driveOf(gid: string, cause: Cause = 'asked'): Drive {
    const known = this.#drives.get(gid);
    if (known) return known;
    this.#counting.get(gid)?.();
    this.#counting.delete(gid);
    const drive = new Drive({
      gid,
      tools: this.#tools,
      cause,
      onSaved: (saved) => {
        if (isFinished(saved.tx)) this.#onFinished(saved);
      },
      onIdle: (next) => this.#letGo(gid, next),
    });
    this.#drives.set(gid, drive);
    return drive;
  }

  #letGo(gid: string, { seq, checkAgainAt, checkAgainFor, isCounting }: Idle): void {
    this.#drives.delete(gid);
    if (checkAgainAt !== null && isCounting) this.#wakeHere(gid, checkAgainAt);
    else if (checkAgainAt !== null) this.#wakes.wakeAt(gid, seq, checkAgainAt, checkAgainFor);
    if (this.#isStopping && this.#drives.size === 0) this.#tellStopped();
  }

  #wakeHere(gid: string, at: Instant): void {
    const { time, progress } = this.#tools;
    const cancel = time.after(Math.max(0, at - time.now().earliest), () => {
      this.#counting.delete(gid);
      this.wake(gid);
      // Without room the sweep of any replica finds it.
      if (!this.#drives.has(gid)) progress.forget(gid);
    });
    this.#counting.set(gid, cancel);
  }
}
