/** The figures on paper: a table for people, and the same as one JSON document for programs. */
import type { Result } from './result.ts';
import type { Report } from './run.ts';
import { tracingLines } from './tracing.ts';

/** With `json` the document has stdout for itself, and the table goes to stderr. */
export function writeReport(
  report: { readonly faults: readonly string[] },
  table: string,
  json: boolean,
): void {
  (json ? process.stderr : process.stdout).write(`\n${table}\n`);
  for (const fault of report.faults) process.stderr.write(`bench: WRONG: ${fault}\n`);
  if (json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
}

type Column = { readonly title: string; readonly cell: (result: Result) => string };

const COLUMNS: readonly Column[] = [
  { title: 'clients', cell: ({ clients }) => String(clients) },
  { title: 'tx/s', cell: ({ perSecond }) => shown(perSecond, 0) },
  { title: 'p50 ms', cell: ({ p50Ms }) => shown(p50Ms, 1) },
  { title: 'p99 ms', cell: ({ p99Ms }) => shown(p99Ms, 1) },
  { title: 'wire/s', cell: ({ wireLimitPerSecond }) => shown(wireLimitPerSecond, 0) },
  { title: 'ratio', cell: ({ ratio }) => shown(ratio, 2) },
  { title: 'cpu s', cell: ({ cpuSecondsPer1000 }) => shown(cpuSecondsPer1000, 3) },
  { title: 'wire cpu s', cell: ({ wireLimitCpuSecondsPer1000 }) => shown(wireLimitCpuSecondsPer1000, 3) },
  { title: 'cpu ratio', cell: ({ cpuRatio }) => shown(cpuRatio, 2) },
  { title: 'commits/tx', cell: ({ commitsPerTransaction }) => shown(commitsPerTransaction, 3) },
  { title: 'log syncs/tx', cell: ({ logSyncsPerTransaction }) => shown(logSyncsPerTransaction, 3) },
  { title: 'rows/tx', cell: ({ journalRowsPerTransaction }) => shown(journalRowsPerTransaction, 2) },
  { title: 'redis/tx', cell: (result) => shown(result.redisCommandsPerTransaction, 3) },
  { title: 'errors', cell: ({ errorCount }) => String(errorCount) },
];

export function tableOf(report: Report): string {
  return [
    `${report.database}, Node ${report.node}, ${report.machine}`,
    `${report.pattern}: declared transactions of 2 branches, ${report.roundCount} rounds of ${report.secondsPerMeasurement} s, medians`,
    ...tracingLines(report.tracing),
    '',
    ...grid([COLUMNS.map(({ title }) => title), ...report.results.map(lineOf)]),
    '',
    'cpu s: of the coordinator (of the wire limit) for 1000 transactions. ratio = tx/s ÷ wire/s; cpu ratio = wire cpu ÷ cpu.',
    'commits and log syncs as the database counted them; rows are journal rows; redis/tx: commands.',
    `${report.acknowledged} acknowledged as confirmed; stored: ${report.stored.confirmedCount} confirmed of ${report.stored.transactionCount}`,
  ].join('\n');
}

/** Cells in columns, as lines. */
export function grid(lines: readonly (readonly string[])[]): string[] {
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines.map((line) => line.map((cell, column) => cell.padStart(widths?.[column] ?? 0)).join('  '));
}

const lineOf = (result: Result): string[] => COLUMNS.map(({ cell }) => cell(result));

export const shown = (figure: number | null, digits: number): string =>
  figure === null ? '–' : figure.toFixed(digits);
