/** A dashboard from rows of panels, with the variables that all of them have. */
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  TextBoxVariableBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { metrics } from '../../src/observability/catalogue.ts';
import { DATASOURCE, type Panel } from './panels.ts';

export type Row = { readonly title: string; readonly panels: readonly Panel[] };

export type PageOptions = {
  /** Last part of the uid and of the file's name. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly rows: readonly Row[];
  /** Further variables: label values of a metric. */
  readonly variables?: readonly QueryVariableBuilder[];
};

const TAG = 'tercet';

export function page({ name, title, description, rows, variables = [] }: PageOptions): Dashboard {
  const dashboard = new DashboardBuilder(title)
    .uid(`tercet-${name}`)
    .description(description)
    .tags([TAG])
    .time({ from: 'now-6h', to: 'now' })
    .refresh('30s')
    .tooltip(DashboardCursorSync.Crosshair)
    .variables([
      new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'),
      choice('job', `label_values(${metrics.build.name}, job)`),
      choice('instance', `label_values(${metrics.build.name}{job=~"$job"}, instance)`),
      ...variables,
      docsVariable(),
    ])
    .links([otherDashboards()]);
  rows.forEach(({ title, panels }, index) => {
    const rowId = (index + 1) * 100;
    dashboard.withRow(new RowBuilder(title).id(rowId));
    panels.forEach((panel, place) => void dashboard.withPanel(panel.id(rowId + place + 1)));
  });
  return dashboard.build();
}

/** Several values may be chosen; all of them at first. */
export const choice = (name: string, query: string): QueryVariableBuilder =>
  new QueryVariableBuilder(name)
    .datasource(DATASOURCE)
    .query(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ selected: true, text: 'All', value: '$__all' });

/** Grafana cannot know where the docs are served, and links of panels need it. */
const docsVariable = (): TextBoxVariableBuilder =>
  new TextBoxVariableBuilder('docs')
    .label('Docs')
    .description('Address of the folder docs of Tercet, for links to runbooks.')
    .defaultValue('https://tercet.example/docs');

const otherDashboards = (): DashboardLinkBuilder =>
  new DashboardLinkBuilder('Tercet')
    .type(DashboardLinkType.Dashboards)
    .tags([TAG])
    .asDropdown(true)
    .includeVars(true)
    .keepTime(true);
