/** A saga with all that a store keeps of one, state by state, and who is told of its end: as saves for store tests. */
import {
  type Event,
  type GlobalTransaction,
  type Op,
  type Reply,
  transition,
} from '../../src/domain/index.ts';
import { AWKWARD_PAYLOAD, begun, newGid, policy } from '../support/saves.ts';

/** As long as a result may be, and such that anything but a plain text column would change it. */
export const AWKWARD_RESULT = AWKWARD_PAYLOAD.replace('"big"', `"${'é'.repeat(1900)}"`);

const now = (tx: GlobalTransaction | null, afterMs: number) => {
  const at = (tx?.beganAt ?? Date.UTC(2026, 0, 1)) + afterMs;
  return { earliest: at, latest: at };
};

export function begunSaga(gid = newGid()): GlobalTransaction {
  const [first] = begun(gid).branches;
  if (first === undefined) throw new Error('a transaction has branches');
  const { participant, activity, payload, bodyHash } = first;
  const step = (branchId: string, dependsOn: readonly string[], isPivot = false) => ({
    ...{ branchId, participant, activity, payload, bodyHash, policy: null },
    step: { dependsOn, isPivot, isCompensated: branchId === 'a', references: isPivot ? ['a.z', 'a'] : [] },
  });
  const verdict = transition(null, {
    ...{ type: 'begun', gid, pattern: 'saga', mode: 'declared', name: null, businessKey: null },
    ...{
      bodyHash: 'a'.repeat(64),
      traceparent: null,
      tracestate: null,
      timeoutMs: 30_000,
      policy,
      now: now(null, 0),
    },
    callback: { participant: 'shop', activity: 'ended', callTimeoutMs: 700 },
    branches: [step('a', []), step('p', ['a'], true), step('z', ['p'])],
  });
  if (!verdict.accepted) throw new Error(`refused: ${verdict.code}`);
  return verdict.tx;
}

export type Change = (tx: GlobalTransaction) => GlobalTransaction;

/** Each makes the next state of the one before it. */
export const TO_THE_END: readonly (readonly [what: string, change: Change])[] = [
  ['an unknown answer', told('a', 'action', 'unknown')],
  ['a result, and with it the start of the pivot', told('a', 'action', 'succeeded', AWKWARD_RESULT)],
  ['a wish to cancel', wished],
  ['a pivot of which nobody knows the answer', told('p', 'action', 'unknown')],
  ['the decision of the pivot', told('p', 'action', 'succeeded')],
  ['a step after it, and so the end', told('z', 'action', 'succeeded')],
  ['a callback that was not heard', told(null, 'notify', 'unknown')],
  ['a callback that is retried by hand', retriedAfter(3456)],
  ['a callback that is retried once more, of which only the instant is new', retriedAfter(4567)],
  ['a callback that was heard', told(null, 'notify', 'succeeded')],
];

export const UNDONE: readonly (readonly [what: string, change: Change])[] = [
  ['a refusal', told('a', 'action', 'refused')],
  ['a compensation that is asked for again', told('a', 'compensate', 'refused')],
  ['a compensation, and so the end', told('a', 'compensate', 'succeeded')],
  ['a late success', told('a', 'action', 'succeeded')],
];

export const carriedOn = (
  tx: GlobalTransaction,
  changes: readonly (readonly [what: string, change: Change])[],
): GlobalTransaction => changes.reduce((at, [, change]) => change(at), tx);

function told(branchId: string | null, op: Op, reply: Reply, result: string | null = null): Change {
  return (tx) =>
    next(tx, {
      ...{ type: 'replied', branchId, op, reply, result, answer: reply, durationMs: 10 },
      ...{ retryAfterMs: null, chance: 0.5, now: now(tx, 1234) },
    });
}

function wished(tx: GlobalTransaction): GlobalTransaction {
  const verdict = transition(tx, { type: 'cancelRequested', now: now(tx, 2345) });
  if (verdict.accepted || verdict.noted === undefined) throw new Error('the wish was not noted');
  return verdict.noted;
}

function retriedAfter(afterMs: number): Change {
  return (tx) => next(tx, { type: 'retryRequested', participant: null, now: now(tx, afterMs) });
}

function next(tx: GlobalTransaction, event: Event): GlobalTransaction {
  const verdict = transition(tx, event);
  if (!verdict.accepted) throw new Error(`refused: ${verdict.code}`);
  return verdict.tx;
}
