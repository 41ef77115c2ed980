/** Nothing goes wrong. Measures what each op does, by which all other scenarios are judged. */
import { shownUrl } from '../../shown-url.ts';
import { type Answer, succeeded } from '../answer.ts';
import { type Difference, inWords, plus } from '../numbers.ts';
import type { Branch } from '../request.ts';
import { type Scenario, type Trial, Unjudgeable } from '../trial.ts';
import { One, one, type Pair } from './pair.ts';

export const triedAndConfirmed: Scenario = {
  name: 'a try and its confirm',
  judges: ['confirm_refused'],
  async run(trial) {
    const branch = await firstOf(trial, 'try');
    const tried = trial.effectOf('try');
    const answer = await trial.ask(branch, 'confirm');
    trial.judge(
      'confirm_refused',
      succeeded(answer),
      `The confirm after a try was answered ${answer.words}.`,
    );
    if (succeeded(answer) && tried) await learnConfirm(trial, tried, answer);
  },
};

/** Nothing undoes it. */
export const actionAlone: Scenario = {
  name: 'an action',
  judges: ['answered_before_commit'],
  run: async (trial) => void (await firstOf(trial, 'action')),
};

export const firstAndUndone = ({ first: op, undo, codes }: Pair): Scenario => ({
  name: `${one(op)} and its ${undo}`,
  judges: [codes.undoRefused, codes.notRestored, 'answered_before_commit'],
  async run(trial) {
    const branch = await firstOf(trial, op);
    const before = trial.effectOf(op);
    const answer = await trial.ask(branch, undo);
    if (undo === 'compensate' && answer.status === NOT_FOUND) throw nothingToUndo(trial);
    const undone = `${undo} after ${one(op)} was answered ${answer.words}`;
    trial.judge(codes.undoRefused, succeeded(answer), `The ${undone}.`);
    if (!succeeded(answer)) throw new Unjudgeable(`a ${undone}`);
    const what = `${One(op)} was answered with success, and so was its ${undo} (${answer.words}).`;
    await trial.judgeEffect(codes.notRestored, {}, what);
    const changes = await trial.changes();
    if (before && changes) trial.learn(undo, plus(changes, before, -1));
  },
});

const NOT_FOUND = 404;

/** There may be nothing to undo: then it is of another kind, and all else here would ask for a compensate. */
const nothingToUndo = ({ settings }: Trial): Unjudgeable =>
  new Unjudgeable(
    `the compensate at ${shownUrl(settings.urls.compensate)} was answered 404. If nothing undoes the step, its kind is not step: check it ` +
      'with --kind step_uncompensated, pivot or final (kind). Else see that the path is right. One action stays done',
  );

/** There may be numbers that show no confirm; but a confirm may also show late. */
async function learnConfirm(trial: Trial, tried: Difference, { words }: Answer): Promise<void> {
  const changes = await trial.changes();
  if (changes === null) return;
  const confirmed = plus(changes, tried, -1);
  const isThere = (seen: Difference) => plus(seen, tried, -1).size > 0;
  if (confirmed.size === 0) await trial.judgeCommitted(isThere, `A confirm was answered ${words}.`);
  trial.learn('confirm', confirmed);
}

/** Two branches of one transaction, and one of another that has the branchId of the first. */
export const branchesKeptApart: Scenario = {
  name: 'two branches of one transaction, and the same branchId in another',
  judges: ['branches_mixed_up'],
  async run(trial) {
    const one = trial.branch();
    const sameGid = trial.branch({ gid: one.gid });
    const sameBranchId = trial.branch({ branchId: one.branchId });
    await trial.must(one, 'try');
    await tryBeside(trial, sameGid, 'another branch of the same transaction');
    await tryBeside(trial, sameBranchId, 'a branch of another transaction with the same branchId');
    const tried = 'Three branches were tried that have only a gid or a branchId in common.';
    await trial.judgeEffect('branches_mixed_up', { try: 3 }, tried);
    const confirm = await trial.ask(one, 'confirm');
    const confirmed = `While others were tried that have only a gid or a branchId in common with it, the confirm of a tried branch was answered ${confirm.words}.`;
    trial.judge('branches_mixed_up', succeeded(confirm), confirmed);
    if (!succeeded(confirm)) throw new Unjudgeable(`a confirm after a try was answered ${confirm.words}`);
    for (const [branch, has] of [
      [sameGid, 'gid'],
      [sameBranchId, 'branchId'],
    ] as const) {
      const { words, reply } = await trial.ask(branch, 'cancel');
      const what = `After another branch with the same ${has} was confirmed, the cancel of a tried branch was answered ${words}.`;
      trial.judge('branches_mixed_up', reply === 'succeeded', what);
    }
    await trial.judgeEffect('branches_mixed_up', { try: 3, confirm: 1, cancel: 2 }, tried);
    await judgeCase(trial);
  },
};

/** Databases that compare text without regard to case take the two for one. */
async function judgeCase(trial: Trial): Promise<void> {
  await trial.begin();
  const lower = trial.branch({ branchId: 'stock' });
  const other = trial.branch({ gid: lower.gid, branchId: 'Stock' });
  await trial.must(lower, 'try');
  await tryBeside(trial, other, 'another branch whose branchId differs in case alone (stock, Stock)');
  const tried = 'Two branches of one transaction were tried, stock and Stock.';
  await trial.judgeEffect('branches_mixed_up', { try: 2 }, tried);
  for (const [branch, op] of [
    [other, 'cancel'],
    [lower, 'confirm'],
  ] as const) {
    const { words, reply } = await trial.ask(branch, op);
    const what = `${tried} The ${op} of ${branch.branchId} was answered ${words}.`;
    trial.judge('branches_mixed_up', reply === 'succeeded', what);
  }
  await trial.judgeEffect('branches_mixed_up', { try: 2, confirm: 1, cancel: 1 }, tried);
}

/** A refusal beside an open branch means a mix-up only if there is stock for one that has nothing in common with it. */
async function tryBeside(trial: Trial, branch: Branch, what: string): Promise<void> {
  const { words, reply } = await trial.ask(branch, 'try');
  if (reply === 'succeeded') return;
  await trial.must(trial.branch(), 'try');
  trial.judge(
    'branches_mixed_up',
    false,
    `While a branch was tried, the try of ${what} was answered ${words}.`,
  );
  throw new Unjudgeable(`the try of ${what} was answered ${words}`);
}

async function firstOf(trial: Trial, op: Pair['first']): Promise<Branch> {
  const branch = trial.branch();
  const { words } = await trial.must(branch, op);
  const changes = await trial.changes();
  const known = trial.effectOf(op);
  if (changes === null) return branch;
  const what = `${One(op)} was answered ${words}.`;
  if (changes.size === 0) await trial.judgeCommitted((seen) => seen.size > 0, what);
  else trial.judge('answered_before_commit', true, what);
  if (known === null) trial.learn(op, changes);
  else if (plus(changes, known, -1).size > 0)
    trial.distrustNumbers(
      `${one(op)} changed the numbers by ${inWords(known)}, and another one just like it by ${inWords(changes)}: ` +
        'check a participant that nobody else uses',
    );
  return branch;
}
