/** The deadline bounds the try or the action, and it alone. */
import { succeeded } from '../answer.ts';
import { pause } from '../caller.ts';
import type { Branch } from '../request.ts';
import { type LongScenario, type Scenario, type Trial, Unjudgeable } from '../trial.ts';
import { One, one, type Opening } from './pair.ts';
import { judgeRefused } from './refused.ts';

/** More than clocks that are kept in step differ by. */
export const OVER_SINCE_MS = 60_000;

export const firstAfterDeadline = ({ first: op, codes }: Opening): Scenario => ({
  name: `${one(op)} after its deadline`,
  judges: [codes.deadlineIgnored, 'refusal_not_understood', 'refused_call_applied'],
  async run(trial) {
    const answer = await trial.ask(trial.branch({ deadlineInMs: -OVER_SINCE_MS }), op);
    const what = `${One(op)} whose deadline had passed a minute before was answered ${answer.words}.`;
    await judgeRefused(trial, { op, code: codes.deadlineIgnored, answer, what });
  },
});

/** The second is for clocks that differ, and for slow calls. */
const DEADLINES_IN_MS = [1500, 5000] as const;
/** Before the deadline, so that no other scenario sees what a participant may give back by itself then. */
const EARLY_MS = 400;
/** After the deadline, so that it has passed by the participant's clock too. */
const OVER_BY_MS = 200;

export const confirmAfterDeadline: LongScenario = {
  name: 'a confirm after the deadline',
  judges: ['confirm_expired'],
  async begin(trial) {
    const branch = await tryInTime(trial);
    return { dueAt: branch.deadlineAt - EARLY_MS, run: () => confirmLate(trial, branch) };
  },
};

async function tryInTime(trial: Trial): Promise<Branch> {
  let reason = '';
  for (const deadlineInMs of DEADLINES_IN_MS) {
    const branch = trial.branch({ deadlineInMs });
    const answer = await trial.ask(branch, 'try');
    if (succeeded(answer)) return branch;
    reason = `${trial.unjudgeable('try', answer).message}; or set its clock: the deadline was ${deadlineInMs} ms ahead`;
  }
  throw new Unjudgeable(reason);
}

/** A participant that gives back by its own clock does so while this waits: the numbers are looked at before. */
async function confirmLate(trial: Trial, branch: Branch): Promise<void> {
  await trial.begin();
  await pause(Math.max(0, branch.deadlineAt + OVER_BY_MS - Date.now()));
  const answer = await trial.ask(branch, 'confirm');
  const what = `After a try in time, a confirm was answered ${answer.words} when the deadline had passed.`;
  trial.judge('confirm_expired', succeeded(answer), what);
  if (succeeded(answer)) await trial.judgeEffect('confirm_expired', { confirm: 1 }, what);
}
