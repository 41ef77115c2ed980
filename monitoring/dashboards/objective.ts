/**
 * The service level objective, the same as in the alert rules: 99.9 % of the transactions that ended did so within 60 s of
 * their decision, over 30 days. Transactions that never end do not count here; those needing attention cover them.
 */
import { metrics } from '../../src/observability/catalogue.ts';
import { observationsPerSecond, upTo } from './promql.ts';

export const WITHIN_SECONDS = 60;
export const OBJECTIVE = 0.999;
export const WINDOW = '30d';

/** Burn rates at which the alerts of the objective fire. */
export const FAST_BURN = 14.4;
export const SLOW_BURN = 6;

/** The budget as a decimal, without the noise of 1 - 0.999 in binary. */
const ERROR_BUDGET = 0.001;

/** Share of the ends in time. NaN without any end. */
export const shareInTime = (window: string): string =>
  `${upTo(metrics.decisionToEnd, WITHIN_SECONDS, { window })} / ${observationsPerSecond(metrics.decisionToEnd, { window })}`;

/** 1 spends the budget in exactly the window of the objective. */
export const burnRate = (window: string): string => `(1 - ${shareInTime(window)}) / ${ERROR_BUDGET}`;

/** 1 if it is unspent, below 0 if the objective is missed. */
export const budgetLeft = (): string => `1 - ${burnRate(WINDOW)}`;
