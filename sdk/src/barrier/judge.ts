/**
 * What a call may do, read off its branch's row: a pure function, and the whole of the barrier's rules. One row serves either
 * pattern: a branch of a tcc, or a step of a saga.
 *
 *   phase       try                confirm             cancel
 *   open        work               refuse no_try       tombstone, or work once a try was started outside
 *   trying      accepted           refuse no_try       work
 *   tried       repeat             work                work
 *   declined    refuse again       refuse no_try       nothing to undo
 *   confirming  repeat             accepted            refuse already_confirmed
 *   confirmed   repeat             repeat              refuse already_confirmed
 *   cancelling  refuse             refuse              accepted
 *   cancelled   refuse             refuse              repeat
 *
 *   phase       action             compensate
 *   open        work               tombstone, or work once an action was started outside
 *   doing       accepted           work
 *   done        repeat             work
 *   undoing     refuse             accepted
 *   undone      refuse             repeat
 *   refused     refuse again       nothing to undo, or work as above
 *
 * In `trying`, `confirming`, `cancelling`, `doing` and `undoing` the op was accepted: its work is committed, and it is completed
 * from outside (`judge-completion.ts`). No deadline applies to it any more. A try that is refused then is `declined`.
 *
 * Each phase but `open` belongs to one pattern. An op of the other one is refused: its caller takes the branch for what it is not,
 * and a success would tell it that something was done, or undone, which was not.
 *
 * While work outside the database goes on for the branch, whatever would work waits for its end (`wait`). Once a confirm
 * was started outside, a cancel is refused as after it, and the other way round: how far it came is unknown.
 */
import type { RefusalCode } from '../refusal.ts';
import type { Pattern } from '../../../src/wire/index.ts';
import type { BarrierCall } from './barrier.ts';
import { refusalMessage } from './ascii-json.ts';

/** Of at most 10 characters, as the column has. */
export const PHASES = [
  'open',
  'trying',
  'tried',
  'declined',
  'confirming',
  'confirmed',
  'cancelling',
  'cancelled',
  'doing',
  'done',
  'undoing',
  'undone',
  'refused',
] as const;
/** `refused` is a refusal that is remembered: of a pivot, or of an action that was accepted. */
export type Phase = (typeof PHASES)[number];

export type Row = {
  readonly phase: Phase;
  /** The last op whose work outside the database was started; null where all work was inside. */
  readonly startedOp: BarrierCall['op'] | null;
  /** Who works outside the database now, and until when at most, in milliseconds since 1970. */
  readonly worker: string | null;
  readonly workUntil: number | null;
  /** Of the try or the action, as JSON; null where the work returned nothing. */
  readonly firstResult: string | null;
  /**
   * Of confirm, cancel or compensate, as JSON; of a remembered refusal its words, as JSON. While an op is accepted, when its
   * caller should call again, in milliseconds; null where it decides.
   */
  readonly result: string | null;
};

/** `now` is the database's own clock, read after the row was locked: all replicas of a participant share it. */
export type LockedRow = Row & {
  readonly now: number;
  /** The call brings a later deadline than the row has. Its row has to stay as long, so that is written in any case. */
  readonly isDeadlineLater: boolean;
};

export type Verdict =
  | { readonly do: 'work' }
  | { readonly do: 'tombstone' }
  | { readonly do: 'nothing' }
  | { readonly do: 'repeat'; readonly result: string | null }
  | { readonly do: 'accepted'; readonly retryAfterMs: number | null }
  | {
      readonly do: 'refuse';
      readonly code: RefusalCode;
      readonly because: string;
      /** Whether every later call is to be refused, too, so that the row has to say so. */
      readonly isForGood: boolean;
    }
  | { readonly do: 'wait'; readonly ms: number };

/** The phase after the work of this op. */
export const PHASE_AFTER = {
  try: 'tried',
  confirm: 'confirmed',
  cancel: 'cancelled',
  action: 'done',
  compensate: 'undone',
} as const;

/** The phase once the op was accepted. */
export const PHASE_WHILE_ACCEPTED = {
  try: 'trying',
  confirm: 'confirming',
  cancel: 'cancelling',
  action: 'doing',
  compensate: 'undoing',
} as const;

/** @param isPivot only an action is one */
export function judge(call: BarrierCall, row: LockedRow, isPivot: boolean): Verdict {
  const pattern = patternOf(row);
  if (pattern !== null && pattern !== PATTERN_OF[call.op])
    return refuse('another_pattern', OTHER_PATTERN_DETAILS[pattern]);
  const verdict = JUDGE_OP[call.op](row, call, isPivot);
  const busyMs = busyMsOf(row);
  return verdict.do === 'work' && busyMs > 0 ? { do: 'wait', ms: busyMs } : verdict;
}

/** How long work outside the database may still go on for the branch; 0 or less where none does. */
export const busyMsOf = ({ worker, workUntil, now }: LockedRow): number =>
  worker === null ? 0 : (workUntil ?? 0) - now;

const JUDGE_OP = {
  try: judgeTry,
  confirm: judgeConfirm,
  cancel: judgeCancel,
  action: judgeAction,
  compensate: judgeCompensate,
};

// ── Branches of a tcc ────────────────────────────────────────────────────────────────────────────────────────

const isConfirmed = ({ phase }: Row): boolean => phase === 'confirming' || phase === 'confirmed';

/** Also once that has begun: how far it came is unknown. */
export const isCancelled = ({ phase, startedOp }: Row): boolean =>
  phase === 'cancelling' || phase === 'cancelled' || startedOp === 'cancel';

function judgeTry(row: LockedRow, { deadlineAt }: BarrierCall): Verdict {
  if (row.phase === 'tried' || isConfirmed(row)) return { do: 'repeat', result: row.firstResult };
  if (isCancelled(row)) return refuse('cancelled_before', 'this branch was cancelled before');
  if (row.phase === 'declined') return refuse('refused', recordedRefusal(row));
  if (row.phase === 'trying') return acceptedBefore(row);
  if (row.now >= deadlineAt) return refuse('deadline_passed', 'the deadline of this try has passed');
  return { do: 'work' };
}

function judgeConfirm(row: LockedRow): Verdict {
  if (row.phase === 'confirmed') return { do: 'repeat', result: row.result };
  if (isCancelled(row)) return refuse('already_cancelled', 'this branch was cancelled before');
  if (row.phase === 'confirming') return acceptedBefore(row);
  if (row.phase !== 'tried') return refuse('no_try', 'there is no try to confirm');
  return { do: 'work' };
}

function judgeCancel(row: LockedRow): Verdict {
  if (row.phase === 'cancelled') return { do: 'repeat', result: row.result };
  if (row.phase === 'cancelling') return acceptedBefore(row);
  if (row.phase === 'declined') return { do: 'nothing' };
  if (isConfirmed(row) || row.startedOp === 'confirm')
    return refuse('already_confirmed', 'this branch was confirmed before');
  const isTried = row.phase === 'trying' || row.phase === 'tried' || row.startedOp !== null;
  return isTried ? { do: 'work' } : { do: 'tombstone' };
}

// ── Steps of a saga ──────────────────────────────────────────────────────────────────────────────────────────

/** Also once that has begun: how far it came is unknown. */
export const isCompensated = ({ phase, startedOp }: Row): boolean =>
  phase === 'undoing' || phase === 'undone' || startedOp === 'compensate';

function judgeAction(row: LockedRow, { deadlineAt }: BarrierCall, isPivot: boolean): Verdict {
  if (row.phase === 'done') return { do: 'repeat', result: row.firstResult };
  if (isCompensated(row)) return refuse('cancelled_before', 'this step was compensated before');
  if (row.phase === 'refused') return refuse('refused', recordedRefusal(row));
  if (row.phase === 'doing') return acceptedBefore(row);
  // A pivot's refusal says that nothing was done, and it is never compensated: what it has started outside, it ends.
  if (row.now < deadlineAt || (isPivot && row.startedOp !== null)) return { do: 'work' };
  return refuse('deadline_passed', 'the deadline of this action has passed', isPivot);
}

function judgeCompensate(row: LockedRow): Verdict {
  if (row.phase === 'undone') return { do: 'repeat', result: row.result };
  if (row.phase === 'undoing') return acceptedBefore(row);
  // What a refusal left outside the database, no rollback has undone.
  if (row.phase === 'refused' && row.startedOp === null) return { do: 'nothing' };
  const isDone = row.phase === 'doing' || row.phase === 'done' || row.startedOp !== null;
  return isDone ? { do: 'work' } : { do: 'tombstone' };
}

const acceptedBefore = ({ result }: Row): Verdict => ({
  do: 'accepted',
  retryAfterMs: result === null ? null : Number(result),
});

const recordedRefusal = ({ result }: Row): string =>
  result === null ? 'this step was refused before' : refusalMessage(result);

const refuse = (code: RefusalCode, because: string, isForGood = false): Verdict => ({
  do: 'refuse',
  code,
  because,
  isForGood,
});

// ── Which pattern ────────────────────────────────────────────────────────────────────────────────────────────

export const PATTERN_OF = {
  try: 'tcc',
  confirm: 'tcc',
  cancel: 'tcc',
  action: 'saga',
  compensate: 'saga',
} as const;

const PATTERN_OF_PHASE = {
  open: null,
  trying: 'tcc',
  tried: 'tcc',
  declined: 'tcc',
  confirming: 'tcc',
  confirmed: 'tcc',
  cancelling: 'tcc',
  cancelled: 'tcc',
  doing: 'saga',
  done: 'saga',
  undoing: 'saga',
  undone: 'saga',
  refused: 'saga',
} as const;

/** Null while nothing has happened. */
export const patternOf = ({ phase, startedOp }: Row): Pattern | null =>
  PATTERN_OF_PHASE[phase] ?? (startedOp === null ? null : PATTERN_OF[startedOp]);

const OTHER_PATTERN_DETAILS: Readonly<Record<Pattern, string>> = {
  tcc: 'this branch was called to try, confirm or cancel before: it is no step of a saga',
  saga: 'this branch is a step of a saga: it is called for its action and its compensate',
};
