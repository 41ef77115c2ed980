/**
 * Every name under which the coordinator can be observed: its metrics, and the fields of its log lines.
 *
 * Dashboards, alerts and log searches are built on these names, so a change here breaks somebody's. docs/operations.md
 * has the same table of metrics for people; a test keeps both in step.
 *
 * - Units are base units and stand last in a name; what counts up ends in `_total`, as Prometheus has it.
 * - Labels take few values. Ids are no labels: they belong into logs and traces.
 */

export type Metric = {
  readonly name: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** Null for a plain number. */
  readonly unit: 'seconds' | null;
  readonly labels: readonly string[];
  readonly help: string;
  /** The upper bounds of a histogram, in its unit. */
  readonly buckets?: readonly number[];
};

export const metrics = {
  // ── Counted by each replica for itself: add them up ──────────────────────────────────────────────────────
  started: {
    name: 'tercet_transactions_started_total',
    kind: 'counter',
    unit: null,
    labels: [],
    help: 'Transactions that began here.',
  },
  finished: {
    name: 'tercet_transactions_finished_total',
    kind: 'counter',
    unit: null,
    labels: ['outcome'],
    help: 'Transactions that ended here, by the status they ended with.',
  },
  duration: {
    name: 'tercet_transaction_duration_seconds',
    kind: 'histogram',
    unit: 'seconds',
    labels: ['outcome'],
    help: 'From begin to end of the transactions that ended here.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600],
  },
  removed: {
    name: 'tercet_transactions_removed_total',
    kind: 'counter',
    unit: null,
    labels: [],
    help: 'Finished transactions that were removed here, since their retention is over.',
  },
  callAttempts: {
    name: 'tercet_call_attempts_total',
    kind: 'counter',
    unit: null,
    labels: ['participant', 'op', 'reply'],
    help: 'Calls to participants that ended, by what they came to.',
  },
  callDuration: {
    name: 'tercet_call_duration_seconds',
    kind: 'histogram',
    unit: 'seconds',
    labels: ['participant', 'op'],
    help: 'How long calls to participants took, whatever they came to.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
  circuitState: {
    name: 'tercet_circuit_state',
    kind: 'gauge',
    unit: null,
    labels: ['participant'],
    help: 'The circuit breaker of this replica: 0 closed, 1 half-open, 2 open; the worst where several share a label.',
  },
  commitBatchSize: {
    name: 'tercet_commit_batch_size',
    kind: 'histogram',
    unit: null,
    labels: [],
    help: 'How many saves went together in one commit.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
  },
  wakeQueueWhole: {
    name: 'tercet_wake_queue_up',
    kind: 'gauge',
    unit: null,
    labels: [],
    help: '1 while wakes go through the queue as they should, 0 while Redis is away.',
  },
  // ── Read from the database, which all replicas share: never add them up, take the maximum ────────────────
  inFlight: {
    name: 'tercet_transactions_in_flight',
    kind: 'gauge',
    unit: null,
    labels: ['status'],
    help: 'Unfinished transactions in the database.',
  },
  parked: {
    name: 'tercet_transactions_parked',
    kind: 'gauge',
    unit: null,
    labels: [],
    help: 'Unfinished transactions in the database with a branch that waits for a person.',
  },
  oldestUnfinished: {
    name: 'tercet_oldest_unfinished_transaction_age_seconds',
    kind: 'gauge',
    unit: 'seconds',
    labels: [],
    help: 'How long ago the oldest unfinished transaction in the database began; 0 when there is none.',
  },
  wakeLag: {
    name: 'tercet_wake_lag_seconds',
    kind: 'gauge',
    unit: 'seconds',
    labels: [],
    help: 'How long the most overdue transaction in the database has waited to be looked at; 0 when none is overdue.',
  },
} as const satisfies Readonly<Record<string, Metric>>;

/** What stands for names that must not become label values of their own. */
export const ADDRESS_LABEL = '(address)';
export const OTHER_LABEL = '(other)';

export const logFields = {
  gid: 'the global transaction',
  trace_id: 'the trace of its initiator; absent when it sent none',
  pattern: 'the protocol that it follows, in the lines that tell of its status',
  transaction_name: 'what the initiator calls it; absent when it has no name',
  status: 'the status that it reached',
  decision: 'confirm or cancel, in the line that tells of the decision',
  reason: 'why it was decided so',
  duration_ms: 'from its begin to its end, in the line that tells of the end',
  branch_id:
    'the branch that is meant: parked, registered, started as the pivot, or refused so that all is cancelled',
  participant: 'its participant by name, or the origin of its address; or who was told of the end',
  op: 'what the participant is asked for',
  answer: 'what it answered last, or why no answer came',
  circuit: 'the state of its circuit breaker in this replica',
} as const;

/** What a log line may carry: nothing that has no meaning above. */
export type LogLine = { -readonly [Field in keyof typeof logFields]?: string | number };
