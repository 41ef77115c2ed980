/** The overview: whether transactions end, in time, and what keeps them from it. */
import { metrics } from '../../src/observability/catalogue.ts';
import { budgetLeft, burnRate, FAST_BURN, OBJECTIVE, shareInTime, SLOW_BURN, WINDOW } from './objective.ts';
import { page } from './page.ts';
import { graph, stat, type Words } from './panels.ts';
import { fromDatabase, meanOf, observationsPerSecond, ofReplicas, perSecond, quantileOf } from './promql.ts';

const DEPLOYMENT = '{{namespace}} {{job}}';
const UP: Words = { 0: { text: 'away', color: 'red' }, 1: { text: 'up', color: 'green' } };
const LOST: Words = { 0: { text: 'none', color: 'green' }, 1: { text: 'LOST', color: 'red' } };

const now = [
  stat({
    title: 'Ended in time, 30 days',
    description:
      'Share of the ended transactions that ended within 60 s of their decision. Objective: 99.9 %.',
    unit: 'percentunit',
    width: 3,
    decimals: 3,
    redBelow: OBJECTIVE,
    alert: 'TercetSloSlowBurn',
    queries: [{ expr: shareInTime(WINDOW), legend: 'in time' }],
  }),
  stat({
    title: 'Error budget left',
    description: 'Share of the allowed 0.1 % that is unspent, over 30 days. Below 0 the objective is missed.',
    unit: 'percentunit',
    width: 3,
    decimals: 1,
    redBelow: 0,
    alert: 'TercetSloFastBurn',
    queries: [{ expr: budgetLeft(), legend: 'budget left' }],
  }),
  stat({
    title: 'Need attention',
    description:
      'Transactions that have waited too long for a required success. The participants dashboard shows who fails.',
    unit: 'short',
    width: 3,
    redFrom: 1,
    alert: 'TercetNeedsAttention',
    queries: [{ expr: fromDatabase(metrics.needingAttention), legend: DEPLOYMENT }],
  }),
  stat({
    title: 'Parked',
    description:
      'Transactions with a branch whose retry or poll budget is spent. The participants dashboard shows who fails.',
    unit: 'short',
    width: 3,
    redFrom: 1,
    alert: 'TercetParked',
    queries: [{ expr: fromDatabase(metrics.parked), legend: DEPLOYMENT }],
  }),
  stat({
    title: 'Oldest unfinished',
    description:
      'Age of the oldest transaction that still owes a call. Long timeouts make it old without a fault.',
    unit: 's',
    width: 3,
    redFrom: 3600,
    alert: 'TercetOldestUnfinished',
    queries: [{ expr: fromDatabase(metrics.oldestUnfinished), legend: DEPLOYMENT }],
  }),
  stat({
    title: 'Lost commits',
    description: 'Whether the database has lost commits that it had acknowledged to a replica.',
    unit: 'short',
    width: 3,
    redFrom: 1,
    words: LOST,
    alert: 'TercetLostCommits',
    queries: [{ expr: `max(${ofReplicas(metrics.lostCommits.name)})`, legend: 'lost commits' }],
  }),
  stat({
    title: 'Redis',
    description: 'Whether every replica can use the wake-up queue. Without Redis configured it is up.',
    unit: 'short',
    width: 3,
    redBelow: 1,
    words: UP,
    alert: 'TercetRedisAway',
    queries: [{ expr: `min(${ofReplicas(metrics.wakeQueueUp.name)})`, legend: 'Redis' }],
  }),
  stat({
    title: 'Replicas',
    description: 'Replicas that Prometheus scrapes.',
    unit: 'short',
    width: 3,
    redBelow: 1,
    alert: 'TercetDown',
    queries: [{ expr: `count(${ofReplicas(metrics.build.name)})`, legend: 'replicas' }],
  }),
] as const;

const traffic = [
  graph({
    title: 'Begun and ended',
    description: 'Transactions per second. A gap between begun and ended grows the backlog.',
    unit: 'ops',
    width: 8,
    queries: [
      { expr: perSecond(metrics.started), legend: 'begun' },
      { expr: perSecond(metrics.finished, { by: ['outcome'] }), legend: '{{outcome}}', hasExemplars: true },
    ],
  }),
  graph({
    title: 'Duration, begin to end',
    description: 'Includes the time that initiators take to decide. Each dot is a trace.',
    unit: 's',
    width: 8,
    queries: quantiles(metrics.duration),
  }),
  graph({
    title: 'Duration, decision to end',
    description: 'What the objective measures. Each dot is a trace.',
    unit: 's',
    width: 8,
    alert: 'TercetSloFastBurn',
    queries: quantiles(metrics.decisionToEnd),
  }),
];

const objective = [
  graph({
    title: 'Burn rate',
    description: `A burn rate of 1 spends the error budget in exactly 30 days. Fast: ${FAST_BURN} over 5 m and 1 h. Slow: ${SLOW_BURN} over 30 m and 6 h.`,
    unit: 'short',
    width: 12,
    redFrom: FAST_BURN,
    alert: 'TercetSloFastBurn',
    queries: ['5m', '30m', '1h', '6h', '3d'].map((window) => ({ expr: burnRate(window), legend: window })),
  }),
  graph({
    title: 'Ended in time',
    description: 'Share of the ended transactions that ended within 60 s of their decision.',
    unit: 'percentunit',
    width: 12,
    max: 1,
    alert: 'TercetSloSlowBurn',
    queries: ['1h', '1d'].map((window) => ({ expr: shareInTime(window), legend: window })),
  }),
];

const backlog = [
  graph({
    title: 'In flight',
    description:
      'Transactions that still owe a call, by status. Ended ones owe a callback or the undoing of a late success.',
    unit: 'short',
    width: 6,
    queries: [{ expr: fromDatabase(metrics.inFlight, ['status']), legend: `${DEPLOYMENT} {{status}}` }],
  }),
  graph({
    title: 'Waiting for an operator',
    description:
      'Transactions that need attention, those that are parked, and those whose stored rows do not add up.',
    unit: 'short',
    width: 6,
    alert: 'TercetNeedsAttention',
    queries: [
      { expr: fromDatabase(metrics.needingAttention), legend: `${DEPLOYMENT} need attention` },
      { expr: fromDatabase(metrics.parked), legend: `${DEPLOYMENT} parked` },
      { expr: fromDatabase(metrics.quarantined), legend: `${DEPLOYMENT} quarantined` },
    ],
  }),
  graph({
    title: 'Wake lag',
    description: 'Delay of the most overdue wake. It grows if no replica takes overdue transactions over.',
    unit: 's',
    width: 6,
    redFrom: 60,
    alert: 'TercetSweepLag',
    queries: [{ expr: fromDatabase(metrics.wakeLag), legend: DEPLOYMENT }],
  }),
  graph({
    title: 'Alert webhook',
    description:
      'Posts per second by outcome. Empty without TERCET_ALERT_WEBHOOK_URL. Failed posts are repeated.',
    unit: 'ops',
    width: 6,
    queries: [{ expr: perSecond(metrics.alertPosts, { by: ['outcome'] }), legend: '{{outcome}}' }],
  }),
];

const database = [
  graph({
    title: 'Commits',
    description: 'Group commits per second, by replica.',
    unit: 'ops',
    width: 8,
    queries: [
      { expr: observationsPerSecond(metrics.commitBatchSize, { by: ['instance'] }), legend: '{{instance}}' },
    ],
  }),
  graph({
    title: 'Saves per commit',
    description: 'More saves per commit mean more concurrent transactions, or a slower database.',
    unit: 'short',
    width: 8,
    queries: [
      { expr: meanOf(metrics.commitBatchSize), legend: 'mean' },
      { expr: quantileOf(0.99, metrics.commitBatchSize), legend: 'p99' },
    ],
  }),
  graph({
    title: 'Removed after retention',
    description: 'Finished transactions that were removed, per second.',
    unit: 'ops',
    width: 8,
    queries: [{ expr: perSecond(metrics.removed), legend: 'removed' }],
  }),
];

function quantiles(histogram: typeof metrics.duration | typeof metrics.decisionToEnd) {
  return [0.5, 0.95, 0.99].map((quantile) => ({
    expr: quantileOf(quantile, histogram),
    legend: `p${quantile * 100}`,
    hasExemplars: true,
  }));
}

export const overview = page({
  name: 'overview',
  title: 'Tercet: overview',
  description: 'Whether transactions end, in time, and what keeps them from it.',
  rows: [
    { title: 'Now', panels: now },
    { title: 'Traffic', panels: traffic },
    { title: 'Objective: 99.9 % end within 60 s of their decision', panels: objective },
    { title: 'Backlog', panels: backlog },
    { title: 'Database', panels: database },
  ],
});
