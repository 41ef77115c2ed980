/** Steps that are never compensated: that one was done or refused says nothing of another. */
import type { Branch, CallOptions } from '../request.ts';
import { type ScenarioContext, Unjudgeable } from '../scenario.ts';
import { actOnSeparateStep, separateSteps, type OtherStep } from './separate-steps.ts';
import { OVER_SINCE_MS } from './deadline.ts';

export const uncompensatedStepsSeparate = separateSteps('actions_mixed_up', judgeApart);

/**
 * The first is done, then the others, and the first is repeated. A pivot's first is refused instead: a mix-up shows in
 * that.
 */
async function judgeApart(
  context: ScenarioContext,
  one: Branch,
  others: readonly OtherStep[],
): Promise<void> {
  const isPivot = context.settings.kind === 'pivot';
  const options: CallOptions = isPivot ? { deadlineAt: Date.now() - OVER_SINCE_MS } : {};
  const expected = isPivot ? 'refused' : 'succeeded';
  const first = await context.ask(one, 'action', options);
  if (isPivot && first.reply !== expected)
    throw new Unjudgeable(`an action after its deadline was answered ${first.words}, and not refused`);
  if (first.reply !== expected) throw context.unjudgeable('action', first);
  // What a refusal did is another rule's.
  if (isPivot) await context.begin();
  for (const other of others)
    await actOnSeparateStep('actions_mixed_up', context, other, 'After another step was called');
  const again = await context.ask(one, 'action');
  const calls = `Of ${others.length + 1} steps that have only a gid or a branchId in common, or the same in other letters, the first was answered ${first.words}, and ${again.words} again after the others.`;
  context.judge('actions_mixed_up', again.reply === expected, calls);
  await context.judgeEffect('actions_mixed_up', { action: others.length + (isPivot ? 0 : 1) }, calls);
}
