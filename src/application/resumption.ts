/**
 * Resumes, at this replica, what waits for one participant that has recovered: first what is driven here, whose calls the gate
 * may hold back, then page by page what no replica calls now.
 *
 * - Each transaction is claimed before it is resumed, for a minute. So of several replicas one resumes it, and a branch that
 *   goes on failing is resumed once a minute at most (I15).
 * - The gate gives resumed calls half of the participant's slots, so that other calls find one. While none is free, it waits.
 * - It ends once the circuit opens here: the participant fails again, and its next recovery begins anew. Each page is shuffled:
 *   otherwise the same poisoned ones would come first and end it each time, before the healthy ones behind them (I15).
 * - It is repeated once, when the claims of the first time have expired: what was lost with a replica that died, or was resumed
 *   just before the participant failed and recovered again, is found then.
 */
import type { ActiveTransactions } from './active-transactions.ts';
import type { CallGate } from './call-gate.ts';
import type { Chance, Log, Observer, Resumptions, Time } from './ports.ts';

/** A transaction is resumed for one participant at most this often. */
export const CLAIM_MS = 60_000;
/** By then the claims have expired, also those by the clock of a replica that is a little ahead. */
const REPEAT_MS = CLAIM_MS + 2000;
const PAGE = 1000;
/** Between two pages, and while no slot is free. */
const PAGE_PAUSE_MS = 100;

export type ResumptionParts = {
  readonly participant: string;
  readonly resumptions: Resumptions;
  readonly active: ActiveTransactions;
  readonly gate: CallGate;
  readonly time: Time;
  readonly chance: Chance;
  readonly log: Log;
  readonly observer: Observer;
  /** A row that is dated this far ahead is called by no replica now. */
  readonly carriedMs: number;
};

export class Resumption {
  readonly #given: ResumptionParts;
  #isRunning = false;
  #isWanted = false;
  #isStopped = false;
  /** When to repeat it, by `elapsedMs`. */
  #repeatAtMs: number[] = [];

  constructor(given: ResumptionParts) {
    this.#given = given;
  }

  /** The participant has recovered. One that is noted while this runs is served afterwards. */
  begin(): void {
    this.#isWanted = true;
    if (!this.#isRunning) void this.#run();
  }

  repeatIfDue(): void {
    const nowMs = this.#given.time.elapsedMs();
    if (this.#isRunning || !this.#repeatAtMs.some((atMs) => atMs <= nowMs)) return;
    this.#repeatAtMs = this.#repeatAtMs.filter((atMs) => atMs > nowMs);
    void this.#run();
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #run(): Promise<void> {
    const { log, time, participant } = this.#given;
    this.#isRunning = true;
    try {
      do {
        const isFirst = this.#isWanted;
        this.#isWanted = false;
        const isClaimed = await this.#resumeAll();
        if (isFirst && isClaimed) this.#repeatAtMs.push(time.elapsedMs() + REPEAT_MS);
      } while (this.#isWanted && !this.#isStopped);
    } catch (error) {
      if (!this.#isStopped) log.error(`what waits for ${participant} was not resumed completely`, error);
      this.#repeatAtMs.push(time.elapsedMs() + REPEAT_MS);
    } finally {
      this.#isRunning = false;
    }
  }

  /** @returns whether anything of it was claimed, by this replica or another */
  async #resumeAll(): Promise<boolean> {
    const { participant, chance, observer } = this.#given;
    let isClaimed = false;
    for await (const page of this.#pages()) {
      const gids = shuffled(page, chance);
      for (let next = 0; next < gids.length; ) {
        const room = await this.#room();
        if (room === 0) return isClaimed;
        const part = gids.slice(next, next + room);
        next += part.length;
        const resumedCount = await this.#resumePart(part);
        isClaimed = true;
        if (resumedCount === 0) continue;
        observer.resumed(participant, resumedCount);
        // By then most of them have been loaded, and have a slot.
        await this.#pause();
      }
    }
    return isClaimed;
  }

  async *#pages(): AsyncGenerator<readonly string[]> {
    const { resumptions, active, time, participant, carriedMs } = this.#given;
    yield active.waitingFor(participant);
    for (let after: string | undefined = ''; after !== undefined; ) {
      const datedAfter = time.now().latest + carriedMs;
      const gids: readonly string[] = await resumptions.waitingFor({
        participant,
        datedAfter,
        after,
        limit: PAGE,
      });
      yield gids;
      after = gids.length < PAGE ? undefined : gids.at(-1);
    }
  }

  async #resumePart(gids: readonly string[]): Promise<number> {
    const { resumptions, active, time, chance, participant } = this.#given;
    const { latest: now } = time.now();
    const claim = { participant, gids, now, expiredAt: now - CLAIM_MS, claimant: chance.newId() };
    const claimed = await resumptions.claim(claim);
    for (const gid of claimed) active.resume(gid, participant);
    return claimed.length;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => this.#given.time.after(PAGE_PAUSE_MS, resolve));
  }

  /** How many transactions may be resumed now; 0 when it is over. */
  async #room(): Promise<number> {
    const { gate, active, participant } = this.#given;
    for (;;) {
      if (this.#isStopped || gate.stateOf(participant) !== 'closed') return 0;
      const room = Math.min(gate.roomFor(participant), active.roomToTakeOver);
      if (room > 0) return room;
      await this.#pause();
    }
  }
}

const shuffled = <Value>(values: readonly Value[], chance: Chance): readonly Value[] =>
  values
    .map((value) => ({ value, order: chance.draw() }))
    .sort((one, other) => one.order - other.order)
    .map(({ value }) => value);
