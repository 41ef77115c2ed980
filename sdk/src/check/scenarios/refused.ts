/** A try or action that must be refused: too late, one way or another. What its answer and its effect say about the participant. */
import type { Answer } from '../answer.ts';
import type { Code } from '../codes.ts';
import type { Trial } from '../trial.ts';
import type { Opening } from './pair.ts';

/**
 * A success without any effect is a refusal in the wrong words, which is told apart where effects can be seen. They are
 * counted since the trial began, so it is to begin right before the call.
 *
 * @param code the violation, if it is accepted
 */
export async function judgeRefused(
  trial: Trial,
  { op, code, answer, what }: { op: Opening['first']; code: Code; answer: Answer; what: string },
): Promise<void> {
  const done = op === 'try' ? 'set aside' : 'done';
  const changes = await trial.changes();
  if (answer.reply !== 'succeeded') {
    trial.judge(code, true, what);
    if (changes !== null) trial.judge('refusal_answered_as_success', true, what);
    trial.judge('refusal_not_understood', answer.reply === 'refused', what);
    return trial.judgeEffect('refused_call_applied', {}, what);
  }
  if (changes?.size === 0) {
    trial.miss(code, `the ${op} was answered with success, but nothing was ${done}`);
    trial.judge('refusal_answered_as_success', false, `${what} Nothing was ${done}.`);
  } else trial.judge(code, false, what);
}
