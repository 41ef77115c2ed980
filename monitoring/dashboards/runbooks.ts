/** Links from panels to the runbook of the alert that watches the same thing. */
import { DashboardLinkBuilder } from '@grafana/grafana-foundation-sdk/dashboard';

/** Alerts of monitoring/rules/tercet.rules.yaml; docs/runbooks.md has a section for each. */
export type Alert =
  | 'TercetSloFastBurn'
  | 'TercetSloSlowBurn'
  | 'TercetNeedsAttention'
  | 'TercetParked'
  | 'TercetQuarantined'
  | 'TercetOldestUnfinished'
  | 'TercetCircuitOpen'
  | 'TercetSweepLag'
  | 'TercetRedisAway'
  | 'TercetLostCommits'
  | 'TercetCompensationFailing'
  | 'TercetTriesFailing'
  | 'TercetDown';

/** The section below docs/. The variable `docs` of each dashboard is the address of that folder. */
export const runbookOf = (alert: Alert): string => `runbooks.md#${alert.toLowerCase()}`;

export const runbookLink = (alert: Alert): DashboardLinkBuilder =>
  new DashboardLinkBuilder(`Runbook: ${alert}`).url(`\${docs}/${runbookOf(alert)}`).targetBlank(true);
