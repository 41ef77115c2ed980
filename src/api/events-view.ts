/**
 * Journal rows as people read them: in the words of the transaction view, instants as text. Hashes and settings, which
 * never change and explain nothing, are left out.
 */
import type * as wire from '../wire/index.ts';
import { type Attempt, type Entries, readRows } from '../application/journal.ts';
import type { JournalRow } from '../application/ports.ts';
import {
  type Callback,
  type Decision,
  DEFAULT_PATTERN,
  type Mode,
  opsOf,
  type Pattern,
  traceIdOf,
} from '../domain/index.ts';
import { callbackView, callView, decisionView, iso, isoOrNull, stepView } from './transaction-view.ts';

type TransactionEntry = NonNullable<Entries['transaction']>;
type BranchEntry = NonNullable<Entries['branches']>[number];
type TransactionChanges = NonNullable<wire.EventView['changes']['transaction']>;
type BranchChanges = NonNullable<wire.EventView['changes']['branches']>[number];

/** What earlier rows said that a later one does not repeat, and that gives its phases their names. */
type Known = {
  readonly pattern: Pattern;
  readonly mode: Mode | null;
  readonly decision: Decision | null;
  readonly callback: Callback | null;
};

/** What a page of events starts with: the first row of the journal, and the decision by the rows before the page. */
export type PageStart = { readonly first: JournalRow; readonly decision: Decision | null };

/** @param start null for the first page */
export function eventsView(rows: readonly JournalRow[], start: PageStart | null = null) {
  let known = knownFrom(
    { pattern: DEFAULT_PATTERN, mode: null, decision: null, callback: null },
    start?.first,
  );
  if (start !== null) known = { ...known, decision: start.decision };
  const events: wire.EventView[] = readRows(rows).map(({ seq, at, writer, entries }) => {
    known = knownFrom(known, { entries });
    const attempts = (entries.attempts ?? []).map(eventAttemptView);
    return { seq, at: iso(at), writer, changes: changesOf(entries, known), attempts };
  });
  return { events, decision: known.decision };
}

function knownFrom(known: Known, row: Pick<JournalRow, 'entries'> | undefined): Known {
  const { decision, ...fields } = row?.entries.transaction ?? {};
  return { ...known, ...fields, ...(decision !== undefined && { decision: decision?.decision ?? null }) };
}

function changesOf({ transaction, branches }: Entries, known: Known): wire.EventView['changes'] {
  const changes = transaction && transactionChanges(transaction, known);
  return {
    ...(changes && Object.keys(changes).length > 0 && { transaction: changes }),
    ...(branches && { branches: branches.map((branch) => branchChanges(branch, known)) }),
  };
}

function transactionChanges(entry: TransactionEntry, { callback }: Known): TransactionChanges {
  const { pattern, mode, name, businessKey, status } = entry;
  const { decision, beganAt, deadlineAt, finishedAt, pivotStartedAt, cancelAskedAt, traceparent } = entry;
  const isCallbackTold = entry.callback !== undefined || entry.notification !== undefined;
  return {
    ...(pattern !== undefined && { pattern }),
    ...(mode !== undefined && { mode }),
    ...(name !== undefined && { name }),
    ...(businessKey !== undefined && { businessKey }),
    ...(status !== undefined && { status }),
    ...(decision !== undefined && { decision: decisionView(decision) }),
    ...(beganAt !== undefined && { beganAt: iso(beganAt) }),
    ...(deadlineAt !== undefined && { deadlineAt: iso(deadlineAt) }),
    ...(finishedAt !== undefined && { finishedAt: isoOrNull(finishedAt) }),
    ...(pivotStartedAt !== undefined && { pivotStartedAt: isoOrNull(pivotStartedAt) }),
    ...(cancelAskedAt !== undefined && { cancelAskedAt: isoOrNull(cancelAskedAt) }),
    ...(isCallbackTold && { callback: callbackView({ callback, notification: entry.notification ?? null }) }),
    ...(traceparent !== undefined && { traceId: traceIdOf({ traceparent }) }),
  };
}

function branchChanges(entry: BranchEntry, { pattern, mode, decision }: Known): BranchChanges {
  const { branchId, participant, activity, step, waitingSince, lateSuccessCount, phaseOne, phaseTwo } = entry;
  const { one, two } = opsOf(pattern, decision);
  return {
    branchId,
    ...(participant !== undefined && { participant }),
    ...(activity !== undefined && { activity }),
    ...(step !== undefined && { step: stepView(step) }),
    ...(phaseOne && mode === 'declared' && { [one]: callView(phaseOne, decision !== 'cancel') }),
    ...(phaseTwo && two !== null && { [two]: callView(phaseTwo, true) }),
    ...(waitingSince !== undefined && { waitingSince: isoOrNull(waitingSince) }),
    ...(lateSuccessCount !== undefined && { lateSuccessCount }),
  };
}

/** Bodies of errors are shown here alone. */
const eventAttemptView = (attempt: Attempt): wire.EventView['attempts'][number] => ({
  ...attemptView(attempt),
  ...(attempt.errorBody !== undefined && { errorBody: attempt.errorBody }),
});

export const attemptView = ({
  branchId,
  op,
  at,
  durationMs,
  httpStatus,
  reply,
  error,
  isCompletion,
}: Attempt): wire.AttemptView => ({
  branchId,
  op,
  at: iso(at),
  durationMs,
  httpStatus,
  reply,
  error: error ?? null,
  ...(isCompletion && { isCompletion }),
});
