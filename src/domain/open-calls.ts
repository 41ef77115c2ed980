/**
 * The calls whose answer a transaction waits for, read off its state: here the patterns differ.
 *
 * - Tcc: the tries, while trying; then confirm or cancel of every branch. Refused ones are cancelled too: a refusal
 *   speaks for one attempt, and an older one may land later (I6).
 * - Saga: the actions whose dependencies have succeeded. The pivot's only once that it is started is durable. On a cancel
 *   the compensations of all that may have run, the last first (I10).
 * - Both: who asked to be told hears of the end.
 */
import {
  type Addressee,
  type Branch,
  type Call,
  type Decision,
  type GlobalTransaction,
  isAccepted,
  isBounded,
  isSettled,
  type Op,
  type Pattern,
  usualWaitSince,
} from './global-transaction.ts';

export type OpenCall = {
  /** Null for the callback. */
  readonly branch: Branch | null;
  readonly to: Addressee;
  readonly op: Op;
  readonly call: Call;
};

/** The branches of a saga are steps, and have a plan. */
export const hasPlan = (pattern: Pattern): boolean => pattern === 'saga';

/** What the two phases of a branch ask for; null where there is no second one. */
export function opsOf(
  pattern: Pattern,
  decision: Decision | null,
): { readonly one: Op; readonly two: Op | null } {
  if (!hasPlan(pattern)) return { one: 'try', two: decision };
  return { one: 'action', two: decision === 'cancel' ? 'compensate' : null };
}

/** The calls of a branch that were, are or will be this coordinator's to make, as far as is decided. */
export function callsOf(tx: GlobalTransaction, branch: Branch): readonly OpenCall[] {
  const { one, two } = opsOf(tx.pattern, tx.decision?.decision ?? null);
  const first = tx.mode === 'declared' ? [phaseOne(one)(branch)] : [];
  const isOwed = two !== null && (!hasPlan(tx.pattern) || isToUndo(tx)(branch));
  return isOwed ? [...first, phaseTwo(two)(branch)] : first;
}

export function openCalls(tx: GlobalTransaction): readonly OpenCall[] {
  const { callback: to, notification: call } = tx;
  const calls = hasPlan(tx.pattern) ? openInSaga(tx) : openInTcc(tx);
  if (to === null || call === null || call.reply === 'succeeded') return calls;
  return [...calls, { branch: null, to, op: 'notify', call }];
}

/** With the `waitingSince` that a store leaves out, since it is the usual one: of each open call that must succeed. */
export function withUsualWaits(tx: GlobalTransaction): GlobalTransaction {
  if (isBounded(tx)) return tx;
  const waiting = openCalls(tx).filter(({ call }) => !isAccepted(call));
  const open = new Set(waiting.map(({ branch }) => branch?.branchId));
  const since = usualWaitSince(tx);
  const branches = tx.branches.map((branch) =>
    open.has(branch.branchId) ? { ...branch, waitingSince: branch.waitingSince ?? since } : branch,
  );
  return { ...tx, branches };
}

function openInTcc({ mode, decision, branches }: GlobalTransaction): readonly OpenCall[] {
  if (decision !== null) return branches.filter(isNotDone).map(phaseTwo(decision.decision));
  // In interactive ones the initiator calls the tries.
  return mode === 'declared' ? branches.filter(isUnsettled).map(phaseOne('try')) : [];
}

function openInSaga(tx: GlobalTransaction): readonly OpenCall[] {
  const { decision, pivotStartedAt, branches } = tx;
  if (decision?.decision === 'cancel') return nextToUndo(branches.filter(isToUndo(tx)).filter(isNotDone), tx);
  const mayStart = ({ step }: Branch) => !step?.isPivot || pivotStartedAt !== null;
  return branches.filter(isReachedIn(tx)).filter(mayStart).filter(isUnsettled).map(phaseOne('action'));
}

/** Those that none of the others depends on, directly or not (I10). */
function nextToUndo(open: readonly Branch[], { branches }: GlobalTransaction): readonly OpenCall[] {
  const before = new Map(branches.map(({ branchId, step }) => [branchId, step?.dependsOn ?? []]));
  const ids = open.map(({ branchId }) => branchId);
  const upstream = upstreamOf(ids, before);
  return open.filter(({ branchId }) => !upstream.has(branchId)).map(phaseTwo('compensate'));
}

/** All that have to succeed before any of these is called, directly or not. */
export function upstreamOf(
  branchIds: readonly string[],
  before: ReadonlyMap<string, readonly string[]>,
): ReadonlySet<string> {
  const found = new Set<string>();
  const ahead = [...branchIds];
  for (let id = ahead.pop(); id !== undefined; id = ahead.pop()) {
    for (const earlier of before.get(id) ?? []) {
      if (found.has(earlier)) continue;
      found.add(earlier);
      ahead.push(earlier);
    }
  }
  return found;
}

/** All that it depends on has succeeded: so its own action may have run, whatever was heard of it. */
function isReachedIn({ branches }: GlobalTransaction): (branch: Branch) => boolean {
  const succeeded = new Set(branches.filter(hasSucceeded).map(({ branchId }) => branchId));
  return ({ step }) => step?.dependsOn.every((id) => succeeded.has(id)) ?? false;
}

function isToUndo(tx: GlobalTransaction): (branch: Branch) => boolean {
  const isReached = isReachedIn(tx);
  return (branch) => branch.step?.isCompensated === true && isReached(branch);
}

const hasSucceeded = ({ phaseOne }: Branch): boolean => phaseOne.reply === 'succeeded';
const isUnsettled = ({ phaseOne }: Branch): boolean => !isSettled(phaseOne);
const isNotDone = ({ phaseTwo }: Branch): boolean => phaseTwo.reply !== 'succeeded';

type ToCall = (branch: Branch) => OpenCall;
const phaseOne =
  (op: Op): ToCall =>
  (branch) => ({ branch, to: branch, op, call: branch.phaseOne });
const phaseTwo =
  (op: Op): ToCall =>
  (branch) => ({ branch, to: branch, op, call: branch.phaseTwo });
