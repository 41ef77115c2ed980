/**
 * Every name under which the coordinator can be observed: its metrics, and the fields of its log lines.
 *
 * Dashboards, alerts and log searches are built on these names, so a change here breaks them. docs/operations.md
 * has the same table of metrics; a test keeps both in step.
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
  /** Whether a sample may carry the trace id of a sampled trace as its exemplar. */
  readonly hasExemplars?: boolean;
};

export const metrics = {
  // ── Counted by each replica for itself: sum them ──────────────────────────────────────────────────────
  started: {
    name: 'tercet_transactions_started_total',
    kind: 'counter',
    unit: null,
    labels: [],
    help: 'Transactions that this replica began.',
  },
  finished: {
    name: 'tercet_transactions_finished_total',
    kind: 'counter',
    unit: null,
    labels: ['outcome'],
    help: 'Transactions that this replica finished, by final status.',
    hasExemplars: true,
  },
  duration: {
    name: 'tercet_transaction_duration_seconds',
    kind: 'histogram',
    unit: 'seconds',
    labels: ['outcome'],
    help: 'Duration from begin to end of the transactions that this replica finished.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600],
    hasExemplars: true,
  },
  decisionToEnd: {
    name: 'tercet_decision_to_end_seconds',
    kind: 'histogram',
    unit: 'seconds',
    labels: ['outcome'],
    help: 'Duration from decision to end of the transactions that this replica finished.',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600],
    hasExemplars: true,
  },
  removed: {
    name: 'tercet_transactions_removed_total',
    kind: 'counter',
    unit: null,
    labels: [],
    help: 'Finished transactions that this replica removed after their retention.',
  },
  resumed: {
    name: 'tercet_transactions_resumed_total',
    kind: 'counter',
    unit: null,
    labels: ['participant'],
    help: 'Waiting transactions that this replica resumed because their participant had recovered.',
  },
  callAttempts: {
    name: 'tercet_call_attempts_total',
    kind: 'counter',
    unit: null,
    labels: ['participant', 'op', 'reply'],
    help: 'Completed calls to participants, by reply.',
    hasExemplars: true,
  },
  callDuration: {
    name: 'tercet_call_duration_seconds',
    kind: 'histogram',
    unit: 'seconds',
    labels: ['participant', 'op'],
    help: 'Duration of calls to participants, whatever the reply.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    hasExemplars: true,
  },
  completions: {
    name: 'tercet_branch_completions_total',
    kind: 'counter',
    unit: null,
    labels: ['participant', 'op', 'reply'],
    help: 'Branches that were completed from outside, by op and reply.',
  },
  circuitState: {
    name: 'tercet_circuit_state',
    kind: 'gauge',
    unit: null,
    labels: ['participant'],
    help: 'State of the circuit breaker in this replica: 0 closed, 1 half-open, 2 open; the maximum where participants share a label.',
  },
  commitBatchSize: {
    name: 'tercet_commit_batch_size',
    kind: 'histogram',
    unit: null,
    labels: [],
    help: 'Saves per group commit.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
  },
  lostCommits: {
    name: 'tercet_store_lost_commits',
    kind: 'gauge',
    unit: null,
    labels: [],
    help: '1 if the database has lost commits that it had acknowledged to this replica, else 0.',
  },
  wakeQueueUp: {
    name: 'tercet_wake_queue_up',
    kind: 'gauge',
    unit: null,
    labels: [],
    help: '1 if the Redis wake-up queue is usable, 0 if this replica falls back to its own timers.',
  },
  alertPosts: {
    name: 'tercet_alert_posts_total',
    kind: 'counter',
    unit: null,
    labels: ['outcome'],
    help: 'Posts to the alert webhook by this replica: accepted or failed. A failed post is repeated.',
  },
  spansDropped: {
    name: 'tercet_spans_dropped_total',
    kind: 'counter',
    unit: null,
    labels: [],
    help: 'Spans lost because the export queue was full or the collector did not accept them.',
  },
  build: {
    name: 'tercet_build_info',
    kind: 'gauge',
    unit: null,
    labels: ['version', 'node_version', 'journal_version'],
    help: 'Always 1; the labels are the versions of this replica.',
  },
  // ── Read from the database, which all replicas share: never sum them, take the maximum ────────────────
  inFlight: {
    name: 'tercet_transactions_in_flight',
    kind: 'gauge',
    unit: null,
    labels: ['status'],
    help: 'Unfinished transactions in the database, by status.',
  },
  parked: {
    name: 'tercet_transactions_parked',
    kind: 'gauge',
    unit: null,
    labels: [],
    help: 'Unfinished transactions in the database with a parked branch, which needs an operator.',
  },
  needingAttention: {
    name: 'tercet_transactions_needing_attention',
    kind: 'gauge',
    unit: null,
    labels: [],
    help: 'Transactions in the database that have waited too long for a required success, by TERCET_ATTENTION_AFTER_MS.',
  },
  quarantined: {
    name: 'tercet_transactions_quarantined',
    kind: 'gauge',
    unit: null,
    labels: [],
    help: 'Transactions in the database whose stored rows do not add up. No call of them is made until an operator releases them.',
  },
  oldestUnfinished: {
    name: 'tercet_oldest_unfinished_transaction_age_seconds',
    kind: 'gauge',
    unit: 'seconds',
    labels: [],
    help: 'Age of the oldest unfinished transaction in the database; 0 if there is none.',
  },
  wakeLag: {
    name: 'tercet_wake_lag_seconds',
    kind: 'gauge',
    unit: 'seconds',
    labels: [],
    help: 'Delay of the most overdue wake in the database; 0 if none is overdue.',
  },
} as const satisfies Readonly<Record<string, Metric>>;

/** Those of prom-client's own metrics of the process that dashboards and docs name. */
export const runtimeMetrics = {
  eventLoopDelayP50: 'nodejs_eventloop_lag_p50_seconds',
  eventLoopDelayP99: 'nodejs_eventloop_lag_p99_seconds',
  eventLoopDelayMax: 'nodejs_eventloop_lag_max_seconds',
  heapUsed: 'nodejs_heap_size_used_bytes',
  heapTotal: 'nodejs_heap_size_total_bytes',
  externalMemory: 'nodejs_external_memory_bytes',
  residentMemory: 'process_resident_memory_bytes',
  gcDuration: 'nodejs_gc_duration_seconds',
  cpuUser: 'process_cpu_user_seconds_total',
  cpuSystem: 'process_cpu_system_seconds_total',
  activeHandles: 'nodejs_active_handles',
  openFiles: 'process_open_fds',
  maxFiles: 'process_max_fds',
  startTime: 'process_start_time_seconds',
} as const;

/** Spans; those of calls end with the participant's name or `(address)`. */
export const spans = {
  begin: 'tcc begin',
  register: 'tcc register',
  try: 'tcc try',
  confirm: 'tcc confirm',
  cancel: 'tcc cancel',
  action: 'saga action',
  compensate: 'saga compensate',
  notify: 'tcc notify',
  decide: 'tcc decide',
  finish: 'tcc finish',
  recover: 'tcc recover',
  complete: 'tcc complete',
} as const;

/** Attributes of spans. Never payloads, results, keys or secrets. */
export const spanAttributes = {
  gid: 'tcc.transaction.id',
  name: 'tcc.transaction.name',
  pattern: 'tcc.transaction.pattern',
  branchId: 'tcc.branch.id',
  participant: 'tcc.participant',
  op: 'tcc.op',
  attempt: 'tcc.attempt',
  reply: 'tcc.reply',
  decision: 'tcc.decision',
  reason: 'tcc.reason',
  status: 'tcc.status',
  resendCount: 'http.request.resend_count',
  httpStatus: 'http.response.status_code',
  errorType: 'error.type',
} as const;

/** Label values in place of names that must not become labels. */
export const ADDRESS_LABEL = '(address)';
export const OTHER_LABEL = '(other)';

export const logFields = {
  gid: 'the global transaction',
  trace_id: 'the trace id that its initiator sent; absent without one',
  pattern: 'its protocol, in the lines on its status',
  transaction_name: 'its name; absent without one',
  status: 'its new status',
  decision: 'confirm or cancel, in the line of the decision',
  reason: 'the reason of the decision',
  duration_ms:
    'from begin to end, in the line of the end; of an outage of the database, in the line that ends it',
  error_count: 'errors of the database whose lines were left out, in the line that ends an outage of it',
  branch_id:
    'the branch: parked, registered, completed, started as the pivot, or the one whose refusal decided to cancel',
  participant: 'its participant by name, or the origin of its address; or the participant of the callback',
  op: 'the op of the call or of the completion',
  reply: 'succeeded or refused, in the line of a completion',
  answer: 'its last answer, or why there was none; in the line of a circuit, of the call that opened it',
  address: 'the origin that the call went to which opened the circuit',
  base_urls: 'the addresses of the participant that was registered, separated by blanks',
  former_base_urls: 'its addresses before; absent where it is new',
  circuit: 'the state of the participant circuit breaker in this replica',
} as const;

/** What a log line may carry: nothing that has no meaning above. */
export type LogLine = { -readonly [Field in keyof typeof logFields]?: string | number };
