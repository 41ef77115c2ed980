/** Calls in an order in which no coordinator sends them, but in which networks deliver them. */
import { succeeded } from '../answer.ts';
import type { Code } from '../codes.ts';
import type { Scenario } from '../scenario.ts';
import { withArticle, withCapitalArticle, type OpPair } from './op-pair.ts';
import { judgeRefused } from './refused.ts';

export const undoBeforeFirst = ({ first: op, undo, codes }: OpPair): Scenario => ({
  name: `a ${undo} without ${withArticle(op)}`,
  judges: [codes.undoAloneRefused, codes.undoAloneApplied],
  async run(context) {
    const { words, reply } = await context.ask(context.branch(), undo);
    const what = `A ${undo} of ${NEVER_CALLED[op]} was answered ${words}.`;
    context.judge(codes.undoAloneRefused, reply === 'succeeded', what);
    await context.judgeEffect(codes.undoAloneApplied, {}, what);
  },
});

const NEVER_CALLED = {
  try: 'a branch that was never tried',
  action: 'a step that was never called',
} as const;

export const firstAfterUndo = ({ first: op, undo, codes }: OpPair): Scenario => ({
  name: `${withArticle(op)} after its ${undo}`,
  judges: [
    codes.lateFirstAccepted,
    'refusal_not_understood',
    'refusal_answered_as_success',
    'refused_call_applied',
  ],
  async run(context) {
    const branch = context.branch();
    await context.must(branch, undo);
    // From here on: what the cancel or compensate alone did is another rule's.
    await context.begin();
    const answer = await context.ask(branch, op);
    const what = `${withCapitalArticle(op)} after its ${undo} was answered ${answer.words}.`;
    await judgeRefused(context, { op, code: codes.lateFirstAccepted, answer, what });
    if (succeeded(answer)) return;
    await context.begin();
    const again = await context.ask(branch, undo);
    const after = `A further ${undo} after that was answered ${again.words}.`;
    context.judge(codes.repeatedUndoRefused, succeeded(again), `${what} ${after}`);
    await context.judgeEffect(codes.undoTwice, {}, `${what} ${after}`);
  },
});

export const confirmWithoutTry: Scenario = {
  name: 'a confirm without a try',
  judges: ['confirm_without_try_accepted', 'refused_call_applied'],
  async run(context) {
    const answer = await context.ask(context.branch(), 'confirm');
    const what = `A confirm of a branch that was never tried was answered ${answer.words}.`;
    context.judge('confirm_without_try_accepted', !succeeded(answer), what);
    if (!succeeded(answer)) await context.judgeEffect('refused_call_applied', {}, what);
  },
};

export const confirmAfterCancel = afterOppositeDecision('cancel', 'confirm', 'confirm_after_cancel_accepted');
export const cancelAfterConfirm = afterOppositeDecision('confirm', 'cancel', 'cancel_after_confirm_accepted');

function afterOppositeDecision(
  first: 'confirm' | 'cancel',
  second: 'confirm' | 'cancel',
  code: Code,
): Scenario {
  return {
    name: `a ${second} after the ${first}`,
    judges: [code, 'refused_call_applied'],
    async run(context) {
      const branch = context.branch();
      await context.must(branch, 'try');
      await context.must(branch, first);
      const answer = await context.ask(branch, second);
      const what = `A ${second} after the ${first} was answered ${answer.words}.`;
      context.judge(code, !succeeded(answer), what);
      if (!succeeded(answer)) await context.judgeEffect('refused_call_applied', { try: 1, [first]: 1 }, what);
    },
  };
}
