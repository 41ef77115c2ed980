/**
 * Bounds what each participant receives from this process: concurrent calls (a bulkhead), and calls while it fails (a
 * circuit breaker). So a poisoned participant never delays the branches of others (I15).
 *
 * A deferred call is no attempt: nothing is queued, and no budget is spent. The answer says when to enter again, with
 * jitter, so that calls deferred together do not return together.
 *
 * closed → open after `failureCount` consecutive failures → half-open once the open time is over, for one probe → closed
 * when it is answered, else open for twice as long. A late answer to an older call closes it, too.
 *
 * The failures may be those of a few poisoned branches, while the participant serves all others. So a branch's first
 * attempt may probe an open circuit, one at a time: poisoned branches must not block healthy ones.
 */
import { isPhaseOne, type Op, type PendingCall } from '../domain/index.ts';
import type { Chance, CircuitState, Observer, Time } from './ports.ts';

export type GateSettings = {
  /** Calls of one participant under way at once. */
  readonly concurrency: number;
  readonly failureCount: number;
  readonly firstOpenMs: number;
  readonly maxOpenMs: number;
};

/** Why a call was deferred, and after how long to enter again. */
export type Deferred = {
  readonly isLet: false;
  readonly why: 'circuit_open' | 'no_free_slot';
  readonly againInMs: number;
};

/** Call `leave` once, when the call has ended. */
export type Entered = { readonly isLet: true; readonly leave: (result: CallResult) => void };

/** `silent` says nothing of the participant. */
export type CallResult = 'answered' | 'failed' | 'silent';

/** Bounds of the delay after which a call without a slot enters again. */
const FIRST_SLOT_PAUSE_MS = 500;
const MAX_SLOT_PAUSE_MS = 30_000;

type Probe = 'none' | 'first_attempt' | 'half_open';

type Circuit = {
  underWayCount: number;
  failuresInRow: number;
  openCount: number;
  /** In terms of `elapsedMs`; null while the circuit is closed. */
  openUntilMs: number | null;
  /** The outstanding probe: of a half-open circuit, or a branch's first attempt. */
  probe: Probe;
  /** Calls deferred for want of a slot since the last one that entered. */
  slotlessCount: number;
};

const freshCircuit = (): Circuit => ({
  underWayCount: 0,
  failuresInRow: 0,
  openCount: 0,
  openUntilMs: null,
  probe: 'none',
  slotlessCount: 0,
});

export class CallGate {
  readonly #settings: GateSettings;
  readonly #time: Time;
  readonly #chance: Chance;
  readonly #observer: Observer;
  /** Only of participants with outstanding calls or failures. */
  readonly #circuits = new Map<string, Circuit>();

  constructor(given: { settings: GateSettings; time: Time; chance: Chance; observer: Observer }) {
    this.#settings = given.settings;
    this.#time = given.time;
    this.#chance = given.chance;
    this.#observer = given.observer;
  }

  enter({
    participant,
    attempt,
    op,
  }: Pick<PendingCall, 'participant' | 'attempt' | 'op'>): Entered | Deferred {
    const circuit = this.#circuits.get(participant) ?? freshCircuit();
    const openLeftMs = circuit.openUntilMs === null ? 0 : circuit.openUntilMs - this.#time.elapsedMs();
    const isDeferred = openLeftMs > 0 && attempt > 1;
    if (circuit.probe !== 'none' || isDeferred)
      return this.#deferredByCircuit(circuit, op, Math.max(0, openLeftMs));
    if (circuit.underWayCount >= this.#settings.concurrency) return this.#deferredForSlot(circuit);
    this.#circuits.set(participant, circuit);
    circuit.underWayCount += 1;
    circuit.slotlessCount = 0;
    const probe = circuit.openUntilMs === null ? 'none' : openLeftMs > 0 ? 'first_attempt' : 'half_open';
    if (probe !== 'none') circuit.probe = probe;
    if (probe === 'half_open') this.#observer.circuitChanged(participant, 'half-open');
    return { isLet: true, leave: (result) => this.#leave(participant, circuit, probe, result) };
  }

  stateOf(participant: string): CircuitState {
    const circuit = this.#circuits.get(participant);
    if (!circuit || circuit.openUntilMs === null) return 'closed';
    return circuit.probe === 'half_open' ? 'half-open' : 'open';
  }

  /** Closes the circuit by request: the participant has recovered. */
  close(participant: string): void {
    const circuit = this.#circuits.get(participant);
    if (circuit) this.#close(participant, circuit);
  }

  #leave(participant: string, circuit: Circuit, probe: Probe, result: CallResult): void {
    circuit.underWayCount -= 1;
    if (result === 'failed') this.#fail(participant, circuit, probe);
    else if (result === 'answered') this.#close(participant, circuit);
    else this.#giveBack(participant, circuit, probe);
    const isForgettable = circuit.failuresInRow === 0 && circuit.underWayCount === 0;
    if (isForgettable) this.#circuits.delete(participant);
  }

  /**
   * A call that was sent before the circuit opened says nothing new when it fails. A first attempt that fails does not keep
   * the circuit open longer.
   */
  #fail(participant: string, circuit: Circuit, probe: Probe): void {
    circuit.failuresInRow += 1;
    const isSpent = circuit.openUntilMs === null && circuit.failuresInRow >= this.#settings.failureCount;
    const isProbe = probe === 'half_open' && circuit.probe === 'half_open';
    if (isSpent || isProbe) this.#open(participant, circuit);
    else this.#giveBack(participant, circuit, probe);
  }

  /** The next call may probe. A probe overtaken by another answer or by an operator has nothing to give back. */
  #giveBack(participant: string, circuit: Circuit, probe: Probe): void {
    if (probe === 'none' || circuit.probe !== probe) return;
    circuit.probe = 'none';
    if (probe === 'half_open') this.#observer.circuitChanged(participant, 'open');
  }

  #open(participant: string, circuit: Circuit): void {
    circuit.probe = 'none';
    circuit.openCount += 1;
    circuit.openUntilMs = this.#time.elapsedMs() + this.#openMs(circuit);
    this.#observer.circuitChanged(participant, 'open');
  }

  #close(participant: string, circuit: Circuit): void {
    const wasClosed = circuit.openUntilMs === null;
    Object.assign(circuit, { failuresInRow: 0, openCount: 0, openUntilMs: null, probe: 'none' });
    if (!wasClosed) this.#observer.circuitChanged(participant, 'closed');
  }

  #openMs({ openCount }: Circuit): number {
    return Math.min(this.#settings.maxOpenMs, this.#settings.firstOpenMs * 2 ** (openCount - 1));
  }

  /** A try or an action has a deadline, so it enters again soon: the next call that enters may close the circuit. */
  #deferredByCircuit(circuit: Circuit, op: Op, openLeftMs: number): Deferred {
    const [waitMs, spreadMs] = isPhaseOne(op)
      ? [0, this.#settings.firstOpenMs]
      : [openLeftMs, this.#openMs(circuit)];
    const againInMs = Math.ceil(waitMs + spread(this.#chance) * spreadMs);
    return { isLet: false, why: 'circuit_open', againInMs };
  }

  /** The more calls compete for each slot, the longer each is deferred. */
  #deferredForSlot(circuit: Circuit): Deferred {
    circuit.slotlessCount += 1;
    const crowding = 1 + circuit.slotlessCount / this.#settings.concurrency;
    const ceilingMs = Math.min(MAX_SLOT_PAUSE_MS, FIRST_SLOT_PAUSE_MS * crowding);
    const againInMs = Math.ceil((ceilingMs / 2) * (1 + this.#chance.draw()));
    return { isLet: false, why: 'no_free_slot', againInMs };
  }
}

/** At least a quarter, so that a deferred call does not enter in vain again and again. */
const spread = (chance: Chance): number => 0.25 + 0.75 * chance.draw();
