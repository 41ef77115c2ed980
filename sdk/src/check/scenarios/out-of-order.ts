/** Calls in an order in which nobody sends them, but in which networks deliver them. */
import { succeeded } from '../answer.ts';
import type { Code } from '../catalogue.ts';
import type { Scenario } from '../trial.ts';
import { judgeRefusedTry } from './refused-try.ts';

export const cancelBeforeTry: Scenario = {
  name: 'a cancel without a try',
  judges: ['cancel_before_try_refused', 'cancel_before_try_applied'],
  async run(trial) {
    const { words, reply } = await trial.ask(trial.branch(), 'cancel');
    const what = `A cancel of a branch that was never tried was answered ${words}.`;
    trial.judge('cancel_before_try_refused', reply === 'succeeded', what);
    await trial.judgeEffect('cancel_before_try_applied', {}, what);
  },
};

export const tryAfterCancel: Scenario = {
  name: 'a try after its cancel',
  judges: [
    'late_try_accepted',
    'refusal_not_understood',
    'refusal_answered_as_success',
    'refused_call_applied',
  ],
  async run(trial) {
    const branch = trial.branch();
    await trial.must(branch, 'cancel');
    // From here on: what the cancel alone did is another rule's.
    await trial.begin();
    const answer = await trial.ask(branch, 'try');
    const what = `A try after its cancel was answered ${answer.words}.`;
    await judgeRefusedTry(trial, { code: 'late_try_accepted', answer, what });
    if (succeeded(answer)) return;
    await trial.begin();
    const again = await trial.ask(branch, 'cancel');
    const after = `A further cancel after that was answered ${again.words}.`;
    trial.judge('repeated_cancel_refused', succeeded(again), `${what} ${after}`);
    await trial.judgeEffect('cancel_applied_twice', {}, `${what} ${after}`);
  },
};

export const confirmWithoutTry: Scenario = {
  name: 'a confirm without a try',
  judges: ['confirm_without_try_accepted', 'refused_call_applied'],
  async run(trial) {
    const answer = await trial.ask(trial.branch(), 'confirm');
    const what = `A confirm of a branch that was never tried was answered ${answer.words}.`;
    trial.judge('confirm_without_try_accepted', !succeeded(answer), what);
    if (!succeeded(answer)) await trial.judgeEffect('refused_call_applied', {}, what);
  },
};

export const confirmAfterCancel = afterItsOpposite('cancel', 'confirm', 'confirm_after_cancel_accepted');
export const cancelAfterConfirm = afterItsOpposite('confirm', 'cancel', 'cancel_after_confirm_accepted');

function afterItsOpposite(first: 'confirm' | 'cancel', second: 'confirm' | 'cancel', code: Code): Scenario {
  return {
    name: `a ${second} after the ${first}`,
    judges: [code, 'refused_call_applied'],
    async run(trial) {
      const branch = trial.branch();
      await trial.must(branch, 'try');
      await trial.must(branch, first);
      const answer = await trial.ask(branch, second);
      const what = `A ${second} after the ${first} was answered ${answer.words}.`;
      trial.judge(code, !succeeded(answer), what);
      if (!succeeded(answer)) await trial.judgeEffect('refused_call_applied', { try: 1, [first]: 1 }, what);
    },
  };
}
