/**
 * Group commit: saves that arrive while one commit is under way go together as the next.
 *
 * It decides what is sent, when, and again; the batch writer behind the port decides how. The rules, by number:
 * 1. At most one unacknowledged save per gid in a batch, at most 256 gids and 1 MiB.
 * 3. Rows that are taken are answered (ours: saved, another's: lost) and the rest is sent again as one batch. A batch
 *    that is rejected for a row's sake is halved until the row stands alone; neighbours never see it. A row that is ours
 *    can only stand after an unknown COMMIT: without one, somebody else's save of this process was first.
 * 5. After an unknown COMMIT the same rows are sent again until the database says written or taken. A read would
 *    prove nothing: the COMMIT may still be on its way. Nothing else is sent by this writer meanwhile; whoever waits
 *    behind it for too long is told that nothing of theirs was written.
 * 6. A transient error (a deadlock, no connection) repeats the batch after a random pause, for a few seconds. A row that is locked by
 *    somebody else is set aside for longer and longer, so that its neighbours wait for it as rarely as can be.
 * A database that lost what it had acknowledged, as after a failover that was not synchronous, is written to no more.
 * Rules 2 and 4 (the order of rows, a clean connection) are the writer's.
 */
import {
  type BatchOutcome,
  type BatchWriter,
  type Chance,
  type Log,
  type Observer,
  type Save,
  StoreUnavailable,
  type Time,
} from './ports.ts';

export const MAX_BATCH_SAVES = 256;
export const MAX_BATCH_BYTES = 1024 * 1024;

/** How often a batch that meets transient errors is sent before its saves are given up as not written. */
const TRANSIENT_LIMIT = 10;
const FIRST_PAUSE_MS = 5;
const MAX_PAUSE_MS = 1000;
/** How often a save whose row is locked is set aside, and for how long the first time; it doubles. */
const LOCK_LIMIT = 5;
const FIRST_LOCK_PAUSE_MS = 1000;
/** A writer that does not know the fate of a COMMIT, or gets no connection, for this long is stuck: no save waits for it. */
const STUCK_AFTER_MS = 5000;

export type SaveOutcome = 'saved' | 'lost';

type Waiting = {
  readonly save: Save;
  readonly bytes: number;
  readonly resolve: (outcome: SaveOutcome) => void;
  readonly reject: (error: Error) => void;
  lockCount: number;
};

type KnownOutcome = Exclude<BatchOutcome, { outcome: 'unknown' }>;
type BatchFate = KnownOutcome & { readonly wasUnknown: boolean };

export class GroupCommit {
  readonly #writer: BatchWriter;
  readonly #time: Time;
  readonly #chance: Chance;
  readonly #log: Log;
  readonly #observer: Observer;
  readonly #queue: Waiting[] = [];
  #isWriting = false;
  #stuck: StoreUnavailable | null = null;
  #hasLostCommits = false;
  #waitingBytes = 0;

  constructor(given: { writer: BatchWriter; time: Time; chance: Chance; log: Log; observer: Observer }) {
    this.#writer = given.writer;
    this.#observer = given.observer;
    this.#log = given.log;
    this.#time = given.time;
    this.#chance = given.chance;
  }

  /**
   * `saved` once the row is durable, `lost` once another row is known to stand in its place.
   * @throws StoreUnavailable when the row was surely not written.
   */
  save(save: Save): Promise<SaveOutcome> {
    if (this.#hasLostCommits) return Promise.reject(new StoreUnavailable(LOST_COMMITS));
    if (this.#stuck !== null) return Promise.reject(this.#stuck);
    const bytes = sizeOf(save);
    this.#waitingBytes += bytes;
    const outcome = new Promise<SaveOutcome>((resolve, reject) => {
      this.#queue.push({ save, bytes, resolve, reject, lockCount: 0 });
      void this.#writeAll();
    });
    return outcome.finally(() => {
      this.#waitingBytes -= bytes;
    });
  }

  /** Of the saves that no commit has taken yet, roughly. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Set while the database has not answered the writer for so long that saves are rejected. */
  get stuck(): StoreUnavailable | null {
    return this.#stuck;
  }

  /** True once the database has lost what it had acknowledged to this process. */
  get hasLostCommits(): boolean {
    return this.#hasLostCommits;
  }

  async #writeAll(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    while (this.#queue.length > 0) {
      await this.#write(this.#nextBatch());
      if (this.#stuck !== null) await this.#untilAnswered();
    }
    this.#isWriting = false;
  }

  /** An empty batch asks whether the database can be written again. */
  async #untilAnswered(): Promise<void> {
    for (let attempt = 1; this.#stuck !== null; attempt += 1) {
      await this.#pause(attempt);
      const result = await this.#attempt([]);
      if (result.outcome === 'rejected' && result.because === 'behind') this.#stopFor([], result.error);
      if (result.outcome === 'written' || this.#hasLostCommits) this.#stuck = null;
    }
  }

  #nextBatch(): Waiting[] {
    const names = new Set<string>();
    let bytes = 0;
    let count = 0;
    for (const { save, bytes: size } of this.#queue) {
      const isFull = count === MAX_BATCH_SAVES || (count > 0 && bytes + size > MAX_BATCH_BYTES);
      const own = save.beginKey === null ? [save.gid] : [save.gid, `key ${save.beginKey}`];
      if (isFull || own.some((name) => names.has(name))) break;
      for (const name of own) names.add(name);
      bytes += size;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    if (batch.length === 0) return;
    const result = await this.#fateOf(batch.map(({ save }) => save));
    if (result.outcome === 'written') this.#acknowledge(batch);
    else if (result.outcome === 'taken') await this.#write(answerTaken(batch, result));
    else if (result.because === 'behind') this.#stopFor(batch, result.error);
    else if (result.because === 'store') rejectSaves([...batch, ...this.#queue.splice(0)], result.error);
    else if (result.because === 'lock' && result.locked.size > 0) await this.#writeUnlocked(batch, result);
    else if (batch.length > 1) await this.#halve(batch);
    else if (result.because === 'lock') this.#setAside(batch, result.error);
    else rejectSaves(batch, result.error);
  }

  #acknowledge(batch: readonly Waiting[]): void {
    this.#observer.committed(batch.length);
    for (const waiting of batch) waiting.resolve('saved');
  }

  #stopFor(batch: readonly Waiting[], error: Error): void {
    if (!this.#hasLostCommits) this.#log.error(LOST_COMMITS, error);
    this.#hasLostCommits = true;
    rejectSaves([...batch, ...this.#queue.splice(0)], error);
  }

  async #halve(batch: readonly Waiting[]): Promise<void> {
    const middle = Math.ceil(batch.length / 2);
    await this.#write(batch.slice(0, middle));
    await this.#write(batch.slice(middle));
  }

  async #writeUnlocked(
    batch: readonly Waiting[],
    { locked, error }: { locked: ReadonlySet<string>; error: Error },
  ): Promise<void> {
    this.#setAside(
      batch.filter(({ save }) => locked.has(save.gid)),
      error,
    );
    await this.#write(batch.filter(({ save }) => !locked.has(save.gid)));
  }

  /** Queues saves again when their row may be free. */
  #setAside(locked: readonly Waiting[], error: Error): void {
    for (const waiting of locked) {
      waiting.lockCount += 1;
      if (waiting.lockCount > LOCK_LIMIT) rejectSaves([waiting], error);
      else
        this.#time.after(FIRST_LOCK_PAUSE_MS * 2 ** (waiting.lockCount - 1), () => {
          this.#queue.push(waiting);
          void this.#writeAll();
        });
    }
  }

  /** Sends the same rows until their fate is known. */
  async #fateOf(saves: readonly Save[]): Promise<BatchFate> {
    const sinceMs = this.#time.elapsedMs();
    let unknownSince: number | null = null;
    for (let attempt = 1; ; attempt += 1) {
      const result = await this.#attempt(saves);
      if (result.outcome === 'unknown') unknownSince ??= this.#time.elapsedMs();
      else if (isFinal(result, attempt, unknownSince !== null)) {
        this.#stuck = null;
        return { ...result, wasUnknown: unknownSince !== null };
      }
      if (unknownSince !== null && 'error' in result) this.#tellStuck(STUCK, unknownSince, result);
      else if (result.outcome === 'rejected' && this.#tellStuck(UNANSWERED, sinceMs, result))
        return { ...result, wasUnknown: false };
      await this.#pause(attempt);
    }
  }

  /** Saves that only wait behind a stuck batch were surely not written. */
  #tellStuck(why: string, sinceMs: number, { error }: { error: Error }): boolean {
    if (this.#time.elapsedMs() - sinceMs < STUCK_AFTER_MS) return false;
    if (this.#stuck === null) this.#log.error(why, error);
    this.#stuck = new StoreUnavailable(why, { cause: error });
    rejectSaves(this.#queue.splice(0), error);
    return true;
  }

  async #attempt(saves: readonly Save[]): Promise<BatchOutcome> {
    try {
      return await this.#writer.writeBatch(saves);
    } catch (error) {
      return { outcome: 'unknown', error: error instanceof Error ? error : new Error(String(error)) };
    }
  }

  #pause(attempt: number): Promise<void> {
    const ceilingMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
    return new Promise((resolve) => this.#time.after(ceilingMs * this.#chance.draw(), resolve));
  }
}

const NOT_WRITTEN = 'the store rejected a save';

const STUCK = 'commit outcome unknown for seconds: nothing else is written until it is known';

const UNANSWERED = 'the database does not answer: saves are rejected until it does';

const LOST_COMMITS =
  'the database lost acknowledged commits: this replica stops driving; restore the commits or accept their loss, then ' +
  'restart this process';

/** Not with the words of the error: a driver's may carry values of the rows. */
function rejectSaves(batch: readonly Waiting[], error: Error): void {
  for (const { reject } of batch) reject(new StoreUnavailable(NOT_WRITTEN, { cause: error }));
}

/** While a packet of ours may still appear, only an answer about the rows themselves ends the matter. */
function isFinal(result: KnownOutcome, attempt: number, wasUnknown: boolean): boolean {
  if (result.outcome !== 'rejected' || result.because === 'row' || result.because === 'behind') return true;
  if (wasUnknown) return false;
  return result.because === 'lock' || attempt === TRANSIENT_LIMIT;
}

/** Answers what is taken, and returns the rest. */
function answerTaken(batch: readonly Waiting[], taken: BatchFate & { outcome: 'taken' }): Waiting[] {
  const rest: Waiting[] = [];
  for (const waiting of batch) {
    const { gid } = waiting.save;
    if (taken.ours.has(gid)) waiting.resolve(taken.wasUnknown ? 'saved' : 'lost');
    else if (taken.lost.has(gid)) waiting.resolve('lost');
    else rest.push(waiting);
  }
  if (rest.length === batch.length)
    throw new Error('the store said that rows are taken, and named none of them');
  return rest;
}

/** Roughly the bytes that a save adds to the packet: what is long in it. */
function sizeOf({ before, after }: Save): number {
  const fresh = after.branches.slice(before?.branches.length ?? 0);
  return fresh.reduce((sum, branch) => sum + branch.payload.length, 1000 + 200 * after.branches.length);
}
