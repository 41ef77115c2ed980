/** Panels in the one style of these dashboards. Each has a description, and its runbook where an alert watches it. */
import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  MappingType,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimelineBuilder } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as GraphBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { type Alert, runbookLink, runbookOf } from './runbooks.ts';

export const DATASOURCE = { type: 'prometheus', uid: `\${datasource}` };

export type Query = {
  readonly expr: string;
  readonly legend: string;
  /** Show the trace ids of samples, for series that have them. */
  readonly hasExemplars?: boolean;
};

export type PanelOptions = {
  readonly title: string;
  readonly description: string;
  /** As Grafana names units: `s`, `bytes`, `percentunit`, `ops`. */
  readonly unit: string;
  /** Of 24 columns. */
  readonly width: number;
  readonly queries: readonly Query[];
  readonly alert?: Alert;
  /** From this value on, it is shown in red. */
  readonly redFrom?: number;
  /** Below this value, it is shown in red; for values of which more is better. */
  readonly redBelow?: number;
  readonly max?: number;
  readonly decimals?: number;
  readonly words?: Words;
};

/** What to show instead of a number, and its colour. */
export type Words = Readonly<Record<string, { readonly text: string; readonly color: string }>>;

export type Panel = GraphBuilder | StatBuilder | TimelineBuilder;

const GRAPH_HEIGHT = 8;
const STAT_HEIGHT = 4;

/** Lines over time. */
export function graph(options: PanelOptions): GraphBuilder {
  const isMarked = options.redFrom !== undefined;
  const marks = isMarked ? GraphThresholdsStyleMode.Dashed : GraphThresholdsStyleMode.Off;
  return styled(new GraphBuilder(), options)
    .height(GRAPH_HEIGHT)
    .lineWidth(1)
    .fillOpacity(8)
    .min(0)
    .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(marks))
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi));
}

/** The present value as a number, green or red. It is asked for once: some windows are too long for a range. */
export function stat(options: PanelOptions): StatBuilder {
  return styled(new StatBuilder(), options, { isInstant: true })
    .height(STAT_HEIGHT)
    .colorMode(BigValueColorMode.Background)
    .graphMode(BigValueGraphMode.None)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false));
}

/** States over time, one line for each series. */
export function timeline(options: PanelOptions): TimelineBuilder {
  return styled(new TimelineBuilder(), options).height(GRAPH_HEIGHT).fillOpacity(80);
}

function styled<Builder extends Panel>(
  panel: Builder,
  options: PanelOptions,
  { isInstant } = { isInstant: false },
): Builder {
  const { title, unit, width, queries, alert, max, decimals, words } = options;
  panel
    .title(title)
    .description(descriptionOf(options))
    .datasource(DATASOURCE)
    .unit(unit)
    .span(width)
    .thresholds(thresholdsOf(options));
  queries.forEach((query, index) => void panel.withTarget(targetOf(query, index, isInstant)));
  if (alert !== undefined) panel.links([runbookLink(alert)]);
  if (max !== undefined) panel.max(max);
  if (decimals !== undefined) panel.decimals(decimals);
  if (words !== undefined) panel.mappings([mappingOf(words)]);
  return panel;
}

/** The runbook is named in words, too: the link needs an address that only the reader's Grafana knows. */
const descriptionOf = ({ description, alert }: PanelOptions): string =>
  alert === undefined ? description : `${description} Alert: ${alert}. Runbook: docs/${runbookOf(alert)}.`;

function thresholdsOf({ redFrom, redBelow }: PanelOptions): ThresholdsConfigBuilder {
  const steps: Threshold[] = [{ value: null, color: redBelow === undefined ? 'green' : 'red' }];
  if (redBelow !== undefined) steps.push({ value: redBelow, color: 'green' });
  if (redFrom !== undefined) steps.push({ value: redFrom, color: 'red' });
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps);
}

function targetOf(
  { expr, legend, hasExemplars = false }: Query,
  index: number,
  isInstant: boolean,
): DataqueryBuilder {
  const target = new DataqueryBuilder()
    .refId(String.fromCharCode('A'.charCodeAt(0) + index))
    .expr(expr)
    .legendFormat(legend)
    .datasource(DATASOURCE)
    .exemplar(hasExemplars);
  return isInstant ? target.instant() : target.range();
}

const mappingOf = (words: Words): ValueMapping => ({
  type: MappingType.ValueToText,
  options: Object.fromEntries(
    Object.entries(words).map(([value, word], index) => [value, { ...word, index }]),
  ),
});
