/** Steps that are never compensated: that one was done or refused says nothing of another. */
import type { Branch, CallOptions } from '../request.ts';
import { type Trial, Unjudgeable } from '../trial.ts';
import { actApart, keptApart, type OtherStep } from './apart.ts';
import { OVER_SINCE_MS } from './deadline.ts';

export const actionsKeptApart = keptApart('actions_mixed_up', judgeApart);

/** The first is done, then the others, and the first is repeated. A pivot's first is refused instead: a mix-up shows in that. */
async function judgeApart(trial: Trial, one: Branch, others: readonly OtherStep[]): Promise<void> {
  const isPivot = trial.settings.kind === 'pivot';
  const options: CallOptions = isPivot ? { deadlineAt: Date.now() - OVER_SINCE_MS } : {};
  const expected = isPivot ? 'refused' : 'succeeded';
  const first = await trial.ask(one, 'action', options);
  if (isPivot && first.reply !== expected)
    throw new Unjudgeable(`an action after its deadline was answered ${first.words}, and not refused`);
  if (first.reply !== expected) throw trial.unjudgeable('action', first);
  // What a refusal did is another rule's.
  if (isPivot) await trial.begin();
  for (const other of others)
    await actApart('actions_mixed_up', trial, other, 'After another step was called');
  const again = await trial.ask(one, 'action');
  const calls = `Of ${others.length + 1} steps that have only a gid or a branchId in common, or the same in other letters, the first was answered ${first.words}, and ${again.words} again after the others.`;
  trial.judge('actions_mixed_up', again.reply === expected, calls);
  await trial.judgeEffect('actions_mixed_up', { action: others.length + (isPivot ? 0 : 1) }, calls);
}
