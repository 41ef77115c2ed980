/**
 * Group commit: saves that arrive while one commit is under way go together as the next.
 *
 * It decides what is sent, when, and again; the batch writer behind the port decides how. The rules, by number:
 * 1. At most one unacknowledged save per gid in a batch, at most 256 gids and 1 MiB.
 * 3. Rows that are taken are answered (ours: saved, another's: lost) and the rest is sent again as one batch. A batch
 *    that is rejected for another reason is halved until the row at fault stands alone; neighbours never see it.
 * 5. After an unknown COMMIT the same rows are sent again until the database says written or taken. A read would
 *    prove nothing: the COMMIT may still be on its way. Nothing else is sent by this writer meanwhile.
 * 6. A transient error (a deadlock, a lock wait) repeats the batch after a random pause.
 * Rules 2 and 4 (the order of rows, a clean connection) are the writer's.
 */
import {
  type BatchOutcome,
  type BatchWriter,
  type Chance,
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

export type SaveOutcome = 'saved' | 'lost';

type Waiting = {
  readonly save: Save;
  readonly bytes: number;
  readonly resolve: (outcome: SaveOutcome) => void;
  readonly reject: (error: Error) => void;
};

export class GroupCommit {
  readonly #writer: BatchWriter;
  readonly #time: Time;
  readonly #chance: Chance;
  readonly #queue: Waiting[] = [];
  #isWriting = false;

  constructor(given: { writer: BatchWriter; time: Time; chance: Chance }) {
    this.#writer = given.writer;
    this.#time = given.time;
    this.#chance = given.chance;
  }

  /**
   * `saved` once the row is durable, `lost` once another row is known to stand in its place.
   * @throws StoreUnavailable when the row was surely not written.
   */
  save(save: Save): Promise<SaveOutcome> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ save, bytes: sizeOf(save), resolve, reject });
      void this.#writeAll();
    });
  }

  /** Saves that are queued or under way. */
  get depth(): number {
    return this.#queue.length;
  }

  async #writeAll(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    while (this.#queue.length > 0) await this.#write(this.#nextBatch());
    this.#isWriting = false;
  }

  #nextBatch(): Waiting[] {
    const gids = new Set<string>();
    let bytes = 0;
    let count = 0;
    for (const { save, bytes: size } of this.#queue) {
      const isFull = count === MAX_BATCH_SAVES || (count > 0 && bytes + size > MAX_BATCH_BYTES);
      if (isFull || gids.has(save.gid)) break;
      gids.add(save.gid);
      bytes += size;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    if (batch.length === 0) return;
    const result = await this.#outcomeOf(batch.map(({ save }) => save));
    switch (result.outcome) {
      case 'written':
        for (const waiting of batch) waiting.resolve('saved');
        return;
      case 'taken':
        return this.#write(answerTaken(batch, result));
      case 'rejected':
        if (batch.length > 1 && !result.isTransient) return this.#halve(batch);
        for (const waiting of batch)
          waiting.reject(new StoreUnavailable(result.error.message, { cause: result.error }));
    }
  }

  async #halve(batch: readonly Waiting[]): Promise<void> {
    const middle = Math.ceil(batch.length / 2);
    await this.#write(batch.slice(0, middle));
    await this.#write(batch.slice(middle));
  }

  /** Sends the same rows until their fate is known, or a definite error says that they were not written. */
  async #outcomeOf(saves: readonly Save[]): Promise<Exclude<BatchOutcome, { outcome: 'unknown' }>> {
    let mayBeWritten = false;
    for (let attempt = 1; ; attempt += 1) {
      const result = await this.#attempt(saves);
      if (result.outcome === 'written' || result.outcome === 'taken') return result;
      if (result.outcome === 'rejected') {
        // A row that is refused on its own account is refused from every connection, an older packet's too.
        if (!result.isTransient || (attempt >= TRANSIENT_LIMIT && !mayBeWritten)) return result;
      } else mayBeWritten = true;
      await this.#pause(attempt);
    }
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

/** Answers what is taken, and returns the rest. */
function answerTaken(
  batch: readonly Waiting[],
  taken: { ours: ReadonlySet<string>; lost: ReadonlySet<string> },
) {
  const rest: Waiting[] = [];
  for (const waiting of batch) {
    const { gid } = waiting.save;
    if (taken.ours.has(gid)) waiting.resolve('saved');
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
