/**
 * Bounds what each participant receives from this process: concurrent calls (a bulkhead), calls per second where it is
 * registered with a rate, and calls while it fails (a circuit breaker). So a poisoned participant never delays the branches of
 * others (I15).
 *
 * A deferred call is no attempt: nothing is queued, and no budget is spent. The answer says when to enter again, with
 * jitter, so that calls deferred together do not return together.
 *
 * The states of a circuit are those of `circuit.ts`. Half-open admits one probe. A late answer to an older call closes it,
 * too.
 *
 * The failures may be those of a few poisoned branches, while the participant serves all others. So a branch's first
 * attempt may probe an open circuit, one at a time: poisoned branches must not block healthy ones.
 *
 * The first answer after a failure is a recovery: `onRecovered` is called, for participants that have a name.
 */
import { isAddress } from './allowed-addresses.ts';
import { NO_LIMITS } from './call-limits.ts';
import { type Bucket, refilled, waitMs, wholeTokens, withoutToken } from './call-rate.ts';
import { isPhaseOne, type Op, type PendingCall } from '../domain/index.ts';
import {
  afterFailedProbe,
  afterFailure,
  afterSilentProbe,
  type BrokenCircuit,
  type Circuit,
  type CircuitSettings,
  CLOSED,
  openLeftMs,
  openMs,
  probed,
} from './circuit.ts';
import type { CallFailure, CallLimits, Chance, CircuitState, Observer, Time } from './ports.ts';

export type GateSettings = CircuitSettings & {
  /** Calls of one participant under way at once, where its registration has no lower limit. */
  readonly concurrency: number;
};

/** Why a call was deferred, and after how long to enter again. */
export type Deferred = {
  readonly isAdmitted: false;
  readonly why: 'circuit_open' | 'no_free_slot' | 'rate_exceeded' | 'limits_unknown';
  readonly againInMs: number;
};

/** Call `leave` once, when the call has ended. */
export type Entered = {
  readonly isAdmitted: true;
  /** It probes a circuit that is not closed. */
  readonly isProbe: boolean;
  readonly leave: (result: CallResult, failure?: CallFailure) => void;
};

/**
 * `recovered` is an answer that settles a call which was given up: whatever was answered before, the participant is usable
 * again. `silent` says nothing of the participant.
 */
export type CallResult = 'answered' | 'recovered' | 'failed' | 'silent';

/** Bounds of the delay after which a call without a slot enters again. */
const FIRST_SLOT_PAUSE_MS = 500;
const MAX_SLOT_PAUSE_MS = 30_000;

/** One call at a time, until they are known. */
const UNKNOWN_LIMITS: CallLimits = { maxConcurrentCalls: 1 };
/** Maximum delay after which a call enters again whose limits are being read. */
const LIMITS_PAUSE_MS = 100;

/** What a call is to the circuit that it met. */
type Probe = 'none' | 'first_attempt' | 'half_open';

/** The tokens of a participant with a rate, and the calls deferred for want of one since the last one that entered. */
type RateGate = { bucket: Bucket; tokenlessCount: number };

type ParticipantGate = {
  circuit: Circuit;
  underWayCount: number;
  /** Of these, calls of resumed branches. */
  resumedCount: number;
  /** A branch's first attempt probes the open circuit. */
  isFirstAttemptOut: boolean;
  /** Calls deferred for want of a slot since the last one that entered. */
  slotlessCount: number;
};

const freshGate = (): ParticipantGate => ({
  circuit: CLOSED,
  underWayCount: 0,
  resumedCount: 0,
  isFirstAttemptOut: false,
  slotlessCount: 0,
});

export class CallGate {
  readonly #settings: GateSettings;
  readonly #time: Time;
  readonly #chance: Chance;
  readonly #observer: Observer;
  readonly #onRecovered: (participant: string) => void;
  readonly #limitsOf: (participant: string) => CallLimits | null;
  /** Only of participants with a rate. */
  readonly #rates = new Map<string, RateGate>();
  /** When each named participant was last called, for as long as this process runs. */
  readonly #calledAtMs = new Map<string, number>();
  /** Named participants whose next answer is a recovery. */
  readonly #doubted = new Set<string>();
  /** Only of participants with outstanding calls or failures. */
  readonly #gates = new Map<string, ParticipantGate>();

  constructor(given: {
    settings: GateSettings;
    time: Time;
    chance: Chance;
    observer: Observer;
    onRecovered?: (participant: string) => void;
    /** Null while they are not known; no limits when absent. */
    limitsOf?: (participant: string) => CallLimits | null;
  }) {
    this.#settings = given.settings;
    this.#onRecovered = given.onRecovered ?? (() => {});
    this.#limitsOf = given.limitsOf ?? (() => NO_LIMITS);
    this.#time = given.time;
    this.#chance = given.chance;
    this.#observer = given.observer;
  }

  /** @param isResumed its participant has recovered: such calls fill half of the slots at most, so that others find one */
  enter(call: Pick<PendingCall, 'participant' | 'attempt' | 'op'>, isResumed = false): Entered | Deferred {
    const { participant } = call;
    const gate = this.#gates.get(participant) ?? freshGate();
    const { circuit } = gate;
    const leftMs = openLeftMs(circuit, this.#time.elapsedMs());
    const isProbed = gate.isFirstAttemptOut || circuit.state === 'half-open';
    if (circuit.state !== 'closed' && (isProbed || (leftMs > 0 && call.attempt > 1)))
      return this.#deferredByCircuit(circuit, call.op, leftMs);
    const known = this.#limitsOf(participant);
    const limits = known ?? UNKNOWN_LIMITS;
    const slotCount = this.#slotCount(limits);
    if (freeCount(gate, slotCount, isResumed) <= 0)
      return known === null ? this.#deferredForLimits() : this.#deferredForSlot(gate, slotCount);
    const rateless = this.#takeToken(participant, limits);
    if (rateless !== null) return rateless;
    this.#gates.set(participant, gate);
    gate.underWayCount += 1;
    if (isResumed) gate.resumedCount += 1;
    gate.slotlessCount = 0;
    if (!isAddress(participant)) this.#calledAtMs.set(participant, this.#time.elapsedMs());
    const probe = this.#probe(participant, gate, leftMs);
    return {
      isAdmitted: true,
      isProbe: probe !== 'none',
      leave: (result, failure) => {
        if (isResumed) gate.resumedCount -= 1;
        this.#leave(participant, gate, probe, result, failure);
      },
    };
  }

  stateOf(participant: string): CircuitState {
    return this.#gates.get(participant)?.circuit.state ?? 'closed';
  }

  /** How many calls of resumed branches may enter now. */
  roomFor(participant: string): number {
    const gate = this.#gates.get(participant) ?? freshGate();
    const { circuit, isFirstAttemptOut } = gate;
    const limits = this.#limitsOf(participant) ?? UNKNOWN_LIMITS;
    const slots = freeCount(gate, this.#slotCount(limits), true);
    const room = Math.min(slots, this.#tokenCount(participant, limits));
    if (circuit.state === 'closed') return room;
    const isOver = openLeftMs(circuit, this.#time.elapsedMs()) === 0;
    return circuit.state === 'open' && isOver && !isFirstAttemptOut ? Math.min(1, room) : 0;
  }

  #slotCount({ maxConcurrentCalls }: CallLimits): number {
    return Math.min(this.#settings.concurrency, maxConcurrentCalls ?? Infinity);
  }

  #tokenCount(participant: string, { maxCallsPerSecond }: CallLimits): number {
    if (maxCallsPerSecond == null) return Infinity;
    const { bucket } = this.#rates.get(participant) ?? {};
    return wholeTokens(refilled(bucket, maxCallsPerSecond, this.#time.elapsedMs()));
  }

  /** Null when it has one, or needs none. */
  #takeToken(participant: string, { maxCallsPerSecond }: CallLimits): Deferred | null {
    if (maxCallsPerSecond == null) {
      this.#rates.delete(participant);
      return null;
    }
    const known = this.#rates.get(participant);
    const bucket = refilled(known?.bucket, maxCallsPerSecond, this.#time.elapsedMs());
    const isFree = wholeTokens(bucket) > 0;
    const tokenlessCount = isFree ? 0 : (known?.tokenlessCount ?? 0) + 1;
    this.#rates.set(participant, { bucket: isFree ? withoutToken(bucket) : bucket, tokenlessCount });
    return isFree ? null : this.#deferredForToken(bucket, maxCallsPerSecond, tokenlessCount);
  }

  /** No call of the participant is under way, nor was one sent within this time. */
  isIdle(participant: string, forMs: number): boolean {
    const calledAtMs = this.#calledAtMs.get(participant) ?? -Infinity;
    const isUnderWay = (this.#gates.get(participant)?.underWayCount ?? 0) > 0;
    return !isUnderWay && this.#time.elapsedMs() - calledAtMs >= forMs;
  }

  /** This process knows of no failure, but others do: the next answer is a recovery. */
  doubt(participant: string): void {
    this.#doubted.add(participant);
  }

  /** Closes the circuit by request: the participant has recovered. */
  close(participant: string): void {
    const gate = this.#gates.get(participant);
    if (gate) this.#become(participant, gate, CLOSED);
  }

  #probe(participant: string, gate: ParticipantGate, leftMs: number): Probe {
    const { circuit } = gate;
    if (circuit.state === 'closed') return 'none';
    gate.isFirstAttemptOut = leftMs > 0;
    if (gate.isFirstAttemptOut) return 'first_attempt';
    this.#become(participant, gate, probed(circuit));
    return 'half_open';
  }

  #leave(
    participant: string,
    gate: ParticipantGate,
    probe: Probe,
    result: CallResult,
    failure?: CallFailure,
  ): void {
    gate.underWayCount -= 1;
    if (probe === 'first_attempt') gate.isFirstAttemptOut = false;
    const hadFailed = hasFailed(gate.circuit);
    this.#become(participant, gate, this.#circuitAfter(gate.circuit, probe, result), failure);
    if (!hasFailed(gate.circuit) && gate.underWayCount === 0) this.#gates.delete(participant);
    if (result === 'answered' || result === 'recovered')
      this.#answered(participant, hadFailed || result === 'recovered');
  }

  #answered(participant: string, isRecovery: boolean): void {
    if (isAddress(participant)) return;
    const wasDoubted = this.#doubted.delete(participant);
    if (isRecovery || wasDoubted) this.#onRecovered(participant);
  }

  /** A first attempt that fails does not keep the circuit open longer. */
  #circuitAfter(circuit: Circuit, probe: Probe, result: CallResult): Circuit {
    if (result === 'answered' || result === 'recovered') return CLOSED;
    const isProbe = probe === 'half_open';
    if (result === 'silent') return isProbe ? afterSilentProbe(circuit) : circuit;
    const after = isProbe ? afterFailedProbe : afterFailure;
    return after(circuit, this.#settings, this.#time.elapsedMs());
  }

  #become(participant: string, gate: ParticipantGate, circuit: Circuit, failure?: CallFailure): void {
    const isChanged = circuit.state !== gate.circuit.state;
    gate.circuit = circuit;
    if (circuit.state === 'closed') gate.isFirstAttemptOut = false;
    if (isChanged) this.#observer.circuitChanged(participant, circuit.state, failure);
  }

  /** A try or an action has a deadline, so it enters again soon: the next call that enters may close the circuit. */
  #deferredByCircuit(circuit: BrokenCircuit, op: Op, leftMs: number): Deferred {
    const [waitMs, spreadMs] = isPhaseOne(op)
      ? [0, this.#settings.firstOpenMs]
      : [leftMs, openMs(circuit, this.#settings)];
    const againInMs = Math.ceil(waitMs + spread(this.#chance) * spreadMs);
    return { isAdmitted: false, why: 'circuit_open', againInMs };
  }

  /** Spread over the time in which so many tokens are added. */
  #deferredForToken(bucket: Bucket, callsPerSecond: number, tokenlessCount: number): Deferred {
    const spreadMs = Math.min(MAX_SLOT_PAUSE_MS, (tokenlessCount * 1000) / callsPerSecond);
    const againInMs = Math.ceil(waitMs(bucket, callsPerSecond) + this.#chance.draw() * spreadMs);
    return { isAdmitted: false, why: 'rate_exceeded', againInMs };
  }

  #deferredForLimits(): Deferred {
    const againInMs = Math.ceil((LIMITS_PAUSE_MS / 2) * (1 + this.#chance.draw()));
    return { isAdmitted: false, why: 'limits_unknown', againInMs };
  }

  /** The more calls compete for each slot, the longer each is deferred. */
  #deferredForSlot(gate: ParticipantGate, slotCount: number): Deferred {
    gate.slotlessCount += 1;
    const crowding = 1 + gate.slotlessCount / slotCount;
    const ceilingMs = Math.min(MAX_SLOT_PAUSE_MS, FIRST_SLOT_PAUSE_MS * crowding);
    const againInMs = Math.ceil((ceilingMs / 2) * (1 + this.#chance.draw()));
    return { isAdmitted: false, why: 'no_free_slot', againInMs };
  }
}

const freeCount = (
  { underWayCount, resumedCount }: ParticipantGate,
  slotCount: number,
  isResumed: boolean,
): number => {
  const count = slotCount - underWayCount;
  return isResumed ? Math.min(count, Math.ceil(slotCount / 2) - resumedCount) : count;
};

const hasFailed = (circuit: Circuit): boolean => circuit.state !== 'closed' || circuit.failureCount > 0;

/** At least a quarter, so that a deferred call does not enter in vain again and again. */
const spread = (chance: Chance): number => 0.25 + 0.75 * chance.draw();
