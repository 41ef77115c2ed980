/**
 * What happened to one order, in the order in which it happened: the coordinator's journal, what came of every call at
 * the participants, and what the demo did. All run on this machine, so their clocks are one.
 */
import type { Op } from '@tercet/sdk/wire';
import { dim } from './paper.ts';
import type { Participant } from './participants.ts';
import type { Event } from './tercet.ts';

export type Line = { readonly at: number; readonly who: string; readonly what: string };

/** Within one millisecond: what is answered was asked before, and what is decided was answered before. */
type Ranked = Line & { readonly rank: number };

export function timeline(
  events: readonly Event[],
  effects: readonly Line[],
  deeds: readonly Line[],
): string[] {
  const ranked: Ranked[] = [
    ...events.flatMap(linesOf),
    ...effects.map((line) => ({ ...line, rank: 2 })),
    ...deeds.map((line) => ({ ...line, rank: 1 })),
  ];
  ranked.sort((one, other) => one.at - other.at || one.rank - other.rank);
  const start = ranked[0]?.at ?? 0;
  return ranked.map(
    ({ at, who, what }) => `  ${`${at - start}`.padStart(6)} ms  ${dim(who.padEnd(12))}${what}`,
  );
}

export async function effectLines(participants: readonly Participant[], gid: string): Promise<Line[]> {
  const lines = await Promise.all(
    participants.map(async (participant) => {
      const effects = await participant.effects(gid);
      return effects.map(({ at, op, attempt, outcome }) => ({
        at,
        who: participant.name,
        what: `${opText(op)}${outcome}${attempt > 1 ? dim(` (attempt ${attempt})`) : ''}`,
      }));
    }),
  );
  return lines.flat();
}

const opText = (op: Op): string => op.padEnd(9);

/** One journal row may say several things; a reply is told only where it changed what happens next. */
function linesOf({ seq, at: atText, changes }: Event): Ranked[] {
  const at = Date.parse(atText);
  const line = (rank: number, what: string): Ranked => ({ at, rank, who: 'coordinator', what });
  const { transaction, branches = [] } = changes;
  const lines: Ranked[] = [];
  if (seq === 1) lines.push(line(0, branches.length > 0 ? 'begins, and calls the tries' : 'begins'));
  else
    for (const { branchId, participant } of branches)
      if (participant) lines.push(line(0, `registers ${branchId}`));
  for (const branch of branches) {
    for (const call of [branch.try, branch.confirm, branch.cancel]) {
      if (call?.reply === 'unknown')
        lines.push(line(2, `cannot tell about ${branch.branchId}: ${call.answer}`));
    }
  }
  if (transaction?.decision) {
    const { decision, reason, branchId } = transaction.decision;
    const why = `${reason.replaceAll('_', ' ')}${branchId ? ` by ${branchId}` : ''}`;
    lines.push(line(3, `decides: ${decision} (${why})`));
  }
  if (transaction?.finishedAt) lines.push(line(4, `ends: ${transaction.status}`));
  return lines;
}
