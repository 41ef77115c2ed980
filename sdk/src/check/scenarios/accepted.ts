/**
 * A try or action that is answered 202: it is called again while it goes on outside, also after its deadline, and then undone. Only
 * for participants that have answered 202 to one before.
 */
import { type Answer, succeeded } from '../answer.ts';
import type { AcceptedCode } from '../codes.ts';
import { plus } from '../numbers.ts';
import type { Branch } from '../request.ts';
import type { Scenario, ScenarioContext } from '../scenario.ts';
import { type FirstOp, type OpPair, SAGA, TCC, withArticle, withCapitalArticle } from './op-pair.ts';

export const NEVER_ACCEPTED =
  'the rules on ops that are completed from outside, since no try or action was answered 202';

/** @param undoing null for steps that nothing undoes */
function acceptedOp(pair: FirstOp, undoing: OpPair | null): AcceptedScenario {
  const { first: op } = pair;
  const ofUndoing: readonly AcceptedCode[] = undoing === null ? [] : ['accepted_not_undone'];
  const judges: readonly AcceptedCode[] = ['accepted_applied_twice', 'accepted_expires', ...ofUndoing];
  return {
    name: `${withArticle(op)} is accepted`,
    judges,
    async run(context) {
      const branch = context.branch();
      const first = await context.once(branch, op);
      if (!isAccepted(first))
        return context.skip(judges, `${withArticle(op)} was answered ${first.words}, others before 202`);
      await judgePolls(context, branch, pair);
      if (undoing === null) await context.askAllowingSilence(branch, op);
      else await judgeUndone(context, branch, undoing);
    },
  };
}

export type AcceptedScenario = Scenario & { readonly judges: readonly AcceptedCode[] };

export const ACCEPTED = {
  tcc: acceptedOp(TCC, TCC),
  step: acceptedOp(SAGA, SAGA),
  step_uncompensated: acceptedOp(SAGA, null),
  pivot: acceptedOp(SAGA, null),
  final: acceptedOp(SAGA, null),
} as const;

const isAccepted = ({ status }: Answer): boolean => status === 202;

/** Effects are judged only while all of it is answered 202: its completion may have effects of its own. */
async function judgePolls(context: ScenarioContext, branch: Branch, { first: op }: FirstOp): Promise<void> {
  const before = await context.changes();
  const again = await context.once(branch, op);
  const late = await context.once(branch, op, { deadlineAt: Date.now() - 60_000 });
  const after = await context.changes();
  const last = await context.once(branch, op);
  const what = `${withCapitalArticle(op)} was answered 202, its repetition ${again.words}, and one after its deadline ${late.words}.`;
  const isKept = [again, late].every(({ reply }) => reply === 'ongoing' || reply === 'succeeded');
  context.judge('accepted_expires', isKept, what);
  if (before === null || after === null) return;
  if ([again, late, last].every(isAccepted))
    context.judge('accepted_applied_twice', plus(after, before, -1).size === 0, what);
  else
    context.skip(
      ['accepted_applied_twice'],
      `${withArticle(op)} was completed before it was called often enough`,
    );
}

async function judgeUndone(
  context: ScenarioContext,
  branch: Branch,
  { first: op, undo, codes }: OpPair,
): Promise<void> {
  const undone = await context.ask(branch, undo);
  const what = `The ${undo} of an accepted ${op} was answered ${undone.words}.`;
  context.judge(codes.undoRefused, succeeded(undone), what);
  if (!succeeded(undone)) return;
  const rest = await context.changes();
  if (rest !== null) context.judge('accepted_not_undone', rest.size === 0, what);
  const late = await context.once(branch, op);
  context.judge(
    codes.lateFirstAccepted,
    !succeeded(late) && !isAccepted(late),
    `${withCapitalArticle(op)} after the ${undo} of its accepted branch was answered ${late.words}.`,
  );
}
