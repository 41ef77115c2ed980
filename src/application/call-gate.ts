/**
 * What each participant is spared, as this process sees it: a bounded number of calls at once, and a rest when its calls
 * fail one after the other (a circuit breaker). One poisoned participant so never delays the branches of others (I15).
 *
 * A call that is not let through is no attempt: nothing is queued and no budget is spent; the caller is told when to ask
 * again. Those times are spread by chance, so that what waits for a participant does not come all at once.
 *
 * closed → open after `failureCount` failures in a row → half-open after the rest, for one call that is tried → closed
 * when it is answered, else open again for twice as long. A late answer to an older call closes it, too.
 *
 * The calls that fail may be those of a few poisoned branches, whose participant serves all others well. So a call that is
 * the first of its branch may look also before the rest is over, one at a time: it waits for nobody's poison.
 */
import { isPhaseOne, type Op, type PendingCall } from '../domain/index.ts';
import type { Chance, CircuitState, Observer, Time } from './ports.ts';

export type GateSettings = {
  /** Calls of one participant under way at once. */
  readonly concurrency: number;
  readonly failureCount: number;
  readonly firstRestMs: number;
  readonly maxRestMs: number;
};

/** Why a call was not let through, and after how long to ask again. */
export type HeldBack = {
  readonly isLet: false;
  readonly why: 'circuit_open' | 'no_free_slot';
  readonly againInMs: number;
};

/** `leave` is to be called once, when the call has ended. */
export type Entered = { readonly isLet: true; readonly leave: (result: CallResult) => void };

/** `silent` says nothing of the participant. */
export type CallResult = 'answered' | 'failed' | 'silent';

/** Nobody waits for a free slot longer than this, or asks for one more often than by this at first. */
const FIRST_SLOT_PAUSE_MS = 500;
const MAX_SLOT_PAUSE_MS = 30_000;

type Look = 'none' | 'early' | 'probe';

type Circuit = {
  underWayCount: number;
  failuresInRow: number;
  restCount: number;
  /** By `elapsedMs`; null while the circuit is closed. */
  restEndsAtMs: number | null;
  /** The call under way that finds out whether the participant is back: after its rest, or as the first of its branch. */
  look: Look;
  /** Calls held back for want of a slot since the last one that was let through. */
  slotlessCount: number;
};

const freshCircuit = (): Circuit => ({
  underWayCount: 0,
  failuresInRow: 0,
  restCount: 0,
  restEndsAtMs: null,
  look: 'none',
  slotlessCount: 0,
});

export class CallGate {
  readonly #settings: GateSettings;
  readonly #time: Time;
  readonly #chance: Chance;
  readonly #observer: Observer;
  /** Only of participants with something to remember. */
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
  }: Pick<PendingCall, 'participant' | 'attempt' | 'op'>): Entered | HeldBack {
    const circuit = this.#circuits.get(participant) ?? freshCircuit();
    const restLeftMs = circuit.restEndsAtMs === null ? 0 : circuit.restEndsAtMs - this.#time.elapsedMs();
    const isResting = restLeftMs > 0 && attempt > 1;
    if (circuit.look !== 'none' || isResting)
      return this.#heldByCircuit(circuit, op, Math.max(0, restLeftMs));
    if (circuit.underWayCount >= this.#settings.concurrency) return this.#heldForSlot(circuit);
    this.#circuits.set(participant, circuit);
    circuit.underWayCount += 1;
    circuit.slotlessCount = 0;
    const look = circuit.restEndsAtMs === null ? 'none' : restLeftMs > 0 ? 'early' : 'probe';
    if (look !== 'none') circuit.look = look;
    if (look === 'probe') this.#observer.circuitChanged(participant, 'half-open');
    return { isLet: true, leave: (result) => this.#leave(participant, circuit, look, result) };
  }

  stateOf(participant: string): CircuitState {
    const circuit = this.#circuits.get(participant);
    if (!circuit || circuit.restEndsAtMs === null) return 'closed';
    return circuit.look === 'probe' ? 'half-open' : 'open';
  }

  /** Somebody says that the participant is well again. */
  close(participant: string): void {
    const circuit = this.#circuits.get(participant);
    if (circuit) this.#close(participant, circuit);
  }

  #leave(participant: string, circuit: Circuit, look: Look, result: CallResult): void {
    circuit.underWayCount -= 1;
    if (result === 'failed') this.#fail(participant, circuit, look);
    else if (result === 'answered') this.#close(participant, circuit);
    else this.#giveBack(participant, circuit, look);
    const isForgettable = circuit.failuresInRow === 0 && circuit.underWayCount === 0;
    if (isForgettable) this.#circuits.delete(participant);
  }

  /**
   * Calls that were sent before the rest began say nothing new when they fail in it, and an early look that fails does not
   * make it longer.
   */
  #fail(participant: string, circuit: Circuit, look: Look): void {
    circuit.failuresInRow += 1;
    const isSpent = circuit.restEndsAtMs === null && circuit.failuresInRow >= this.#settings.failureCount;
    const hasProbed = look === 'probe' && circuit.look === 'probe';
    if (isSpent || hasProbed) this.#open(participant, circuit);
    else this.#giveBack(participant, circuit, look);
  }

  /** The next call may look. One that was overtaken, by an answer or by a person, has nothing to give back. */
  #giveBack(participant: string, circuit: Circuit, look: Look): void {
    if (look === 'none' || circuit.look !== look) return;
    circuit.look = 'none';
    if (look === 'probe') this.#observer.circuitChanged(participant, 'open');
  }

  #open(participant: string, circuit: Circuit): void {
    circuit.look = 'none';
    circuit.restCount += 1;
    circuit.restEndsAtMs = this.#time.elapsedMs() + this.#restMs(circuit);
    this.#observer.circuitChanged(participant, 'open');
  }

  #close(participant: string, circuit: Circuit): void {
    const wasClosed = circuit.restEndsAtMs === null;
    Object.assign(circuit, { failuresInRow: 0, restCount: 0, restEndsAtMs: null, look: 'none' });
    if (!wasClosed) this.#observer.circuitChanged(participant, 'closed');
  }

  #restMs({ restCount }: Circuit): number {
    return Math.min(this.#settings.maxRestMs, this.#settings.firstRestMs * 2 ** (restCount - 1));
  }

  /** A try or an action has a deadline, and asks again soon: the next call that is let through may find all well. */
  #heldByCircuit(circuit: Circuit, op: Op, restLeftMs: number): HeldBack {
    const [waitMs, spreadMs] = isPhaseOne(op)
      ? [0, this.#settings.firstRestMs]
      : [restLeftMs, this.#restMs(circuit)];
    const againInMs = Math.ceil(waitMs + spread(this.#chance) * spreadMs);
    return { isLet: false, why: 'circuit_open', againInMs };
  }

  /** The more ask in vain for each slot, the longer they stay away. */
  #heldForSlot(circuit: Circuit): HeldBack {
    circuit.slotlessCount += 1;
    const crowding = 1 + circuit.slotlessCount / this.#settings.concurrency;
    const ceilingMs = Math.min(MAX_SLOT_PAUSE_MS, FIRST_SLOT_PAUSE_MS * crowding);
    const againInMs = Math.ceil((ceilingMs / 2) * (1 + this.#chance.draw()));
    return { isLet: false, why: 'no_free_slot', againInMs };
  }
}

/** Never so soon that it is asked in vain again and again. */
const spread = (chance: Chance): number => 0.25 + 0.75 * chance.draw();
