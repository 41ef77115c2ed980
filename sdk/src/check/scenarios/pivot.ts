/** What a pivot owes alone: its answer decides, and nothing undoes it. So a refusal stands for good, and so does a success. */
import { succeeded } from '../answer.ts';
import type { CallOptions } from '../request.ts';
import { type Scenario, type Trial, Unjudgeable } from '../trial.ts';
import { OVER_SINCE_MS } from './deadline.ts';

/** Chance has a part in it. Each round may use up stock, so there are few. */
const ROUNDS = 3;

const late = (): CallOptions => ({ deadlineAt: Date.now() - OVER_SINCE_MS });

export const refusalRemembered: Scenario = {
  name: 'an action after its refusal',
  judges: ['refusal_forgotten'],
  async run(trial) {
    const { refusedBody } = trial.settings;
    await judgeRemembered(trial, late(), 'whose deadline had passed');
    if (refusedBody !== null) await judgeRemembered(trial, { body: refusedBody }, 'with the refused payload');
  },
};

async function judgeRemembered(trial: Trial, options: CallOptions, how: string): Promise<void> {
  await trial.begin();
  const branch = trial.branch();
  const first = await trial.ask(branch, 'action', options);
  if (first.reply !== 'refused')
    throw new Unjudgeable(`an action ${how} was answered ${first.words}, and not refused with 409 or 422`);
  const again = await trial.ask(branch, 'action');
  const what = `An action ${how} was answered ${first.words}, and its repetition with a later deadline and the right payload ${again.words}.`;
  trial.judge('refusal_forgotten', !succeeded(again), what);
  if (!succeeded(again)) await trial.judgeEffect('refused_call_applied', {}, what);
}

export const repeatedLate: Scenario = {
  name: 'an action that was done is repeated after its deadline',
  judges: ['late_repeat_refused', 'action_applied_twice'],
  async run(trial) {
    const branch = trial.branch();
    const first = await trial.must(branch, 'action');
    const again = await trial.ask(branch, 'action', late());
    const what = `An action was answered ${first.words}, and its repetition after the deadline ${again.words}.`;
    trial.judge('late_repeat_refused', succeeded(again), what);
    await trial.judgeEffect('action_applied_twice', { action: 1 }, what);
  },
};

export const inTimeAndLateAtOnce: Scenario = {
  name: 'an action in time and a concurrent one after its deadline',
  judges: ['refused_and_done'],
  async run(trial) {
    for (let round = 0; round < ROUNDS; round += 1) {
      await trial.begin();
      const optionsOfBoth: [CallOptions, CallOptions] = round % 2 === 0 ? [late(), {}] : [{}, late()];
      const answers = await trial.atOnce(trial.branch(), ['action', 'action'], optionsOfBoth);
      const [passed, inTime] = round % 2 === 0 ? answers : [answers[1], answers[0]];
      const what = `Of two concurrent actions of one pivot, the one after its deadline was answered ${passed.words}, and the one in time ${inTime.words}.`;
      const winners = answers.filter(succeeded).length;
      const isRefused = answers.some(({ reply }) => reply === 'refused');
      trial.judge('refused_and_done', winners === 0 || !isRefused, what);
      if (winners === 0) await trial.judgeEffect('refused_call_applied', {}, what);
    }
  },
};
