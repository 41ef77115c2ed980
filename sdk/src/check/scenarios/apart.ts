/** Steps that a participant must keep apart: the frame of `kept.ts` and `steps.ts`, which judge them by kind. */
import type { Code } from '../codes.ts';
import type { Branch } from '../request.ts';
import { type Scenario, type Trial, Unjudgeable } from '../trial.ts';

export type OtherStep = readonly [step: Branch, what: string];

type Judge = (trial: Trial, one: Branch, others: readonly OtherStep[]) => Promise<void>;

/** Steps that have only a gid or a branchId in common, then steps whose branchIds differ in case alone. */
export const keptApart = (code: Code, judge: Judge): Scenario => ({
  name: 'two steps of one saga, and the same branchId in another',
  judges: [code],
  async run(trial) {
    const one = trial.branch();
    await judge(trial, one, [
      [trial.branch({ gid: one.gid }), 'another step of the same saga'],
      [trial.branch({ branchId: one.branchId }), 'a step of another saga with the same branchId'],
    ]);
    await trial.begin();
    const lower = trial.branch({ branchId: 'stock' });
    const upper = trial.branch({ gid: lower.gid, branchId: 'Stock' });
    await judge(trial, lower, [[upper, 'another step whose branchId differs in case alone (stock, Stock)']]);
  },
});

/**
 * A refusal after another step's call means a mix-up only if there is stock for a step that shares nothing with it.
 * @param when the other step was called, as the report says it
 * @throws Unjudgeable when the step does not succeed
 */
export async function actApart(
  code: Code,
  trial: Trial,
  [step, what]: OtherStep,
  when: string,
): Promise<void> {
  const { words, reply } = await trial.ask(step, 'action');
  if (reply === 'succeeded') return;
  await trial.must(trial.branch(), 'action');
  trial.judge(code, false, `${when}, the action of ${what} was answered ${words}.`);
  throw new Unjudgeable(`the action of ${what} was answered ${words}`);
}
