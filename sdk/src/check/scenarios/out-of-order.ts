/** Calls in an order in which nobody sends them, but in which networks deliver them. */
import { succeeded } from '../answer.ts';
import type { Code } from '../codes.ts';
import type { Scenario } from '../trial.ts';
import { One, one, type Pair } from './pair.ts';
import { judgeRefused } from './refused.ts';

export const undoBeforeFirst = ({ first: op, undo, codes }: Pair): Scenario => ({
  name: `a ${undo} without ${one(op)}`,
  judges: [codes.undoAloneRefused, codes.undoAloneApplied],
  async run(trial) {
    const { words, reply } = await trial.ask(trial.branch(), undo);
    const what = `A ${undo} of ${NEVER[op]} was answered ${words}.`;
    trial.judge(codes.undoAloneRefused, reply === 'succeeded', what);
    await trial.judgeEffect(codes.undoAloneApplied, {}, what);
  },
});

const NEVER = { try: 'a branch that was never tried', action: 'a step that was never called' } as const;

export const firstAfterUndo = ({ first: op, undo, codes }: Pair): Scenario => ({
  name: `${one(op)} after its ${undo}`,
  judges: [
    codes.lateFirstAccepted,
    'refusal_not_understood',
    'refusal_answered_as_success',
    'refused_call_applied',
  ],
  async run(trial) {
    const branch = trial.branch();
    await trial.must(branch, undo);
    // From here on: what the cancel or compensate alone did is another rule's.
    await trial.begin();
    const answer = await trial.ask(branch, op);
    const what = `${One(op)} after its ${undo} was answered ${answer.words}.`;
    await judgeRefused(trial, { op, code: codes.lateFirstAccepted, answer, what });
    if (succeeded(answer)) return;
    await trial.begin();
    const again = await trial.ask(branch, undo);
    const after = `A further ${undo} after that was answered ${again.words}.`;
    trial.judge(codes.repeatedUndoRefused, succeeded(again), `${what} ${after}`);
    await trial.judgeEffect(codes.undoTwice, {}, `${what} ${after}`);
  },
});

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
