/** Every expression of every panel, for those who evaluate them: a Prometheus does not know the variables of Grafana. */
import { metrics } from '../../src/observability/catalogue.ts';
import { dashboards } from './files.ts';

export type PanelExpression = {
  readonly dashboard: string;
  readonly panel: string;
  readonly refId: string;
  /** As in the dashboard, with Grafana's variables. */
  readonly expr: string;
  readonly hasExemplars: boolean;
  /** Without series unless a setting turns on what is measured. */
  readonly isOptional: boolean;
};

/** Counted only with TERCET_ALERT_WEBHOOK_URL. */
const OPTIONAL = [metrics.alertPosts.name];

type Target = { readonly refId: string; readonly expr: string; readonly exemplar?: boolean };

export const panelExpressions: readonly PanelExpression[] = dashboards.flatMap(
  ({ title = '', panels = [] }) =>
    panels.flatMap((panel) => {
      const targets = 'targets' in panel ? ((panel.targets ?? []) as unknown as readonly Target[]) : [];
      return targets.map(({ refId, expr, exemplar = false }) => ({
        dashboard: title,
        panel: panel.title ?? '',
        refId,
        expr,
        hasExemplars: exemplar,
        isOptional: OPTIONAL.some((name) => expr.includes(name)),
      }));
    }),
);

/**
 * What Grafana sends with all jobs, replicas and participants chosen.
 * @param rateInterval at least four scrape intervals, such as `1m`
 */
export const evaluable = (expr: string, { rateInterval }: { readonly rateInterval: string }): string =>
  expr.replaceAll('$__rate_interval', rateInterval).replaceAll(/\$(?:job|instance|participant)\b/g, '.*');
