/** Calls of other kinds than the one that is declared, as they come when an initiator takes an activity for what it is not. */
import { succeeded } from '../answer.ts';
import { isServed, KINDS, type Kind, SERVED_KINDS } from '../kinds.ts';
import type { Branch } from '../request.ts';
import { type Scenario, type Trial, Unjudgeable } from '../trial.ts';
import { One, one, type Pair } from './pair.ts';
import { judgeRefused } from './refused.ts';

export const kindsRefused = (pair: Pair): Scenario => ({
  name: `${one(pair.first)} of a kind that is not served`,
  judges: ['kind_ignored', 'second_phase_refused_for_kind', 'refusal_forgotten'],
  async run(trial) {
    for (const kind of kindsNotServed(trial.settings.kind)) {
      await trial.begin();
      const branch = trial.branch({ kind });
      const { first: op } = pair;
      const answer = await trial.ask(branch, op);
      const what = `${One(op)} of the kind ${kind} was answered ${answer.words}.`;
      await judgeRefused(trial, { op, code: 'kind_ignored', answer, what });
      if (succeeded(answer)) throw new Unjudgeable(`${one(op)} of the kind ${kind} was not refused`);
      if (kind === 'pivot') await judgeRemembered(trial, branch, what);
      await judgeUndone(trial, pair, branch, what);
    }
  },
});

/** A saga has no branch of a tcc, nor the other way round. */
const kindsNotServed = (declared: Kind): readonly Kind[] =>
  declared === 'tcc' ? ['step'] : KINDS.filter((kind) => kind !== 'tcc' && !isServed(declared, kind));

/** Nothing compensates what its initiator takes for a pivot, and an older coordinator sends no kind: no such call may land later. */
async function judgeRemembered(trial: Trial, branch: Branch, what: string): Promise<void> {
  const unnamed = trial.branch({ gid: branch.gid, branchId: branch.branchId, kind: null });
  for (const [repetition, how] of [
    [branch, 'Repeated, it'],
    [unnamed, 'Repeated without a kind, it'],
  ] as const) {
    const again = await trial.ask(repetition, 'action');
    trial.judge('refusal_forgotten', !succeeded(again), `${what} ${how} was answered ${again.words}.`);
    if (succeeded(again)) throw new Unjudgeable('the refusal of an action of the kind pivot was forgotten');
  }
}

async function judgeUndone(trial: Trial, { undo, codes }: Pair, branch: Branch, what: string): Promise<void> {
  await trial.begin();
  const undone = await trial.ask(branch, undo);
  const after = `${what} Its ${undo} was answered ${undone.words}.`;
  trial.judge('second_phase_refused_for_kind', succeeded(undone), after);
  if (succeeded(undone)) await trial.judgeEffect(codes.undoAloneApplied, {}, after);
}

/** As if the activity had been declared as another kind between the two calls. */
export const undoneAsAnotherKind = ({ first: op, undo, codes }: Pair): Scenario => ({
  name: `a ${undo} of another kind`,
  judges: ['second_phase_refused_for_kind', codes.notRestored],
  async run(trial) {
    const kind = trial.settings.kind === 'step' ? 'pivot' : 'step';
    const branch = trial.branch();
    await trial.must(branch, op);
    const { words, reply } = await trial.ask(branch, undo, { kind });
    const what = `After ${one(op)} of the kind ${branch.kind}, a ${undo} of the kind ${kind} was answered ${words}.`;
    trial.judge('second_phase_refused_for_kind', reply === 'succeeded', what);
    if (reply === 'succeeded') await trial.judgeEffect(codes.notRestored, { [op]: 1, [undo]: 1 }, what);
  },
});

export const kindsServed = ({ first: op }: Pick<Pair, 'first'>): Scenario => ({
  name: `${one(op)} of each kind that is served`,
  judges: ['served_kind_refused'],
  async run(trial) {
    const { kind: declared } = trial.settings;
    for (const kind of [...SERVED_KINDS[declared].filter((served) => served !== declared), null]) {
      const { words, reply } = await trial.ask(trial.branch({ kind }), op);
      // A refusal is about the kind only if there is stock for a call of the declared one.
      if (reply !== 'succeeded') await trial.must(trial.branch(), op);
      const how = kind === null ? 'without a kind' : `of the kind ${kind}`;
      trial.judge('served_kind_refused', reply === 'succeeded', `${One(op)} ${how} was answered ${words}.`);
      await trial.cleanUp();
    }
  },
});
