/**
 * Ends outages: once a participant has recovered, what waits for it is called soon, and not at its own date, which may be an
 * hour away.
 *
 * 1. The replica that receives an answer after a failure notes the recovery in the database, at most every 30 s.
 * 2. Each replica reads the notes every second. For a new one it closes the circuit here and resumes (`resumption.ts`).
 * 3. While no one calls a participant for which calls were given up, each replica probes it (`given-up-probes.ts`).
 *
 * `runOnce` is one pass; `start` only repeats it. Addresses without a name have no row to note a recovery in: what waits for
 * them is called at its date. Nothing here is needed for safety, and nothing of it enters a journal.
 */
import { isAddress } from './allowed-addresses.ts';
import { GivenUpProbes } from './given-up-probes.ts';
import { Repetition } from './repetition.ts';
import { CLAIM_MS, Resumption, type ResumptionParts } from './resumption.ts';

const EVERY_MS = 1000;
/** One participant is noted at most this often, by all replicas together. */
const NOTE_PAUSE_MS = 30_000;
/** A replica that starts resumes what was noted in this time before: the one that noted it may have died. */
const RECENT_MS = 60_000;
const FORGET_LIMIT = 1000;

export type RecoveryParts = Omit<ResumptionParts, 'participant'>;

/** What one pass did. */
export type RecoveryCounts = {
  readonly notedCount: number;
  readonly recoveredCount: number;
  readonly probedCount: number;
};

export class Recovery {
  readonly #given: RecoveryParts;
  readonly #repetition: Repetition;
  readonly #probes: GivenUpProbes;
  readonly #resumptions = new Map<string, Resumption>();
  /** Recoveries that are known here, and not noted yet. */
  readonly #unnoted = new Set<string>();
  /** The notes as they were read last; null before the first time. */
  #known: ReadonlyMap<string, number> | null = null;
  #forgetAtMs = 0;
  /** One log line for a database that is away, not one each second. */
  #isFailing = false;

  constructor(given: RecoveryParts) {
    this.#given = given;
    this.#probes = new GivenUpProbes(given);
    this.#repetition = new Repetition({ ...given, everyMs: EVERY_MS, pass: () => this.#pass() });
  }

  /** The participant has recovered. */
  note(participant: string): void {
    if (!isAddress(participant)) this.#unnoted.add(participant);
  }

  /** One pass. What it resumes is sent meanwhile and afterwards. */
  async runOnce(): Promise<RecoveryCounts> {
    const settling = this.#given.time.settle();
    if (settling !== null) await settling;
    const { notedCount, refused } = await this.#note();
    const recovered = await this.#newNotes(refused);
    for (const participant of recovered) {
      this.#given.gate.close(participant);
      this.#resumptionOf(participant).begin();
    }
    for (const resumption of this.#resumptions.values()) resumption.repeatIfDue();
    const probedCount = await this.#probes.runOnce();
    await this.#forgetClaims();
    return { notedCount, recoveredCount: recovered.length, probedCount };
  }

  start(): void {
    this.#repetition.start();
  }

  stop(): void {
    this.#repetition.stop();
    for (const resumption of this.#resumptions.values()) resumption.stop();
  }

  /** One that was noted less than 30 s ago is noted again afterwards: it may have failed and recovered since. */
  async #note(): Promise<{ readonly notedCount: number; readonly refused: readonly string[] }> {
    const { resumptions, time, observer } = this.#given;
    const refused: string[] = [];
    let notedCount = 0;
    for (const participant of [...this.#unnoted]) {
      const { latest: now } = time.now();
      const notedAfter = now - NOTE_PAUSE_MS;
      const notedAt = this.#known?.get(participant) ?? notedAfter;
      if (notedAt > notedAfter && notedAt <= now + NOTE_PAUSE_MS) continue;
      if (await resumptions.note(participant, now, notedAfter)) {
        this.#unnoted.delete(participant);
        notedCount += 1;
        observer.participantRecovered(participant);
      } else refused.push(participant);
    }
    return { notedCount, refused };
  }

  /** @param refused those that are not registered can never be noted */
  async #newNotes(refused: readonly string[]): Promise<readonly string[]> {
    const notes = await this.#given.resumptions.notes();
    for (const participant of refused) if (!notes.has(participant)) this.#unnoted.delete(participant);
    const known = this.#known;
    const recentAt = this.#given.time.now().earliest - RECENT_MS;
    this.#known = notes;
    return [...notes].flatMap(([participant, at]) => {
      const isNew = known === null ? at > recentAt : known.get(participant) !== at;
      return isNew ? participant : [];
    });
  }

  #resumptionOf(participant: string): Resumption {
    const known = this.#resumptions.get(participant);
    if (known) return known;
    const fresh = new Resumption({ ...this.#given, participant });
    this.#resumptions.set(participant, fresh);
    return fresh;
  }

  async #forgetClaims(): Promise<void> {
    const { resumptions, time } = this.#given;
    if (time.elapsedMs() < this.#forgetAtMs) return;
    const foundCount = await resumptions.forgetClaims(time.now().earliest - CLAIM_MS, FORGET_LIMIT);
    if (foundCount < FORGET_LIMIT) this.#forgetAtMs = time.elapsedMs() + CLAIM_MS;
  }

  async #pass(): Promise<number> {
    try {
      await this.runOnce();
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing && !this.#repetition.isStopped)
        this.#given.log.error('participants that recovered could not be read or noted', error);
      this.#isFailing = true;
    }
    return EVERY_MS;
  }
}
