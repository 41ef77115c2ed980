/**
 * What a completion from outside may do, read off its branch's row: a pure function, as `judge.ts` is for calls. Only an op that
 * was accepted is completed.
 *
 *   phase                    succeeded                  refused
 *   of the op: accepted      work                       work; only for a try or an action
 *   of the op: done          repeat                     completed_differently
 *   of the op: refused       completed_differently      repeat
 *   cancelled, or begun      cancelled                  cancelled
 *   any other                not_accepted               not_accepted
 *
 * What comes after a try or an action in its favour, such as a confirm, leaves it done. An op that was started outside the
 * database, and of which no end is recorded, may still return `accepted()`: `wait`. It is at work, or is called again.
 */
import type { NotCompletedCode } from '../not-completed.ts';
import type { BarrierCall, CompletedAs } from './barrier.ts';
import {
  busyMsOf,
  isCancelled,
  isCompensated,
  type LockedRow,
  PATTERN_OF,
  patternOf,
  PHASE_AFTER,
} from './judge.ts';
import { PHASE_WHILE_ACCEPTED } from './judge.ts';

export type CompletionVerdict =
  | { readonly do: 'work' }
  | { readonly do: 'repeat'; readonly result: string | null }
  | { readonly do: 'reject'; readonly code: NotCompletedCode; readonly because: string }
  | { readonly do: 'wait'; readonly ms: number };

const CALLED_AGAIN_MS = 1000;

export function judgeCompletion({ op }: BarrierCall, row: LockedRow, as: CompletedAs): CompletionVerdict {
  const pattern = patternOf(row);
  if (pattern !== null && pattern !== PATTERN_OF[op])
    return reject('not_accepted', 'its branch belongs to another pattern');
  const ended = endOf(op, row);
  if (ended === as) return { do: 'repeat', result: resultOf(op, row, as) };
  if (ended !== null) return reject('completed_differently', `it was recorded as ${ended} before`);
  if (isUndone(op, row)) return reject('cancelled', UNDONE[op]);
  if (row.phase === PHASE_WHILE_ACCEPTED[op]) return { do: 'work' };
  if (row.startedOp === op) return { do: 'wait', ms: Math.max(busyMsOf(row), CALLED_AGAIN_MS) };
  return reject('not_accepted', 'it was not accepted: only what has returned accepted() is completed');
}

/** Null while it is open, and once what it did is undone. */
function endOf(op: BarrierCall['op'], { phase }: LockedRow): CompletedAs | null {
  if (op === 'try' && phase === 'declined') return 'refused';
  if (op === 'action' && phase === 'refused') return 'refused';
  if (phase === PHASE_AFTER[op]) return 'succeeded';
  return op === 'try' && (phase === 'confirming' || phase === 'confirmed') ? 'succeeded' : null;
}

const resultOf = (op: BarrierCall['op'], { firstResult, result }: LockedRow, as: CompletedAs) =>
  as === 'succeeded' && (op === 'try' || op === 'action') ? firstResult : result;

function isUndone(op: BarrierCall['op'], row: LockedRow): boolean {
  if (op === 'try' || op === 'confirm') return isCancelled(row);
  return op === 'action' && isCompensated(row);
}

const UNDONE = {
  try: 'its branch was cancelled meanwhile',
  confirm: 'its branch was cancelled meanwhile',
  cancel: '',
  action: 'its step was compensated meanwhile',
  compensate: '',
} as const;

const reject = (code: NotCompletedCode, because: string): CompletionVerdict => ({
  do: 'reject',
  code,
  because,
});
