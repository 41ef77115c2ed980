/** The barrier's rules in docs/participants.md, read off `judge` itself. */
import type { Call } from '@tercet/sdk';
import { judge, type LockedRow, type Row, type Verdict } from '../../sdk/src/barrier/judge.ts';

const NOW = 1_800_000_000_000;
const call = { gid: '0198c5a2-7b1e-7d40-9f3a-5e2b8c1d4f60', branchId: 'stock' };

const open: LockedRow = {
  ...{ phase: 'open', startedOp: null, worker: null, workUntil: null, tryResult: null, result: null },
  now: NOW,
};

const ROWS: readonly (readonly [branch: string, row: Partial<Row>])[] = [
  ['unknown, or its work rolled back', {}],
  ['tried', { phase: 'tried' }],
  ['confirmed', { phase: 'confirmed' }],
  ['cancelled, or a tombstone', { phase: 'cancelled' }],
  ['refused for good', { phase: 'refused', result: 'sold out' }],
  ['*outside:* try started', { startedOp: 'try' }],
  ['*outside:* try under way', { startedOp: 'try', worker: 'another', workUntil: NOW + 1 }],
  ['*outside:* tried, confirm started', { phase: 'tried', startedOp: 'confirm' }],
  ['*outside:* tried, cancel started', { phase: 'tried', startedOp: 'cancel' }],
];

const COLUMNS: readonly (readonly [name: string, op: Call['op'], deadlineAt: number])[] = [
  ['try', 'try', NOW + 1],
  ['try after its deadline', 'try', NOW],
  ['confirm', 'confirm', NOW],
  ['cancel', 'cancel', NOW],
];

export function barrierTable(): string {
  const head = ['the branch', ...COLUMNS.map(([name]) => name)];
  const rows = ROWS.map(([branch, row]) => [
    branch,
    ...COLUMNS.map(([, op, deadlineAt]) => words(judge({ ...call, op, deadlineAt }, { ...open, ...row }))),
  ]);
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
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
    case 'refuse':
      return `409 \`${verdict.code}\``;
    case 'wait':
      return '425';
  }
}
