/** What the work of a call has come to, as its row keeps it: a result, that its op was accepted, or a refusal's words. */
import { isPhaseOne } from '../../../src/wire/reply.ts';
import { Accepted } from '../accepted.ts';
import type { BarrierCall, Passed } from './barrier.ts';
import { PHASE_AFTER, PHASE_WHILE_ACCEPTED, type Row } from './judge.ts';
import type { CompletedAs } from './barrier.ts';
import { recordedResult, resultText } from './recorded-outcome.ts';

export type WorkOutcome =
  | { readonly as: 'result'; readonly text: string | null }
  | { readonly as: 'accepted'; readonly retryAfterMs: number | null }
  | { readonly as: 'refusal'; readonly text: string };

/**
 * @param completes how the work completes an op that was accepted before; null where it is the op itself
 * @throws whatever `resultText` throws; TypeError for an op that is accepted twice, and for a refusal without words
 */
export function workOutcomeOf(returned: unknown, completes: CompletedAs | null): WorkOutcome {
  if (returned instanceof Accepted) {
    if (completes !== null)
      throw new TypeError('the op was accepted before: let the work that completes it return its result');
    return { as: 'accepted', retryAfterMs: returned.retryAfterMs };
  }
  if (completes !== 'refused') return { as: 'result', text: resultText(returned) };
  if (typeof returned !== 'string' || returned === '')
    throw new TypeError('a refusal needs its reason: let its work return it, in a few words');
  return { as: 'refusal', text: resultText(returned) ?? '' };
}

/** The row once the work is done. */
export function rowAfter(row: Row, op: BarrierCall['op'], kept: WorkOutcome): Row {
  const free = { ...row, worker: null, workUntil: null };
  switch (kept.as) {
    case 'accepted':
      return { ...free, phase: PHASE_WHILE_ACCEPTED[op], result: textOf(kept.retryAfterMs) };
    case 'refusal':
      // A refusal states that nothing is left to undo, outside the database either.
      return { ...free, phase: op === 'try' ? 'declined' : 'refused', startedOp: null, result: kept.text };
    case 'result': {
      const after = { ...free, phase: PHASE_AFTER[op] };
      return isPhaseOne(op)
        ? { ...after, firstResult: kept.text, result: null }
        : { ...after, result: kept.text };
    }
  }
}

const textOf = (retryAfterMs: number | null): string | null =>
  retryAfterMs === null ? null : String(Math.ceil(retryAfterMs));

export const passedOf = <Result>(kept: WorkOutcome): Passed<Result> =>
  kept.as === 'accepted'
    ? { outcome: 'accepted', result: null, retryAfterMs: kept.retryAfterMs }
    : { outcome: 'done', result: recordedResult(kept.text) };
