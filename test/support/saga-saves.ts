/** Sagas with all that a store keeps of one, state by state, and with their callback: as saves for store tests. */
import { type GlobalTransaction, type Op, type Reply, transition } from '../../src/domain/index.ts';
import { afterPivot, pivot, saga, step } from './sagas.ts';
import { AWKWARD_PAYLOAD, newGid, policy, withoutPolling } from './saves.ts';
import { exactly, replied, told as toldOf } from './transactions.ts';

/** As long as a result may be, and such that anything but a plain text column would change it. */
export const AWKWARD_RESULT = AWKWARD_PAYLOAD.replace('"big"', `"${'é'.repeat(1900)}"`);

/** a → p, the pivot, which refers to results of a → z */
export function newSaga(gid = newGid()): GlobalTransaction {
  const given = { payload: AWKWARD_PAYLOAD, bodyHash: 'b'.repeat(64) };
  const pivotStep = { ...pivot('p', ['a']).step, references: ['a.z', 'a'] };
  const branches = [step('a', {}, given), step('p', pivotStep, given), step('z', afterPivot(['p']), given)];
  return saga(branches, {
    gid,
    bodyHash: 'a'.repeat(64),
    timeoutMs: 30_000,
    policy,
    callback: { participant: 'shop', activity: 'ended', callTimeoutMs: 700 },
  });
}

export type Change = (tx: GlobalTransaction) => GlobalTransaction;

/** Each makes the next state of the one before it. */
export const TO_THE_END: readonly (readonly [what: string, change: Change])[] = [
  ['an unknown answer', told('a', 'action', 'unknown')],
  ['a result, and with it the start of the pivot', told('a', 'action', 'succeeded', AWKWARD_RESULT)],
  ['a cancel request', withCancelRequest],
  ['an unknown reply of the pivot', told('p', 'action', 'unknown')],
  ['the decision of the pivot', told('p', 'action', 'succeeded')],
  ['a step after it, and so the end', told('z', 'action', 'succeeded')],
  ['a callback that was not delivered', told(null, 'notify', 'unknown')],
  ['a callback that an operator retries', retriedAfter(3456)],
  ['a callback that is retried once more, of which only the instant is new', retriedAfter(4567)],
  ['a delivered callback', told(null, 'notify', 'succeeded')],
];

export const UNDONE: readonly (readonly [what: string, change: Change])[] = [
  ['a refusal', told('a', 'action', 'refused')],
  ['a compensation that has to be repeated', told('a', 'compensate', 'refused')],
  ['a compensation that is accepted', told('a', 'compensate', 'ongoing')],
  ['an error while it is accepted', told('a', 'compensate', 'unknown')],
  ['a compensation, and so the end', told('a', 'compensate', 'succeeded')],
  ['a late success', told('a', 'action', 'succeeded')],
];

export const inState = (
  tx: GlobalTransaction,
  changes: readonly (readonly [what: string, change: Change])[],
): GlobalTransaction => changes.reduce((at, [, change]) => change(at), tx);

function told(branchId: string | null, op: Op, reply: Reply, result: string | null = null): Change {
  const event = { ...replied('', op, reply, { result, chance: 0.5 }), branchId };
  // Polling is progress of one replica: no store keeps it.
  return (tx) => withoutPolling(toldOf(tx, { ...event, now: afterBegin(tx, 1234) }));
}

function withCancelRequest(tx: GlobalTransaction): GlobalTransaction {
  const verdict = transition(tx, { type: 'cancelRequested', now: afterBegin(tx, 2345) });
  if (verdict.accepted || verdict.noted === undefined) throw new Error('the cancel request was not noted');
  return verdict.noted;
}

function retriedAfter(afterMs: number): Change {
  return (tx) => toldOf(tx, { type: 'retryRequested', participant: null, now: afterBegin(tx, afterMs) });
}

const afterBegin = ({ beganAt }: GlobalTransaction, ms: number) => exactly(beganAt + ms);
