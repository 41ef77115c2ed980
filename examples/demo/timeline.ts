/**
 * What happened to one order, in the order in which it happened: the coordinator's journal, what came of every call at
 * the participants, and what the demo did. All run on this machine, so their clocks are one.
 */
import { dim } from './paper.ts';
import type { EffectThere } from './participants.ts';
import type { Event } from './tercet.ts';

export type Line = { readonly at: number; readonly who: string; readonly what: string };

/** Within one millisecond: what is answered was asked before, and what is decided was answered before. */
type Ranked = Line & { readonly rank: number };

export function timeline(
  events: readonly Event[],
  effects: readonly EffectThere[],
  deeds: readonly Line[],
): string[] {
  const ranked: Ranked[] = [
    ...events.flatMap(linesOf),
    ...effects.map((effect) => ({ ...lineOf(effect), rank: 2 })),
    ...deeds.map((line) => ({ ...line, rank: 1 })),
  ];
  ranked.sort((one, other) => one.at - other.at || one.rank - other.rank);
  const start = ranked[0]?.at ?? 0;
  return folded(ranked).map(
    ({ at, who, what }) => `  ${`${at - start}`.padStart(6)} ms  ${dim(who.padEnd(12))}${what}`,
  );
}

/** What is said several times in a row stands once. */
function folded(lines: readonly Line[]): Line[] {
  const runs: [Line, ...Line[]][] = [];
  for (const line of lines) {
    const run = runs.at(-1);
    if (run?.[0].who === line.who && run[0].what === line.what) run.push(line);
    else runs.push([line]);
  }
  return runs.map(([first, ...again]) =>
    again.length === 0 ? first : { ...first, what: `${first.what}${dim(` (${again.length + 1} times)`)}` },
  );
}

function lineOf({ at, participant, attempt, outcome, result, ...effect }: EffectThere): Line {
  const answer = result === null ? '' : `, answers ${result}`;
  const again = attempt > 1 ? dim(` (attempt ${attempt})`) : '';
  return { at, who: participant, what: `${callText(effect)}${outcome}${answer}${again}` };
}

/** The branches of an order are named like their participants; the steps of a gift have names of their own. */
const callText = ({ op, branchId }: Pick<EffectThere, 'op' | 'branchId'>): string =>
  op === 'action' || op === 'compensate' ? `${op.padEnd(12)}${branchId.padEnd(10)}` : op.padEnd(9);

/** One journal row may say several things; a reply is told only where it changed what happens next. */
function linesOf({ seq, at: atText, changes }: Event): Ranked[] {
  const at = Date.parse(atText);
  const line = (rank: number, what: string): Ranked => ({ at, rank, who: 'coordinator', what });
  const { transaction, branches = [] } = changes;
  const lines: Ranked[] = [];
  if (seq === 1) lines.push(line(0, beginning(changes)));
  else
    for (const { branchId, participant } of branches)
      if (participant) lines.push(line(0, `registers ${branchId}`));
  for (const branch of branches) {
    for (const call of [branch.try, branch.confirm, branch.cancel, branch.action, branch.compensate]) {
      if (call?.reply === 'unknown')
        lines.push(line(2, `cannot tell about ${branch.branchId}: ${call.answer}`));
    }
  }
  if (transaction?.pivotStartedAt)
    lines.push(line(3, 'starts the pivot: from here on nothing but its answer decides'));
  if (transaction?.decision) {
    const { decision, reason, branchId } = transaction.decision;
    const why = `${reason.replaceAll('_', ' ')}${branchId ? ` by ${branchId}` : ''}`;
    lines.push(line(3, `decides: ${decision} (${why})`));
  }
  if (transaction?.finishedAt) lines.push(line(4, `ends: ${transaction.status}`));
  return lines;
}

function beginning({ transaction, branches = [] }: Event['changes']): string {
  if (branches.length === 0) return 'begins';
  return `begins, and calls the ${transaction?.pattern === 'saga' ? 'first action' : 'tries'}`;
}
