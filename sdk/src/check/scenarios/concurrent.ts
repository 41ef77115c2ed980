/** Two calls for one branch at the same moment. Between looking at the branch and changing it there may be no gap. */
import { succeeded } from '../answer.ts';
import type { Branch } from '../request.ts';
import type { Scenario, ScenarioContext } from '../scenario.ts';
import type { FirstOp } from './op-pair.ts';
import { judgeConfirmedOnce, judgeSameResult } from './repeated.ts';

/** Chance has a part in it. Each round may use up stock, so there are few; the last may find none left. */
const ROUNDS = 3;

export const concurrentFirsts = (pair: FirstOp): Scenario => ({
  name: `two ${pair.firsts} at once`,
  judges: [pair.codes.repeatedFirstRefused, pair.codes.concurrentFirstsTwice],
  async run(context) {
    const { first: op, firsts, codes } = pair;
    for (let round = 0; round < ROUNDS; round += 1) {
      await context.begin();
      const branch = context.branch();
      const [first, second] = await context.atOnce(branch, [op, op]);
      if (!succeeded(first) && !succeeded(second)) await context.must(branch, op);
      const what = `Two ${firsts} of one branch at once were answered ${first.words} and ${second.words}.`;
      context.judge(codes.repeatedFirstRefused, succeeded(first) && succeeded(second), what);
      await context.judgeEffect(codes.concurrentFirstsTwice, { [op]: 1 }, what);
      if (succeeded(first) && succeeded(second)) judgeSameResult(context, pair, first, second);
      await context.cleanUp();
    }
  },
});

export const concurrentCompensates: Scenario = {
  name: 'two compensates at once',
  judges: ['repeated_compensate_refused', 'compensates_at_once_applied_twice'],
  async run(context) {
    for (let round = 0; round < ROUNDS; round += 1) {
      await context.begin();
      const branch = context.branch();
      await context.must(branch, 'action');
      const [first, second] = await context.atOnce(branch, ['compensate', 'compensate']);
      const what = `Two compensates of one step at once were answered ${first.words} and ${second.words}.`;
      context.judge('repeated_compensate_refused', succeeded(first) && succeeded(second), what);
      await context.judgeEffect('compensates_at_once_applied_twice', { action: 1, compensate: 1 }, what);
    }
  },
};

export const concurrentConfirms: Scenario = {
  name: 'two confirms at once',
  judges: ['repeated_confirm_refused', 'confirms_at_once_applied_twice'],
  async run(context) {
    const branch = context.branch();
    await context.must(branch, 'try');
    const [first, second] = await context.atOnce(branch, ['confirm', 'confirm']);
    const what = `Two confirms of one branch at once were answered ${first.words} and ${second.words}.`;
    context.judge('repeated_confirm_refused', succeeded(first) && succeeded(second), what);
    await judgeConfirmedOnce(context, 'confirms_at_once_applied_twice', what);
  },
};

export const concurrentConfirmAndCancel: Scenario = {
  name: 'a confirm and a cancel at once',
  judges: ['confirm_and_cancel_both_accepted', 'confirm_and_cancel_both_refused', 'loser_applied'],
  async run(context) {
    for (let round = 0; round < ROUNDS; round += 1) {
      await context.begin();
      const branch = context.branch();
      const answer = await (round === 0 ? context.must(branch, 'try') : context.ask(branch, 'try'));
      if (!succeeded(answer)) return;
      await judgeRace(context, branch);
      await context.cleanUp();
    }
  },
};

async function judgeRace(context: ScenarioContext, branch: Branch): Promise<void> {
  const [confirm, cancel] = await context.atOnce(branch, ['confirm', 'cancel']);
  const winners = [confirm, cancel].filter(succeeded).length;
  const what = `Of a confirm and a cancel at once, the confirm was answered ${confirm.words} and the cancel ${cancel.words}.`;
  context.judge('confirm_and_cancel_both_accepted', winners < 2, what);
  context.judge('confirm_and_cancel_both_refused', winners > 0, what);
  if (winners !== 1) return context.miss('loser_applied', 'not exactly one of confirm and cancel succeeded');
  const winner = succeeded(confirm) ? 'confirm' : 'cancel';
  await context.judgeEffect('loser_applied', { try: 1, [winner]: 1 }, what);
}
