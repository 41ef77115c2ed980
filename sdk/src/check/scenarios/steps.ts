/** Steps that can be compensated: that one was done or undone says nothing of another. */
import type { Branch } from '../request.ts';
import type { Trial } from '../trial.ts';
import { actApart, keptApart, type OtherStep } from './apart.ts';

export const stepsKeptApart = keptApart('steps_mixed_up', judgeApart);

/** All are done, the first is undone, and then the others: each by itself. */
async function judgeApart(trial: Trial, one: Branch, others: readonly OtherStep[]): Promise<void> {
  await trial.must(one, 'action');
  for (const other of others) await actApart('steps_mixed_up', trial, other, 'While a step was done');
  const done = `${others.length + 1} steps were called that have only a gid or a branchId in common, or the same in other letters.`;
  await trial.judgeEffect('steps_mixed_up', { action: others.length + 1 }, done);
  await compensate(trial, [one, 'the first of them']);
  await trial.judgeEffect('steps_mixed_up', { action: others.length + 1, compensate: 1 }, done);
  for (const other of others) await compensate(trial, other);
  await trial.judgeEffect(
    'steps_mixed_up',
    { action: others.length + 1, compensate: others.length + 1 },
    done,
  );
}

async function compensate(trial: Trial, [step, what]: OtherStep): Promise<void> {
  const { words, reply } = await trial.ask(step, 'compensate');
  const seen = `Of steps that were all done, the compensate of ${what} was answered ${words}.`;
  trial.judge('steps_mixed_up', reply === 'succeeded', seen);
}
