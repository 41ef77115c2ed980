/** Steps that have only a gid or a branchId in common, or whose branchIds differ in case alone. */
import type { Branch } from '../request.ts';
import { type Scenario, type Trial, Unjudgeable } from '../trial.ts';

export const stepsKeptApart: Scenario = {
  name: 'two steps of one saga, and the same branchId in another',
  judges: ['steps_mixed_up'],
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

/** All are done, the first is undone, and then the others: each by itself. */
async function judgeApart(
  trial: Trial,
  one: Branch,
  others: readonly (readonly [step: Branch, what: string])[],
): Promise<void> {
  await trial.must(one, 'action');
  for (const [step, what] of others) await actBeside(trial, step, what);
  const done = `${others.length + 1} steps were called that have only a gid or a branchId in common, or the same in other letters.`;
  await trial.judgeEffect('steps_mixed_up', { action: others.length + 1 }, done);
  await compensate(trial, one, 'the first of them');
  await trial.judgeEffect('steps_mixed_up', { action: others.length + 1, compensate: 1 }, done);
  for (const [step, what] of others) await compensate(trial, step, what);
  await trial.judgeEffect(
    'steps_mixed_up',
    { action: others.length + 1, compensate: others.length + 1 },
    done,
  );
}

async function compensate(trial: Trial, step: Branch, what: string): Promise<void> {
  const { words, reply } = await trial.ask(step, 'compensate');
  const seen = `Of steps that were all done, the compensate of ${what} was answered ${words}.`;
  trial.judge('steps_mixed_up', reply === 'succeeded', seen);
}

/** A refusal beside a step that is done means a mix-up only if there is stock for one that has nothing in common with it. */
async function actBeside(trial: Trial, step: Branch, what: string): Promise<void> {
  const { words, reply } = await trial.ask(step, 'action');
  if (reply === 'succeeded') return;
  await trial.must(trial.branch(), 'action');
  const seen = `While a step was done, the action of ${what} was answered ${words}.`;
  trial.judge('steps_mixed_up', false, seen);
  throw new Unjudgeable(`the action of ${what} was answered ${words}`);
}
