/** A try that must be refused: too late, one way or another. What its answer and its effect say about the participant. */
import type { Answer } from '../answer.ts';
import type { Code } from '../catalogue.ts';
import type { Trial } from '../trial.ts';

/**
 * A success without any effect is a refusal in the wrong words, which is told apart where effects can be seen. They are
 * counted since the trial began, so it is to begin right before the try.
 *
 * @param code the violation, if it is accepted
 */
export async function judgeRefusedTry(
  trial: Trial,
  { code, answer, what }: { code: Code; answer: Answer; what: string },
): Promise<void> {
  const changes = await trial.changes();
  if (answer.reply !== 'succeeded') {
    trial.judge(code, true, what);
    if (changes !== null) trial.judge('refusal_answered_as_success', true, what);
    trial.judge('refusal_not_understood', answer.reply === 'failed', what);
    return trial.judgeEffect('refused_call_applied', {}, what);
  }
  if (changes?.size === 0) {
    trial.miss(code, 'the try was answered with success, but nothing was set aside');
    trial.judge('refusal_answered_as_success', false, `${what} Nothing was set aside.`);
  } else trial.judge(code, false, what);
}
