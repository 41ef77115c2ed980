/** Steps that can be compensated: that one was done or undone says nothing of another. */
import type { Branch } from '../request.ts';
import type { ScenarioContext } from '../scenario.ts';
import { actOnSeparateStep, separateSteps, type OtherStep } from './separate-steps.ts';

export const compensatedStepsSeparate = separateSteps('steps_mixed_up', judgeApart);

/** All are done, the first is undone, and then the others: each by itself. */
async function judgeApart(
  context: ScenarioContext,
  one: Branch,
  others: readonly OtherStep[],
): Promise<void> {
  await context.must(one, 'action');
  for (const other of others)
    await actOnSeparateStep('steps_mixed_up', context, other, 'While a step was done');
  const done = `${others.length + 1} steps were called that have only a gid or a branchId in common, or the same in other letters.`;
  await context.judgeEffect('steps_mixed_up', { action: others.length + 1 }, done);
  await compensate(context, [one, 'the first of them']);
  await context.judgeEffect('steps_mixed_up', { action: others.length + 1, compensate: 1 }, done);
  for (const other of others) await compensate(context, other);
  await context.judgeEffect(
    'steps_mixed_up',
    { action: others.length + 1, compensate: others.length + 1 },
    done,
  );
}

async function compensate(context: ScenarioContext, [step, what]: OtherStep): Promise<void> {
  const { words, reply } = await context.ask(step, 'compensate');
  const seen = `Of steps that were all done, the compensate of ${what} was answered ${words}.`;
  context.judge('steps_mixed_up', reply === 'succeeded', seen);
}
