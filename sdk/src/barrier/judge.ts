/**
 * What a call may do, read off its branch's row: a pure function, and the whole of the barrier's rules.
 *
 *   phase       try                confirm             cancel
 *   open        work               refuse no_try       tombstone, or work once a try was started outside
 *   tried       repeat             work                work
 *   confirmed   repeat             repeat              refuse already_confirmed
 *   cancelled   refuse             refuse              repeat
 *   refused     refuse again       refuse no_try       nothing to undo, or work as above
 *
 * While work outside the database goes on for the branch, whatever would work waits for its end (`wait`). Once a confirm
 * was started outside, a cancel is refused as after it, and the other way round: nobody can tell how far it came.
 */
import type { RefusalCode } from '../refusal.ts';
import type { BarrierCall } from './barrier.ts';

export const PHASES = ['open', 'tried', 'confirmed', 'cancelled', 'refused'] as const;
/** `refused` is a pivot's refusal, which is remembered. */
export type Phase = (typeof PHASES)[number];

export type Row = {
  readonly phase: Phase;
  /** The last op whose work outside the database was started; null where all work was inside. */
  readonly startedOp: BarrierCall['op'] | null;
  /** Who works outside the database now, and until when at most, in milliseconds since 1970. */
  readonly worker: string | null;
  readonly workUntil: number | null;
  /** As JSON; null where the work returned nothing. */
  readonly tryResult: string | null;
  /** Of confirm or cancel, as JSON; of a remembered refusal its words. */
  readonly result: string | null;
};

/** `now` is the database's own clock, read after the row was locked: all replicas of a participant share it. */
export type LockedRow = Row & { readonly now: number };

export type Verdict =
  | { readonly do: 'work' }
  | { readonly do: 'tombstone' }
  | { readonly do: 'nothing' }
  | { readonly do: 'repeat'; readonly result: string | null }
  | { readonly do: 'refuse'; readonly code: RefusalCode; readonly because: string }
  | { readonly do: 'wait'; readonly ms: number };

/** The phase after the work of this op. */
export const PHASE_AFTER = { try: 'tried', confirm: 'confirmed', cancel: 'cancelled' } as const;

export function judge(call: BarrierCall, row: LockedRow): Verdict {
  const verdict = JUDGE_OP[call.op](row, call);
  const busyMs = row.worker === null ? 0 : (row.workUntil ?? 0) - row.now;
  return verdict.do === 'work' && busyMs > 0 ? { do: 'wait', ms: busyMs } : verdict;
}

const JUDGE_OP = { try: judgeTry, confirm: judgeConfirm, cancel: judgeCancel };

function judgeTry(row: LockedRow, { deadlineAt }: BarrierCall): Verdict {
  if (row.phase === 'tried' || row.phase === 'confirmed') return { do: 'repeat', result: row.tryResult };
  if (row.phase === 'cancelled' || row.startedOp === 'cancel')
    return refuse('cancelled_before', 'this branch was cancelled before');
  if (row.phase === 'refused') return refuse('refused', row.result ?? 'this branch was refused before');
  if (row.now >= deadlineAt) return refuse('deadline_passed', 'the deadline of this try has passed');
  return { do: 'work' };
}

function judgeConfirm(row: LockedRow): Verdict {
  if (row.phase === 'confirmed') return { do: 'repeat', result: row.result };
  if (row.phase === 'cancelled' || row.startedOp === 'cancel')
    return refuse('already_cancelled', 'this branch was cancelled before');
  if (row.phase !== 'tried') return refuse('no_try', 'there is no try to confirm');
  return { do: 'work' };
}

function judgeCancel(row: LockedRow): Verdict {
  if (row.phase === 'cancelled') return { do: 'repeat', result: row.result };
  if (row.phase === 'confirmed' || row.startedOp === 'confirm')
    return refuse('already_confirmed', 'this branch was confirmed before');
  // What a refusal left outside the database, no rollback has undone.
  if (row.phase === 'refused' && row.startedOp === null) return { do: 'nothing' };
  return row.phase === 'tried' || row.startedOp !== null ? { do: 'work' } : { do: 'tombstone' };
}

const refuse = (code: RefusalCode, because: string): Verdict => ({ do: 'refuse', code, because });
