/** Results and refusals as they are stored in a row, and the answers that are made from a row without any work. */
import { isIterator, losslessJson } from '../lossless-json.ts';
import { NotCompleted } from '../not-completed.ts';
import { InProgress, Refusal } from '../refusal.ts';
import { BranchId, Gid } from '../../../src/wire/index.ts';
import { Value } from 'typebox/value';
import type { BarrierCall, Known, Passed, PassOptions } from './barrier.ts';
import { judge, type LockedRow, PHASE_AFTER, type Row, type Verdict } from './judge.ts';
import { type CompletionVerdict, judgeCompletion } from './judge-completion.ts';
import { asciiJson } from './ascii-json.ts';

const MAX_RESULT_BYTES = 64 * 1024;
/** Work mostly ends long before its limit: only after a crash does it last that long. */
const MAX_RETRY_AFTER_MS = 1000;

/**
 * @throws the result itself when it is an error: returned instead of thrown, it would be answered with success
 * @throws TypeError for a result that JSON cannot hold or in which it would lose something, such as a promise; and for an
 *   iterator: the body of a generator has not run
 * @throws RangeError for one of more than 64 KiB
 */
export function resultText(result: unknown): string | null {
  if (result === undefined || result === null) return null;
  if (result instanceof Error) throw result;
  if (isIterator(result))
    throw new TypeError(
      'the work returned an iterator, and its body never ran: make the work no generator function, or return an array',
    );
  const json = resultJson(result);
  if (json === undefined) throw new TypeError('the work returned what JSON cannot hold: return plain values');
  if (Buffer.byteLength(json) > MAX_RESULT_BYTES)
    throw new ResultTooLarge('the work returned over 64 KiB: return a reference to what it made');
  return asciiJson(json);
}

/** @throws TypeError for a result in which JSON would lose something, such as a promise */
export const resultJson = (result: unknown): string | undefined =>
  losslessJson(result, 'what the work returned');

/** Named, so that a log can distinguish it from a RangeError of the language, whose message may quote a value. */
class ResultTooLarge extends RangeError {
  override readonly name = 'ResultTooLarge';
}

/** The stored result, with the type of the work that returned it: the same code wrote it. */
export const recordedResult = <Result>(text: string | null): Result | null =>
  text === null ? null : (JSON.parse(text) as Result);

export const knownOf = ({ firstResult, startedOp }: Row, op: BarrierCall['op']): Known => ({
  isStarted: startedOp !== null,
  tryResult: op === 'confirm' || op === 'cancel' ? recordedResult(firstResult) : null,
  actionResult: op === 'compensate' ? recordedResult(firstResult) : null,
});

export const refusedRow = (row: Row, refusal: Refusal): Row => ({
  ...row,
  phase: 'refused',
  worker: null,
  workUntil: null,
  result: asciiJson(JSON.stringify(refusal.message)),
});

/** An error that is thrown once the row is committed, such as a refusal that is remembered or a fault of work that is done. */
export class ErrorAfterCommit {
  readonly error: Error;

  constructor(error: Error) {
    this.error = error;
  }
}

/** @throws Error the one that was remembered */
export function passedOrThrow<Result>(passed: Passed<Result> | ErrorAfterCommit): Passed<Result> {
  if (passed instanceof ErrorAfterCommit) throw passed.error;
  return passed;
}

/** An answer for which nothing is written: what was begun for it is rolled back, the mark in the row with it. */
export class NothingToRecord<Answer> extends Error {
  readonly answer: Answer;

  constructor(answer: Answer) {
    super('nothing is to be written');
    this.answer = answer;
  }
}

/** The answer, also where it came with a rollback. */
export const answerUnrecorded = <Answer>(error: unknown): Answer => {
  if (error instanceof NothingToRecord) return error.answer as Answer;
  throw error;
};

export type WorklessOutcome<Result> = {
  readonly passed: Passed<Result> | ErrorAfterCommit;
  readonly row: Row | null;
};

export const verdictOn = (
  call: BarrierCall,
  row: LockedRow,
  { isPivot = false, completes }: PassOptions,
): Verdict | CompletionVerdict =>
  completes === undefined ? judge(call, row, isPivot) : judgeCompletion(call, row, completes);

/**
 * The answer to a call that needs no work, and the row to write where it changes. A row with an earlier deadline changes:
 * removed before that of this call, it would let a duplicate of it through.
 * @throws Refusal, InProgress, NotCompleted
 */
export function outcomeWithoutWork<Result>(
  verdict: Exclude<Verdict | CompletionVerdict, { do: 'work' }>,
  row: LockedRow,
  { gid, branchId, op }: BarrierCall,
): WorklessOutcome<Result> {
  const raised = row.isDeadlineLater ? row : null;
  const thrown = (error: Error): WorklessOutcome<Result> => {
    if (raised === null) throw error;
    return { passed: new ErrorAfterCommit(error), row: raised };
  };
  switch (verdict.do) {
    case 'tombstone':
      return {
        passed: { outcome: 'nothing_to_undo', result: null },
        row: { ...row, phase: PHASE_AFTER[op] },
      };
    case 'nothing':
      return { passed: { outcome: 'nothing_to_undo', result: null }, row: raised };
    case 'repeat':
      return { passed: { outcome: 'repeated', result: recordedResult(verdict.result) }, row: raised };
    case 'accepted': {
      const { retryAfterMs } = verdict;
      return { passed: { outcome: 'accepted', result: null, retryAfterMs }, row: raised };
    }
    case 'reject':
      throw new NotCompleted(`${gid}/${branchId}/${op} is not completed: ${verdict.because}`, verdict.code);
    case 'refuse': {
      const refusal = new Refusal(verdict.because, verdict.code);
      if (!verdict.isForGood) return thrown(refusal);
      return { passed: new ErrorAfterCommit(refusal), row: refusedRow(row, refusal) };
    }
    case 'wait':
      return thrown(
        new InProgress('this branch is being worked on', {
          retryAfterMs: Math.min(verdict.ms, MAX_RETRY_AFTER_MS),
        }),
      );
  }
}

/**
 * A copy: by a call that its caller changes meanwhile, the outcome would be recorded for another op or branch.
 * @throws TypeError before anything is written: a key that a database would cut short names another branch
 */
export function checkedCall(
  { gid, branchId, op, deadlineAt }: BarrierCall,
  { isPivot = false, completes }: PassOptions = {},
): BarrierCall {
  if (!Value.Check(Gid, gid))
    throw new TypeError(`“${gid}” is no gid: a call brings it as TCC-Transaction-Id`);
  if (!Value.Check(BranchId, branchId))
    throw new TypeError(`“${branchId}” is no branchId: a call brings it as TCC-Branch-Id`);
  if (!Object.hasOwn(PHASE_AFTER, op)) throw new TypeError(`“${op}” is no op: a call brings it as TCC-Op`);
  if (!Number.isSafeInteger(deadlineAt))
    throw new TypeError('deadlineAt is to be milliseconds since 1970: a call brings it as TCC-Deadline');
  if (isPivot && op !== 'action')
    throw new TypeError(`isPivot is for the action of a saga's pivot, and not for its ${op}`);
  if (completes === 'refused' && op !== 'try' && op !== 'action')
    throw new TypeError(`a ${op} cannot be refused: only a try or an action is`);
  return { gid, branchId, op, deadlineAt };
}
