/** A try or action that must be refused: too late, one way or another. What its answer and its effect say about the participant. */
import type { Answer } from '../answer.ts';
import type { Code } from '../codes.ts';
import type { ScenarioContext } from '../scenario.ts';
import type { FirstOp } from './op-pair.ts';

/**
 * A success without any effect is a refusal with the wrong status, which shows where effects can be seen. They are
 * counted since the context began, so it is to begin right before the call.
 *
 * @param code the violation, if it is accepted
 */
export async function judgeRefused(
  context: ScenarioContext,
  { op, code, answer, what }: { op: FirstOp['first']; code: Code; answer: Answer; what: string },
): Promise<void> {
  const done = op === 'try' ? 'set aside' : 'done';
  const changes = await context.changes();
  if (answer.reply !== 'succeeded') {
    context.judge(code, true, what);
    if (changes !== null) context.judge('refusal_answered_as_success', true, what);
    context.judge('refusal_not_understood', answer.reply === 'refused', what);
    return context.judgeEffect('refused_call_applied', {}, what);
  }
  if (changes?.size === 0) {
    context.miss(code, `the ${op} was answered with success, but nothing was ${done}`);
    context.judge('refusal_answered_as_success', false, `${what} Nothing was ${done}.`);
  } else context.judge(code, false, what);
}
