/**
 * The files of the chart that follow from others. Helm reads no file outside the chart, so it has copies of the alert
 * rules and of the dashboards.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dashboardFiles } from '../../monitoring/dashboards/files.ts';
import { valuesSchema } from './values-schema.ts';
import { valuesTable } from './values-table.ts';

export const chartFolder = join(import.meta.dirname, '../../helm/tercet');
const rules = join(import.meta.dirname, '../../monitoring/rules/tercet.rules.yaml');

export type ChartFile = { readonly path: string; readonly text: string };

export const chartFiles = (): readonly ChartFile[] => [
  { path: join(chartFolder, 'README.md'), text: readme() },
  { path: join(chartFolder, 'values.schema.json'), text: `${JSON.stringify(valuesSchema, null, 2)}\n` },
  { path: join(chartFolder, 'files/tercet.rules.yaml'), text: readFileSync(rules, 'utf8') },
  ...dashboardFiles().map(({ name, text }) => ({ path: join(chartFolder, 'files/dashboards', name), text })),
];

const [BEGIN, END] = ['<!-- values: begin -->\n', '<!-- values: end -->'];

function readme(): string {
  const page = readFileSync(join(chartFolder, 'README.md'), 'utf8');
  const [before, after] = [page.split(BEGIN)[0], page.split(END)[1]];
  const table = valuesTable(readFileSync(join(chartFolder, 'values.yaml'), 'utf8'));
  return `${before}${BEGIN}${table}\n${END}${after}`;
}
