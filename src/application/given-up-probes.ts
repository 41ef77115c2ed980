/**
 * Finds out that a participant has recovered of which every call was given up: parked branches, and callbacks with a spent
 * budget, are called only about hourly. While no one else calls such a participant, each replica calls one of them every 30 s,
 * in rotation by gid.
 *
 * - A replica that finds such a participant for the first time doubts it: its next answer is a recovery. This process may have
 *   been started after the failures, or another replica received them.
 * - An open circuit is respected: a probe is made once a call may enter.
 */
import type { ActiveTransactions } from './active-transactions.ts';
import { isAddress } from './allowed-addresses.ts';
import type { CallGate } from './call-gate.ts';
import type { Resumptions, Time } from './ports.ts';

const PROBE_PAUSE_MS = 30_000;
/** The participants are read anew after this long. */
const SCAN_PAUSE_MS = 30_000;
/** A probe that led to no call, since its transaction has gone on, is repeated with another one after this long. */
const RETRY_PAUSE_MS = 5000;

export type GivenUpProbesParts = {
  readonly resumptions: Resumptions;
  readonly active: ActiveTransactions;
  readonly gate: CallGate;
  readonly time: Time;
};

/** The transaction that was called last, and when another one may be. */
type Rotation = { readonly after: string; readonly nextAtMs: number };

const FIRST: Rotation = { after: '', nextAtMs: -Infinity };

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
    const { resumptions, active, time } = this.#given;
    const { after } = this.#rotations.get(participant) ?? FIRST;
    const next = await resumptions.nextGivenUp(participant, after);
    const gid = next ?? (after === '' ? null : await resumptions.nextGivenUp(participant, ''));
    this.#rotations.set(participant, {
      after: gid ?? '',
      nextAtMs: time.elapsedMs() + RETRY_PAUSE_MS,
    });
    if (gid === null) return false;
    active.resume(gid, participant);
    return true;
  }
}
