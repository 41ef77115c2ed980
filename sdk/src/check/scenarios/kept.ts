/** Steps that nothing undoes, and that have only a gid or a branchId in common, or whose branchIds differ in case alone. */
import type { Branch, Wish } from '../request.ts';
import { type Scenario, type Trial, Unjudgeable } from '../trial.ts';
import { OVER_SINCE_MS } from './deadline.ts';

export const actionsKeptApart: Scenario = {
  name: 'two steps of one saga, and the same branchId in another',
  judges: ['actions_mixed_up'],
  async run(trial) {
    const one = trial.branch();
    await judgeApart(trial, one, [
      [trial.branch({ gid: one.gid }), 'another step of the same saga'],
      [trial.branch({ branchId: one.branchId }), 'a step of another saga with the same branchId'],
    ]);
    await trial.begin();
    const lower = trial.branch({ branchId: 'stock' });
    const upper = trial.branch({ gid: lower.gid, branchId: 'Stock' });
    await judgeApart(trial, lower, [
      [upper, 'another step whose branchId differs in case alone (stock, Stock)'],
    ]);
  },
};

/** The first is done, then the others, and the first is repeated. A pivot's first is refused instead: a mix-up shows in that. */
async function judgeApart(
  trial: Trial,
  one: Branch,
  others: readonly (readonly [step: Branch, what: string])[],
): Promise<void> {
  const isPivot = trial.settings.kind === 'pivot';
  const wish: Wish = isPivot ? { deadlineAt: Date.now() - OVER_SINCE_MS } : {};
  const expected = isPivot ? 'failed' : 'succeeded';
  const first = await trial.ask(one, 'action', wish);
  if (isPivot && first.reply !== expected)
    throw new Unjudgeable(`an action after its deadline was answered ${first.words}, and not refused`);
  if (first.reply !== expected) throw trial.unjudgeable('action', first);
  // What a refusal did is another rule's.
  if (isPivot) await trial.begin();
  for (const [step, what] of others) await actBeside(trial, step, what);
  const again = await trial.ask(one, 'action');
  const calls = `Of ${others.length + 1} steps that have only a gid or a branchId in common, or the same in other letters, the first was answered ${first.words}, and ${again.words} again after the others.`;
  trial.judge('actions_mixed_up', again.reply === expected, calls);
  await trial.judgeEffect('actions_mixed_up', { action: others.length + (isPivot ? 0 : 1) }, calls);
}

/** A refusal beside another step means a mix-up only if there is stock for one that has nothing in common with it. */
async function actBeside(trial: Trial, step: Branch, what: string): Promise<void> {
  const { words, reply } = await trial.ask(step, 'action');
  if (reply === 'succeeded') return;
  await trial.must(trial.branch(), 'action');
  const seen = `After another step was called, the action of ${what} was answered ${words}.`;
  trial.judge('actions_mixed_up', false, seen);
  throw new Unjudgeable(`the action of ${what} was answered ${words}`);
}
