/** The deadline bounds the try or the action, and it alone. */
import { succeeded } from '../answer.ts';
import { pause } from '../caller.ts';
import type { Branch } from '../request.ts';
import { type LongScenario, type Scenario, type ScenarioContext, Unjudgeable } from '../scenario.ts';
import { withArticle, withCapitalArticle, type FirstOp } from './op-pair.ts';
import { judgeRefused } from './refused.ts';

/** More than clocks that are kept in step differ by. */
export const OVER_SINCE_MS = 60_000;

export const firstAfterDeadline = ({ first: op, codes }: FirstOp): Scenario => ({
  name: `${withArticle(op)} after its deadline`,
  judges: [codes.deadlineIgnored, 'refusal_not_understood', 'refused_call_applied'],
  async run(context) {
    const answer = await context.ask(context.branch({ deadlineInMs: -OVER_SINCE_MS }), op);
    const what = `${withCapitalArticle(op)} whose deadline had passed a minute before was answered ${answer.words}.`;
    await judgeRefused(context, { op, code: codes.deadlineIgnored, answer, what });
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
  async begin(context) {
    const branch = await tryInTime(context);
    return { dueAt: branch.deadlineAt - EARLY_MS, run: () => confirmLate(context, branch) };
  },
};

async function tryInTime(context: ScenarioContext): Promise<Branch> {
  let reason = '';
  for (const deadlineInMs of DEADLINES_IN_MS) {
    const branch = context.branch({ deadlineInMs });
    const answer = await context.ask(branch, 'try');
    if (succeeded(answer)) return branch;
    reason = `${context.unjudgeable('try', answer).message}; or set its clock: the deadline was ${deadlineInMs} ms ahead`;
  }
  throw new Unjudgeable(reason);
}

/** A participant that gives back by its own clock does so while this waits: the numbers are looked at before. */
async function confirmLate(context: ScenarioContext, branch: Branch): Promise<void> {
  await context.begin();
  await pause(Math.max(0, branch.deadlineAt + OVER_BY_MS - Date.now()));
  const answer = await context.ask(branch, 'confirm');
  const what = `After a try in time, a confirm was answered ${answer.words} when the deadline had passed.`;
  context.judge('confirm_expired', succeeded(answer), what);
  if (succeeded(answer)) await context.judgeEffect('confirm_expired', { confirm: 1 }, what);
}
