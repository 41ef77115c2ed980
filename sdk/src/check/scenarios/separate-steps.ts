/**
 * Steps that a participant must keep apart: what `separate-uncompensated-steps.ts` and `separate-compensated-steps.ts`
 * have in common, which judge them by kind.
 */
import type { Code } from '../codes.ts';
import type { Branch } from '../request.ts';
import { type Scenario, type ScenarioContext, Unjudgeable } from '../scenario.ts';

export type OtherStep = readonly [step: Branch, what: string];

type Judge = (context: ScenarioContext, one: Branch, others: readonly OtherStep[]) => Promise<void>;

/** Steps that have only a gid or a branchId in common, then steps whose branchIds differ in case alone. */
export const separateSteps = (code: Code, judge: Judge): Scenario => ({
  name: 'two steps of one saga, and the same branchId in another',
  judges: [code],
  async run(context) {
    const one = context.branch();
    await judge(context, one, [
      [context.branch({ gid: one.gid }), 'another step of the same saga'],
      [context.branch({ branchId: one.branchId }), 'a step of another saga with the same branchId'],
    ]);
    await context.begin();
    const lower = context.branch({ branchId: 'stock' });
    const upper = context.branch({ gid: lower.gid, branchId: 'Stock' });
    await judge(context, lower, [
      [upper, 'another step whose branchId differs in case alone (stock, Stock)'],
    ]);
  },
});

/**
 * A refusal after another step's call means a mix-up only if there is stock for a step that shares nothing with it.
 * @param when the other step was called, as the report says it
 * @throws Unjudgeable when the step does not succeed
 */
export async function actOnSeparateStep(
  code: Code,
  context: ScenarioContext,
  [step, what]: OtherStep,
  when: string,
): Promise<void> {
  const { words, reply } = await context.ask(step, 'action');
  if (reply === 'succeeded') return;
  await context.must(context.branch(), 'action');
  context.judge(code, false, `${when}, the action of ${what} was answered ${words}.`);
  throw new Unjudgeable(`the action of ${what} was answered ${words}`);
}
