/**
 * The state machine of a circuit breaker, without clock or calls: closed → open after `failureCount` consecutive failures →
 * half-open while a probe is under way → closed when it is answered, else open for twice as long.
 *
 * Who may probe an open circuit, and when, is for its user to say: `call-gate.ts` for participants, and the HTTP client for
 * the addresses of one participant.
 */
export type CircuitSettings = {
  /** Consecutive failures that open it. */
  readonly failureCount: number;
  /** How long it is open first; each time that it opens again, twice as long. */
  readonly firstOpenMs: number;
  readonly maxOpenMs: number;
};

export type ClosedCircuit = { readonly state: 'closed'; readonly failureCount: number };

export type BrokenCircuit = {
  readonly state: 'open' | 'half-open';
  /** How often it opened since it was closed. */
  readonly openCount: number;
  readonly openUntilMs: number;
};

export type Circuit = ClosedCircuit | BrokenCircuit;

export const CLOSED: ClosedCircuit = { state: 'closed', failureCount: 0 };

/** How long it was opened for. */
export const openMs = ({ openCount }: BrokenCircuit, { firstOpenMs, maxOpenMs }: CircuitSettings): number =>
  Math.min(maxOpenMs, firstOpenMs * 2 ** (openCount - 1));

/** How long it is still open; 0 while it is closed, and once it may be probed. */
export const openLeftMs = (circuit: Circuit, nowMs: number): number =>
  circuit.state === 'closed' ? 0 : Math.max(0, circuit.openUntilMs - nowMs);

/** A call failed that was no probe. Once the circuit is open that says nothing new: the call was sent before. */
export function afterFailure(circuit: Circuit, settings: CircuitSettings, nowMs: number): Circuit {
  if (circuit.state !== 'closed') return circuit;
  const failureCount = circuit.failureCount + 1;
  return failureCount < settings.failureCount ? { ...circuit, failureCount } : opened(1, settings, nowMs);
}

/** The open time is over, and a call probes. */
export const probed = (circuit: BrokenCircuit): BrokenCircuit => ({ ...circuit, state: 'half-open' });

/** The probe failed. One that was overtaken by another answer counts as any other call. */
export const afterFailedProbe = (circuit: Circuit, settings: CircuitSettings, nowMs: number): Circuit =>
  circuit.state === 'half-open'
    ? opened(circuit.openCount + 1, settings, nowMs)
    : afterFailure(circuit, settings, nowMs);

/** The probe said nothing: the next call may probe. */
export const afterSilentProbe = (circuit: Circuit): Circuit =>
  circuit.state === 'half-open' ? { ...circuit, state: 'open' } : circuit;

function opened(openCount: number, settings: CircuitSettings, nowMs: number): BrokenCircuit {
  const circuit = { state: 'open', openCount, openUntilMs: nowMs } as const;
  return { ...circuit, openUntilMs: nowMs + openMs(circuit, settings) };
}
