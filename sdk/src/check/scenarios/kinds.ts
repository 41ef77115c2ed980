/** Calls of other kinds than the one that is declared, as they come when an initiator takes an activity for what it is not. */
import { succeeded } from '../answer.ts';
import { isServed, KINDS, type Kind, SERVED_KINDS } from '../kinds.ts';
import type { Branch } from '../request.ts';
import { type Scenario, type ScenarioContext, Unjudgeable } from '../scenario.ts';
import { withArticle, withCapitalArticle, type OpPair } from './op-pair.ts';
import { judgeRefused } from './refused.ts';

export const kindsRefused = (pair: OpPair): Scenario => ({
  name: `${withArticle(pair.first)} of a kind that is not served`,
  judges: ['kind_ignored', 'second_phase_refused_for_kind', 'refusal_forgotten'],
  async run(context) {
    for (const kind of kindsNotServed(context.settings.kind)) {
      await context.begin();
      const branch = context.branch({ kind });
      const { first: op } = pair;
      const answer = await context.ask(branch, op);
      const what = `${withCapitalArticle(op)} of the kind ${kind} was answered ${answer.words}.`;
      await judgeRefused(context, { op, code: 'kind_ignored', answer, what });
      if (succeeded(answer)) throw new Unjudgeable(`${withArticle(op)} of the kind ${kind} was not refused`);
      if (kind === 'pivot') await judgeRemembered(context, branch, what);
      await judgeUndone(context, pair, branch, what);
    }
  },
});

/** A saga has no branch of a tcc, nor the other way round. */
const kindsNotServed = (declared: Kind): readonly Kind[] =>
  declared === 'tcc' ? ['step'] : KINDS.filter((kind) => kind !== 'tcc' && !isServed(declared, kind));

/** Nothing compensates what its initiator takes for a pivot, and an older coordinator sends no kind: no such call may land later. */
async function judgeRemembered(context: ScenarioContext, branch: Branch, what: string): Promise<void> {
  const unnamed = context.branch({ gid: branch.gid, branchId: branch.branchId, kind: null });
  for (const [repetition, how] of [
    [branch, 'Repeated, it'],
    [unnamed, 'Repeated without a kind, it'],
  ] as const) {
    const again = await context.ask(repetition, 'action');
    context.judge('refusal_forgotten', !succeeded(again), `${what} ${how} was answered ${again.words}.`);
    if (succeeded(again)) throw new Unjudgeable('the refusal of an action of the kind pivot was forgotten');
  }
}

async function judgeUndone(
  context: ScenarioContext,
  { undo, codes }: OpPair,
  branch: Branch,
  what: string,
): Promise<void> {
  await context.begin();
  const undone = await context.ask(branch, undo);
  const after = `${what} Its ${undo} was answered ${undone.words}.`;
  context.judge('second_phase_refused_for_kind', succeeded(undone), after);
  if (succeeded(undone)) await context.judgeEffect(codes.undoAloneApplied, {}, after);
}

/** As if the activity had been declared as another kind between the two calls. */
export const undoneAsAnotherKind = ({ first: op, undo, codes }: OpPair): Scenario => ({
  name: `a ${undo} of another kind`,
  judges: ['second_phase_refused_for_kind', codes.notRestored],
  async run(context) {
    const kind = context.settings.kind === 'step' ? 'pivot' : 'step';
    const branch = context.branch();
    await context.must(branch, op);
    const { words, reply } = await context.ask(branch, undo, { kind });
    const what = `After ${withArticle(op)} of the kind ${branch.kind}, a ${undo} of the kind ${kind} was answered ${words}.`;
    context.judge('second_phase_refused_for_kind', reply === 'succeeded', what);
    if (reply === 'succeeded') await context.judgeEffect(codes.notRestored, { [op]: 1, [undo]: 1 }, what);
  },
});

export const kindsServed = ({ first: op }: Pick<OpPair, 'first'>): Scenario => ({
  name: `${withArticle(op)} of each kind that is served`,
  judges: ['served_kind_refused'],
  async run(context) {
    const { kind: declared } = context.settings;
    for (const kind of [...SERVED_KINDS[declared].filter((served) => served !== declared), null]) {
      const { words, reply } = await context.ask(context.branch({ kind }), op);
      // A refusal is about the kind only if there is stock for a call of the declared one.
      if (reply !== 'succeeded') await context.must(context.branch(), op);
      const how = kind === null ? 'without a kind' : `of the kind ${kind}`;
      context.judge(
        'served_kind_refused',
        reply === 'succeeded',
        `${withCapitalArticle(op)} ${how} was answered ${words}.`,
      );
      await context.cleanUp();
    }
  },
});
