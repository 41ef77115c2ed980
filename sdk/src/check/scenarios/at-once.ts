/** Two calls for one branch at the same moment. Between looking at the branch and changing it there may be no gap. */
import { succeeded } from '../answer.ts';
import type { Branch } from '../request.ts';
import type { Scenario, Trial } from '../trial.ts';
import type { Opening } from './pair.ts';
import { judgeConfirmedOnce, judgeSameResult } from './repeated.ts';

/** Chance has a part in it. Each round may use up stock, so there are few; the last may find none left. */
const ROUNDS = 3;

export const firstsAtOnce = (pair: Opening): Scenario => ({
  name: `two ${pair.firsts} at once`,
  judges: [pair.codes.repeatedFirstRefused, pair.codes.firstsAtOnceTwice],
  async run(trial) {
    const { first: op, firsts, codes } = pair;
    for (let round = 0; round < ROUNDS; round += 1) {
      await trial.begin();
      const branch = trial.branch();
      const [first, second] = await trial.atOnce(branch, [op, op]);
      if (!succeeded(first) && !succeeded(second)) await trial.must(branch, op);
      const what = `Two ${firsts} of one branch at once were answered ${first.words} and ${second.words}.`;
      trial.judge(codes.repeatedFirstRefused, succeeded(first) && succeeded(second), what);
      await trial.judgeEffect(codes.firstsAtOnceTwice, { [op]: 1 }, what);
      if (succeeded(first) && succeeded(second)) judgeSameResult(trial, pair, first, second);
      await trial.cleanUp();
    }
  },
});

export const compensatesAtOnce: Scenario = {
  name: 'two compensates at once',
  judges: ['repeated_compensate_refused', 'compensates_at_once_applied_twice'],
  async run(trial) {
    for (let round = 0; round < ROUNDS; round += 1) {
      await trial.begin();
      const branch = trial.branch();
      await trial.must(branch, 'action');
      const [first, second] = await trial.atOnce(branch, ['compensate', 'compensate']);
      const what = `Two compensates of one step at once were answered ${first.words} and ${second.words}.`;
      trial.judge('repeated_compensate_refused', succeeded(first) && succeeded(second), what);
      await trial.judgeEffect('compensates_at_once_applied_twice', { action: 1, compensate: 1 }, what);
    }
  },
};

export const confirmsAtOnce: Scenario = {
  name: 'two confirms at once',
  judges: ['repeated_confirm_refused', 'confirms_at_once_applied_twice'],
  async run(trial) {
    const branch = trial.branch();
    await trial.must(branch, 'try');
    const [first, second] = await trial.atOnce(branch, ['confirm', 'confirm']);
    const what = `Two confirms of one branch at once were answered ${first.words} and ${second.words}.`;
    trial.judge('repeated_confirm_refused', succeeded(first) && succeeded(second), what);
    await judgeConfirmedOnce(trial, 'confirms_at_once_applied_twice', what);
  },
};

export const confirmAndCancelAtOnce: Scenario = {
  name: 'a confirm and a cancel at once',
  judges: ['confirm_and_cancel_both_accepted', 'confirm_and_cancel_both_refused', 'loser_applied'],
  async run(trial) {
    for (let round = 0; round < ROUNDS; round += 1) {
      await trial.begin();
      const branch = trial.branch();
      const answer = await (round === 0 ? trial.must(branch, 'try') : trial.ask(branch, 'try'));
      if (!succeeded(answer)) return;
      await judgeRace(trial, branch);
      await trial.cleanUp();
    }
  },
};

async function judgeRace(trial: Trial, branch: Branch): Promise<void> {
  const [confirm, cancel] = await trial.atOnce(branch, ['confirm', 'cancel']);
  const winners = [confirm, cancel].filter(succeeded).length;
  const what = `Of a confirm and a cancel at once, the confirm was answered ${confirm.words} and the cancel ${cancel.words}.`;
  trial.judge('confirm_and_cancel_both_accepted', winners < 2, what);
  trial.judge('confirm_and_cancel_both_refused', winners > 0, what);
  if (winners !== 1) return trial.miss('loser_applied', 'not exactly one of confirm and cancel succeeded');
  const winner = succeeded(confirm) ? 'confirm' : 'cancel';
  await trial.judgeEffect('loser_applied', { try: 1, [winner]: 1 }, what);
}
