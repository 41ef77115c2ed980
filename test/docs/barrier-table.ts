/** The barrier's rules in docs/participants.md, pattern by pattern, read off `judge` itself. */
import type { Call } from '@tercet/sdk';
import { judge, type LockedRow, type Row, type Verdict } from '../../sdk/src/barrier/judge.ts';

const NOW = 1_800_000_000_000;
const call = { gid: '0198c5a2-7b1e-7d40-9f3a-5e2b8c1d4f60', branchId: 'stock' };

const open: LockedRow = {
  phase: 'open',
  startedOp: null,
  worker: null,
  workUntil: null,
  firstResult: null,
  result: null,
  now: NOW,
  isDeadlineLater: false,
};

const WORKING = { worker: 'another', workUntil: NOW + 1 };

type NamedRow = readonly [branch: string, row: Partial<Row>];
type Column = {
  readonly name: string;
  readonly op: Call['op'];
  readonly isLate?: boolean;
  readonly isPivot?: boolean;
};

const UNKNOWN: NamedRow = ['unknown, or its work rolled back', {}];

const OF_TCC: readonly NamedRow[] = [
  UNKNOWN,
  ['try accepted', { phase: 'trying' }],
  ['tried', { phase: 'tried' }],
  ['try accepted, then refused', { phase: 'declined', result: '"no"' }],
  ['confirm accepted', { phase: 'confirming' }],
  ['confirmed', { phase: 'confirmed' }],
  ['cancel accepted', { phase: 'cancelling' }],
  ['cancelled, or a tombstone', { phase: 'cancelled' }],
  ['*outside:* try started', { startedOp: 'try' }],
  ['*outside:* try under way', { startedOp: 'try', ...WORKING }],
  ['*outside:* try accepted, cancel started', { phase: 'trying', startedOp: 'cancel' }],
  ['*outside:* tried, confirm started', { phase: 'tried', startedOp: 'confirm' }],
  ['*outside:* tried, cancel started', { phase: 'tried', startedOp: 'cancel' }],
];

const OF_SAGA: readonly NamedRow[] = [
  UNKNOWN,
  ['action accepted', { phase: 'doing' }],
  ['done', { phase: 'done' }],
  ['compensate accepted', { phase: 'undoing' }],
  ['undone, or a tombstone', { phase: 'undone' }],
  ['refused for good', { phase: 'refused', result: 'sold out' }],
  ['*outside:* action started', { startedOp: 'action' }],
  ['*outside:* action under way', { startedOp: 'action', ...WORKING }],
  ['*outside:* action accepted, compensate started', { phase: 'doing', startedOp: 'compensate' }],
  ['*outside:* done, compensate started', { phase: 'done', startedOp: 'compensate' }],
  ['*outside:* action started, compensate started', { startedOp: 'compensate' }],
];

const TCC: readonly Column[] = [
  { name: 'try', op: 'try' },
  { name: 'try after its deadline', op: 'try', isLate: true },
  { name: 'confirm', op: 'confirm' },
  { name: 'cancel', op: 'cancel' },
];

const SAGA: readonly Column[] = [
  { name: 'action', op: 'action' },
  { name: 'action after its deadline', op: 'action', isLate: true },
  { name: "a pivot's action after it", op: 'action', isLate: true, isPivot: true },
  { name: 'compensate', op: 'compensate' },
];

export const tccBarrierTable = (): string => table('the branch', OF_TCC, TCC);
export const sagaBarrierTable = (): string => table('the step', OF_SAGA, SAGA);

/** What each row of one pattern answers to each op of the other: that, and nothing else. */
export function acrossPatterns(): ReadonlySet<string> {
  const across = (rows: readonly NamedRow[], columns: readonly Column[]) =>
    rows.slice(1).flatMap(([, row]) => columns.map((column) => answer(row, column)));
  return new Set([...across(OF_TCC, SAGA), ...across(OF_SAGA, TCC)]);
}

function table(title: string, rows: readonly NamedRow[], columns: readonly Column[]): string {
  const head = [title, ...columns.map(({ name }) => name)];
  const lines = rows.map(([branch, row]) => [branch, ...columns.map((column) => answer(row, column))]);
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function answer(row: Partial<Row>, { op, isLate = false, isPivot = false }: Column): string {
  const deadlineAt = isLate ? NOW : NOW + 1;
  return words(judge({ ...call, op, deadlineAt }, { ...open, ...row }, isPivot));
}

function words(verdict: Verdict): string {
  switch (verdict.do) {
    case 'work':
      return 'work';
    case 'tombstone':
      return '200, tombstone';
    case 'nothing':
      return '200, nothing to undo';
    case 'repeat':
      return '200 again';
    case 'accepted':
      return '202';
    case 'refuse':
      return `409 \`${verdict.code}\`${verdict.isForGood ? ', for good' : ''}`;
    case 'wait':
      return '425';
  }
}
