/** The deadline bounds the try, and the try alone. */
import { succeeded } from '../answer.ts';
import type { Scenario } from '../trial.ts';
import { judgeRefusedTry } from './refused-try.ts';

/** More than clocks that are kept in step differ by. */
const OVER_SINCE_MS = 60_000;

export const tryAfterDeadline: Scenario = {
  name: 'a try after its deadline',
  judges: ['deadline_ignored', 'refusal_not_understood', 'refused_call_applied'],
  async run(trial) {
    const answer = await trial.ask(trial.branch({ deadlineInMs: -OVER_SINCE_MS }), 'try');
    const what = `A try whose deadline had passed a minute before was answered ${answer.words}.`;
    await judgeRefusedTry(trial, { code: 'deadline_ignored', answer, what });
  },
};

export const confirmAfterDeadline: Scenario = {
  name: 'a confirm after the deadline',
  judges: ['confirm_expired'],
  async run(trial) {
    const branch = trial.branch();
    await trial.must(branch, 'try');
    const answer = await trial.ask(branch, 'confirm', { deadlineAt: Date.now() - OVER_SINCE_MS });
    const what = `After a try in time, a confirm whose deadline had passed was answered ${answer.words}.`;
    trial.judge('confirm_expired', succeeded(answer), what);
  },
};
