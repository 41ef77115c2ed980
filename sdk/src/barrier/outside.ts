/**
 * Work outside the database, such as a call of a bank, which no rollback undoes.
 *
 * 1. That it is started is durable first, with who works and until when at most.
 * 2. The work is done, with no SQL transaction open.
 * 3. What came of it is durable before it is answered.
 *
 * A process that dies in between leaves the row started: a cancel then works, where it would otherwise find nothing to
 * undo; and after the limit a repeated call works again. So the work bears repetition under the key
 * `gid/branchId/op`, and a cancel bears a try that never arrived. In a saga so do action and compensate.
 */
import { randomUUID } from 'node:crypto';
import { Refusal } from '../refusal.ts';
import { inAllParts } from '../unhandled.ts';
import type { BarrierCall, Known, KnownOutside, OutsideOptions, Passed } from './barrier.ts';
import { judge, type LockedRow, type Row } from './judge.ts';
import {
  checkedCall,
  knownOf,
  passedOrThrow,
  type ErrorAfterCommit,
  refusedRow,
  outcomeWithoutWork,
} from './recorded-outcome.ts';
import { workOutcomeOf, passedOf, rowAfter } from './work-outcome.ts';

const DEFAULT_LIMIT_MS = 30_000;

/** Locks the row of the call, and changes it by what `decide` says of it, in one SQL transaction. */
export type Change = <T>(
  call: BarrierCall,
  decide: (row: LockedRow) => { readonly row: Row | null; readonly answer: T },
) => T | Promise<T>;

export async function outside<Result>(
  change: Change,
  given: BarrierCall,
  work: (known: KnownOutside) => Promise<Result>,
  { limitMs = DEFAULT_LIMIT_MS, isPivot = false }: OutsideOptions = {},
): Promise<Passed<Result>> {
  const call = checkedCall(given, { isPivot });
  if (!(limitMs > 0)) throw new RangeError('limitMs is to be the longest time for the work, in milliseconds');
  const startedMs = performance.now();
  // Tells this run from any other.
  const worker = randomUUID();
  const begun = await change<Begun<Result>>(call, (row) =>
    begin(call, row, isPivot, { worker, workUntil: row.now + limitMs }),
  );
  if (begun.passed !== null) return passedOrThrow(begun.passed);
  try {
    // The limit counts from before the row said so: no other call takes the branch for free while we believe to have
    // time.
    const leftMs = limitMs - (performance.now() - startedMs);
    if (leftMs <= 0)
      throw new Error('the database took longer than the limit of the work, which was not begun');
    const signal = AbortSignal.timeout(Math.ceil(leftMs));
    const kept = workOutcomeOf(await inAllParts(() => work({ ...begun.known, signal })), null);
    await change(call, (row) => ({ row: rowAfter(ifOwnedBy(row, worker), call.op, kept), answer: null }));
    return passedOf(kept);
  } catch (error) {
    const isMine = await change(call, (row) =>
      row.worker === worker
        ? { row: leftBy(error, row, isPivot), answer: true }
        : { row: null, answer: false },
    );
    // Another call has the branch by now, and may do what this one refuses: a pivot says no only where it is remembered.
    if (!isMine && isPivot && error instanceof Refusal) throw tooLate(error);
    throw error;
  }
}

type Begun<Result> =
  | { readonly passed: Passed<Result> | ErrorAfterCommit; readonly known: null }
  | { readonly passed: null; readonly known: Known };

function begin<Result>(
  call: BarrierCall,
  row: LockedRow,
  isPivot: boolean,
  by: { readonly worker: string; readonly workUntil: number },
): { readonly row: Row | null; readonly answer: Begun<Result> } {
  const verdict = judge(call, row, isPivot);
  if (verdict.do !== 'work') {
    const { passed, row: after } = outcomeWithoutWork<Result>(verdict, row, call);
    return { row: after, answer: { passed, known: null } };
  }
  return {
    row: { ...row, ...by, startedOp: call.op },
    answer: { passed: null, known: knownOf(row, call.op) },
  };
}

/** It stays started: how far it came is unknown. */
const leftBy = (error: unknown, row: Row, isPivot: boolean): Row =>
  isPivot && error instanceof Refusal ? refusedRow(row, error) : { ...row, worker: null, workUntil: null };

function ifOwnedBy(row: LockedRow, worker: string): Row {
  if (row.worker === worker) return row;
  throw tooLate();
}

const tooLate = (cause?: Refusal): Error =>
  new Error('the work took longer than its limit, and the branch was given to another call meanwhile', {
    cause,
  });
