/** The table of answers in docs/participants.md, read off `branchReply` itself. */
import type { Op } from '@tercet/sdk/wire';
import { branchReply } from '../../src/domain/branch-reply.ts';

const STATUSES = Array.from({ length: 500 }, (_, index) => index + 100);

/** Statuses with the same meaning share a row; what no answer at all comes to names the last one. */
export function repliesTable(): string {
  const statusesByReplies = Map.groupBy(STATUSES, repliesTo);
  const nothing = repliesTo(null);
  const rows = [...statusesByReplies]
    .filter(([replies]) => replies !== nothing)
    .map(([replies, statuses]) => `| ${inRanges(statuses)} | ${replies} |`);
  return [
    '| status | to a try or action | to a confirm, cancel or compensate |',
    '| --- | --- | --- |',
    ...rows,
    `| any other, and none | ${nothing} |`,
  ].join('\n');
}

function repliesTo(status: number | null): string {
  const cell = (ops: readonly Op[]) =>
    [...new Set(ops.map((op) => `\`${branchReply(op, status)}\``))].join(', ');
  return `${cell(['try', 'action'])} | ${cell(['confirm', 'cancel', 'compensate'])}`;
}

/** 200, 201, 203 to 299 */
function inRanges(statuses: readonly number[]): string {
  const ranges: [from: number, to: number][] = [];
  for (const status of statuses) {
    const last = ranges.at(-1);
    if (last?.[1] === status - 1) last[1] = status;
    else ranges.push([status, status]);
  }
  return ranges
    .map(([from, to]) => (from === to ? `${from}` : `${from}${to - from > 1 ? ' to ' : ', '}${to}`))
    .join(', ');
}
