/** Nothing goes wrong. Measures what each op does, by which all other scenarios are judged. */
import { shownUrl } from '../../shown-url.ts';
import { type Answer, succeeded } from '../answer.ts';
import { type Difference, differenceText, plus } from '../numbers.ts';
import type { Branch } from '../request.ts';
import { type Scenario, type ScenarioContext, Unjudgeable } from '../scenario.ts';
import { withArticle, withCapitalArticle, type OpPair } from './op-pair.ts';

export const triedAndConfirmed: Scenario = {
  name: 'a try and its confirm',
  judges: ['confirm_refused'],
  async run(context) {
    const branch = await firstOf(context, 'try');
    const tried = context.effectOf('try');
    const answer = await context.ask(branch, 'confirm');
    context.judge(
      'confirm_refused',
      succeeded(answer),
      `The confirm after a try was answered ${answer.words}.`,
    );
    if (succeeded(answer) && tried) await learnConfirm(context, tried, answer);
  },
};

/** Nothing undoes it. */
export const actionAlone: Scenario = {
  name: 'an action',
  judges: ['answered_before_commit'],
  run: async (context) => void (await firstOf(context, 'action')),
};

export const firstAndUndone = ({ first: op, undo, codes }: OpPair): Scenario => ({
  name: `${withArticle(op)} and its ${undo}`,
  judges: [codes.undoRefused, codes.notRestored, 'answered_before_commit'],
  async run(context) {
    const branch = await firstOf(context, op);
    const before = context.effectOf(op);
    const answer = await context.ask(branch, undo);
    if (undo === 'compensate' && answer.status === NOT_FOUND) throw nothingToUndo(context);
    const undone = `${undo} after ${withArticle(op)} was answered ${answer.words}`;
    context.judge(codes.undoRefused, succeeded(answer), `The ${undone}.`);
    if (!succeeded(answer)) throw new Unjudgeable(`a ${undone}`);
    const what = `${withCapitalArticle(op)} was answered with success, and so was its ${undo} (${answer.words}).`;
    await context.judgeEffect(codes.notRestored, {}, what);
    const changes = await context.changes();
    if (before && changes) context.learn(undo, plus(changes, before, -1));
  },
});

const NOT_FOUND = 404;

/** There may be nothing to undo: then it is of another kind, and all else here would ask for a compensate. */
const nothingToUndo = ({ settings }: ScenarioContext): Unjudgeable =>
  new Unjudgeable(
    `the compensate at ${shownUrl(settings.urls.compensate)} was answered 404. If nothing undoes the step, its kind is not step: check it ` +
      'with --kind step_uncompensated, pivot or final (kind). Else see that the path is right. One action stays done',
  );

/** There may be numbers that show no confirm; but a confirm may also show late. */
async function learnConfirm(context: ScenarioContext, tried: Difference, { words }: Answer): Promise<void> {
  const changes = await context.changes();
  if (changes === null) return;
  const confirmed = plus(changes, tried, -1);
  const isThere = (seen: Difference) => plus(seen, tried, -1).size > 0;
  if (confirmed.size === 0) await context.judgeCommitted(isThere, `A confirm was answered ${words}.`);
  context.learn('confirm', confirmed);
}

/** Two branches of one transaction, and one of another that has the branchId of the first. */
export const branchesSeparate: Scenario = {
  name: 'two branches of one transaction, and the same branchId in another',
  judges: ['branches_mixed_up'],
  async run(context) {
    const one = context.branch();
    const sameGid = context.branch({ gid: one.gid });
    const sameBranchId = context.branch({ branchId: one.branchId });
    await context.must(one, 'try');
    await trySeparateBranch(context, sameGid, 'another branch of the same transaction');
    await trySeparateBranch(context, sameBranchId, 'a branch of another transaction with the same branchId');
    const tried = 'Three branches were tried that have only a gid or a branchId in common.';
    await context.judgeEffect('branches_mixed_up', { try: 3 }, tried);
    const confirm = await context.ask(one, 'confirm');
    const confirmed = `While others were tried that have only a gid or a branchId in common with it, the confirm of a tried branch was answered ${confirm.words}.`;
    context.judge('branches_mixed_up', succeeded(confirm), confirmed);
    if (!succeeded(confirm)) throw new Unjudgeable(`a confirm after a try was answered ${confirm.words}`);
    for (const [branch, has] of [
      [sameGid, 'gid'],
      [sameBranchId, 'branchId'],
    ] as const) {
      const { words, reply } = await context.ask(branch, 'cancel');
      const what = `After another branch with the same ${has} was confirmed, the cancel of a tried branch was answered ${words}.`;
      context.judge('branches_mixed_up', reply === 'succeeded', what);
    }
    await context.judgeEffect('branches_mixed_up', { try: 3, confirm: 1, cancel: 2 }, tried);
    await judgeCase(context);
  },
};

/** Databases that compare text without regard to case take the two for one. */
async function judgeCase(context: ScenarioContext): Promise<void> {
  await context.begin();
  const lower = context.branch({ branchId: 'stock' });
  const other = context.branch({ gid: lower.gid, branchId: 'Stock' });
  await context.must(lower, 'try');
  await trySeparateBranch(
    context,
    other,
    'another branch whose branchId differs in case alone (stock, Stock)',
  );
  const tried = 'Two branches of one transaction were tried, stock and Stock.';
  await context.judgeEffect('branches_mixed_up', { try: 2 }, tried);
  for (const [branch, op] of [
    [other, 'cancel'],
    [lower, 'confirm'],
  ] as const) {
    const { words, reply } = await context.ask(branch, op);
    const what = `${tried} The ${op} of ${branch.branchId} was answered ${words}.`;
    context.judge('branches_mixed_up', reply === 'succeeded', what);
  }
  await context.judgeEffect('branches_mixed_up', { try: 2, confirm: 1, cancel: 1 }, tried);
}

/**
 * A refusal next to an open branch means a mix-up only if there is stock for one that has nothing in common with it.
 */
async function trySeparateBranch(context: ScenarioContext, branch: Branch, what: string): Promise<void> {
  const { words, reply } = await context.ask(branch, 'try');
  if (reply === 'succeeded') return;
  await context.must(context.branch(), 'try');
  context.judge(
    'branches_mixed_up',
    false,
    `While a branch was tried, the try of ${what} was answered ${words}.`,
  );
  throw new Unjudgeable(`the try of ${what} was answered ${words}`);
}

async function firstOf(context: ScenarioContext, op: OpPair['first']): Promise<Branch> {
  const branch = context.branch();
  const { words } = await context.must(branch, op);
  const changes = await context.changes();
  const known = context.effectOf(op);
  if (changes === null) return branch;
  const what = `${withCapitalArticle(op)} was answered ${words}.`;
  if (changes.size === 0) await context.judgeCommitted((seen) => seen.size > 0, what);
  else context.judge('answered_before_commit', true, what);
  if (known === null) context.learn(op, changes);
  else if (plus(changes, known, -1).size > 0)
    context.markNumbersUnusable(
      `${withArticle(op)} changed the numbers by ${differenceText(known)}, and another one just like it by ${differenceText(changes)}: ` +
        'check a participant that nobody else uses',
    );
  return branch;
}
