/** The figures of a comparison as a table for people. */
import type { AgainstReport } from './against.ts';
import type { Compared, ComparedFigure, FigureName, Pair } from './against-result.ts';
import { grid, shown } from './report.ts';
import { tracingLines } from './tracing.ts';

const COLUMNS: readonly { readonly title: string; readonly figure: FigureName; readonly digits: number }[] = [
  { title: 'tx/s', figure: 'perSecond', digits: 0 },
  { title: 'p50 ms', figure: 'p50Ms', digits: 1 },
  { title: 'p99 ms', figure: 'p99Ms', digits: 1 },
  { title: 'cpu s', figure: 'cpuSecondsPer1000', digits: 3 },
  { title: 'db cpu s', figure: 'databaseCpuSecondsPer1000', digits: 3 },
];

const RATIO_DIGITS = 3;

const LINES: readonly { readonly title: string; cell(of: ComparedFigure, digits: number): string }[] = [
  { title: 'this', cell: (of, digits) => shown(of.this, digits) },
  { title: 'other', cell: (of, digits) => shown(of.other, digits) },
  { title: 'ratio', cell: ({ ratio }) => shown(ratio?.median ?? null, RATIO_DIGITS) },
  { title: 'lowest', cell: ({ ratio }) => shown(ratio?.min ?? null, RATIO_DIGITS) },
  { title: 'highest', cell: ({ ratio }) => shown(ratio?.max ?? null, RATIO_DIGITS) },
];

export function againstTable(report: AgainstReport): string {
  const { pattern, pairCount, secondsPerMeasurement, checkouts } = report;
  return [
    `${report.database}, ${report.machine}`,
    `${pattern}: declared transactions of 2 branches, ${pairCount} pairs of 2 × ${secondsPerMeasurement} s, medians`,
    ...(['this', 'other'] as const).map((which) => originLine(which, checkouts[which])),
    ...tracingLines(report.tracing),
    '',
    ...grid([['clients', '', ...COLUMNS.map(({ title }) => title)], ...report.results.flatMap(linesOf)]),
    '',
    'ratio = this ÷ other, taken within each pair; its median, lowest and highest.',
    'cpu s: of the coordinator for 1000 transactions; db cpu s: of the database server.',
  ].join('\n');
}

const linesOf = ({ clients, figures }: Compared): string[][] =>
  LINES.map(({ title, cell }) => [
    String(clients),
    title,
    ...COLUMNS.map(({ figure, digits }) => cell(figures[figure], digits)),
  ]);

function originLine(which: keyof Pair, of: AgainstReport['checkouts'][keyof Pair]): string {
  const { folder, revision, node, acknowledged, stored } = of;
  const counts = `${acknowledged} acknowledged as confirmed; stored ${stored.confirmedCount} confirmed of ${stored.transactionCount}`;
  return `${which}: ${[folder, revision, `Node ${node}`].filter(Boolean).join(', ')}; ${counts}`;
}
