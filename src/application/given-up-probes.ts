/**
 * Finds out that a participant has recovered of which every call was given up: parked branches, and callbacks with a spent
 * budget, are called only about hourly. While no one else calls such a participant, each replica calls one of them every 30 s,
 * in rotation.
 *
 * - They are read in pages by gid, and each page is called in random order: the oldest may be those that fail for good, and would
 *   delay the discovery for all (I15).
 * - A replica that finds such a participant for the first time doubts it: its next answer is a recovery. This process may have
 *   been started after the failures, or another replica received them.
 * - An open circuit is respected: a probe is made once a call may enter.
 */
import type { ActiveTransactions } from './active-transactions.ts';
import { isAddress } from './allowed-addresses.ts';
import type { CallGate } from './call-gate.ts';
import type { Chance, Resumptions, Time } from './ports.ts';

const PROBE_PAUSE_MS = 30_000;
/** The participants are read anew after this long. */
const SCAN_PAUSE_MS = 30_000;
/** A probe that led to no call, since its transaction has gone on, is repeated with another one after this long. */
const RETRY_PAUSE_MS = 5000;
const PAGE = 100;

export type GivenUpProbesParts = {
  readonly resumptions: Resumptions;
  readonly active: ActiveTransactions;
  readonly gate: CallGate;
  readonly time: Time;
  readonly chance: Chance;
};

/** Where the page begins, which of it were called, and when another one may be. */
type Rotation = { readonly after: string; readonly called: ReadonlySet<string>; readonly nextAtMs: number };

const FIRST: Rotation = { after: '', called: new Set(), nextAtMs: -Infinity };

export class GivenUpProbes {
  readonly #given: GivenUpProbesParts;
  readonly #rotations = new Map<string, Rotation>();
  #scanAtMs = -Infinity;

  constructor(given: GivenUpProbesParts) {
    this.#given = given;
  }

  /** Answers how many transactions were resumed as probes. */
  async runOnce(): Promise<number> {
    const { gate, time } = this.#given;
    await this.#scanIfDue();
    let probedCount = 0;
    for (const [participant, { nextAtMs }] of this.#rotations) {
      const isDue = nextAtMs <= time.elapsedMs() && gate.isIdle(participant, PROBE_PAUSE_MS);
      if (isDue && gate.roomFor(participant) > 0 && (await this.#probe(participant))) probedCount += 1;
    }
    return probedCount;
  }

  async #scanIfDue(): Promise<void> {
    const { resumptions, gate, time } = this.#given;
    if (time.elapsedMs() < this.#scanAtMs) return;
    const found = new Set((await resumptions.givenUpParticipants()).filter((one) => !isAddress(one)));
    this.#scanAtMs = time.elapsedMs() + SCAN_PAUSE_MS;
    for (const known of this.#rotations.keys()) if (!found.has(known)) this.#rotations.delete(known);
    for (const participant of found) {
      if (this.#rotations.has(participant)) continue;
      this.#rotations.set(participant, FIRST);
      gate.doubt(participant);
    }
  }

  async #probe(participant: string): Promise<boolean> {
    const { active, time } = this.#given;
    const { gid, ...place } = await this.#next(participant);
    this.#rotations.set(participant, { ...place, nextAtMs: time.elapsedMs() + RETRY_PAUSE_MS });
    if (gid === null) return false;
    active.resume(gid, participant);
    return true;
  }

  /** One of the page, else of the next page; after the last page comes the first. */
  async #next(participant: string): Promise<Omit<Rotation, 'nextAtMs'> & { readonly gid: string | null }> {
    const { resumptions, chance } = this.#given;
    let { after, called } = this.#rotations.get(participant) ?? FIRST;
    for (;;) {
      const page = await resumptions.givenUp(participant, after, PAGE);
      const left = page.filter((gid) => !called.has(gid));
      const gid = left[Math.floor(chance.draw() * left.length)];
      if (gid !== undefined) return { gid, after, called: new Set([...called, gid]) };
      if (after === '' && page.length === 0) return { ...FIRST, gid: null };
      ({ after, called } = { ...FIRST, after: page.at(-1) ?? '' });
    }
  }
}
