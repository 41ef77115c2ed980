/** What a pivot owes alone: its answer decides, and nothing undoes it. So a refusal stands for good, and so does a success. */
import { succeeded } from '../answer.ts';
import type { CallOptions } from '../request.ts';
import { type Scenario, type ScenarioContext, Unjudgeable } from '../scenario.ts';
import { OVER_SINCE_MS } from './deadline.ts';

/** Chance has a part in it. Each round may use up stock, so there are few. */
const ROUNDS = 3;

const pastDeadline = (): CallOptions => ({ deadlineAt: Date.now() - OVER_SINCE_MS });

export const refusalRemembered: Scenario = {
  name: 'an action after its refusal',
  judges: ['refusal_forgotten'],
  async run(context) {
    const { refusedBody } = context.settings;
    await judgeRemembered(context, pastDeadline(), 'whose deadline had passed');
    if (refusedBody !== null)
      await judgeRemembered(context, { body: refusedBody }, 'with the refused payload');
  },
};

async function judgeRemembered(context: ScenarioContext, options: CallOptions, how: string): Promise<void> {
  await context.begin();
  const branch = context.branch();
  const first = await context.ask(branch, 'action', options);
  if (first.reply !== 'refused')
    throw new Unjudgeable(`an action ${how} was answered ${first.words}, and not refused with 409 or 422`);
  const again = await context.ask(branch, 'action');
  const what = `An action ${how} was answered ${first.words}, and its repetition with a later deadline and the right payload ${again.words}.`;
  context.judge('refusal_forgotten', !succeeded(again), what);
  if (!succeeded(again)) await context.judgeEffect('refused_call_applied', {}, what);
}

export const repeatedLate: Scenario = {
  name: 'an action that was done is repeated after its deadline',
  judges: ['late_repeat_refused', 'action_applied_twice'],
  async run(context) {
    const branch = context.branch();
    const first = await context.must(branch, 'action');
    const again = await context.ask(branch, 'action', pastDeadline());
    const what = `An action was answered ${first.words}, and its repetition after the deadline ${again.words}.`;
    context.judge('late_repeat_refused', succeeded(again), what);
    await context.judgeEffect('action_applied_twice', { action: 1 }, what);
  },
};

export const concurrentInTimeAndLate: Scenario = {
  name: 'an action in time and a concurrent one after its deadline',
  judges: ['refused_and_done'],
  async run(context) {
    for (let round = 0; round < ROUNDS; round += 1) {
      await context.begin();
      const optionsOfBoth: [CallOptions, CallOptions] =
        round % 2 === 0 ? [pastDeadline(), {}] : [{}, pastDeadline()];
      const answers = await context.atOnce(context.branch(), ['action', 'action'], optionsOfBoth);
      const [passed, inTime] = round % 2 === 0 ? answers : [answers[1], answers[0]];
      const what = `Of two concurrent actions of one pivot, the one after its deadline was answered ${passed.words}, and the one in time ${inTime.words}.`;
      const winners = answers.filter(succeeded).length;
      const isRefused = answers.some(({ reply }) => reply === 'refused');
      context.judge('refused_and_done', winners === 0 || !isRefused, what);
      if (winners === 0) await context.judgeEffect('refused_call_applied', {}, what);
    }
  },
};
