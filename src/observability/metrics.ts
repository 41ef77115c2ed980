/**
 * The metrics of the catalogue, counted as things happen. `metrics-formats.ts` writes them, `exemplars.ts` adds trace ids.
 *
 * What one replica does is counted as an `Observer`. What is true of the whole database is asked of the store when
 * somebody scrapes; while the store fails it is left out, since 0 would be a lie, and the rest is told all the same.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram } from 'prom-client';
import type {
  CircuitState,
  CompletedCall,
  Observer,
  Time,
  TransactionStore,
  Unfinished,
} from '../application/ports.ts';
import { JOURNAL_VERSION } from '../application/journal.ts';
import type { GlobalTransaction, Instant, Op, Reply, Status } from '../domain/index.ts';
import { type Metric, metrics } from './catalogue.ts';
import { countOf, observationOf, sampledTraceIdOf } from './exemplars.ts';
import {
  MetricsFormats,
  type OpenMetricsRegistry,
  openMetricsRegistry,
  type Scrape,
} from './metrics-formats.ts';
import { ParticipantLabels } from './participant-labels.ts';
import { UnfinishedReader } from './unfinished-reader.ts';

/** Label values of `tercet_build_info`. */
export type Build = {
  readonly version: string;
  readonly node_version: string;
  readonly journal_version: string;
};

export const buildOf = (version: string): Build => ({
  version,
  node_version: process.version,
  journal_version: String(JOURNAL_VERSION),
});

const CIRCUIT_NUMBERS: Readonly<Record<CircuitState, number>> = { closed: 0, 'half-open': 1, open: 2 };

export class Metrics implements Observer {
  readonly #registry = openMetricsRegistry();
  readonly #formats: MetricsFormats;
  readonly #reader: UnfinishedReader;
  readonly #time: Time;
  readonly #isTracing: boolean;
  readonly #isWakeQueueUp: () => boolean;
  readonly #hasLostCommits: () => boolean;
  readonly #droppedSpanCount: () => Promise<number>;
  readonly #labels = new ParticipantLabels();
  /** As many as the gate remembers, which forgets a participant only after closing its circuit. */
  readonly #unclosed = new Map<string, CircuitState>();
  readonly #statusesSeen = new Set<Status>();

  readonly #started = counter(metrics.started, this.#registry);
  readonly #finished = counter(metrics.finished, this.#registry);
  readonly #duration = histogram(metrics.duration, this.#registry);
  readonly #decisionToEnd = histogram(metrics.decisionToEnd, this.#registry);
  readonly #removed = counter(metrics.removed, this.#registry);
  readonly #resumed = counter(metrics.resumed, this.#registry);
  readonly #callAttempts = counter(metrics.callAttempts, this.#registry);
  readonly #callDuration = histogram(metrics.callDuration, this.#registry);
  readonly #completions = counter(metrics.completions, this.#registry);
  readonly #circuitState = gauge(metrics.circuitState, this.#registry);
  readonly #commitBatchSize = histogram(metrics.commitBatchSize, this.#registry);
  readonly #lostCommits = gauge(metrics.lostCommits, this.#registry);
  readonly #wakeQueueUp = gauge(metrics.wakeQueueUp, this.#registry);
  readonly #alertPosts = counter(metrics.alertPosts, this.#registry);
  readonly #spansDropped = counter(metrics.spansDropped, this.#registry);
  readonly #inFlight = gauge(metrics.inFlight, this.#registry);
  readonly #parked = gauge(metrics.parked, this.#registry);
  readonly #needingAttention = gauge(metrics.needingAttention, this.#registry);
  readonly #quarantined = gauge(metrics.quarantined, this.#registry);
  readonly #oldestUnfinished = gauge(metrics.oldestUnfinished, this.#registry);
  readonly #wakeLag = gauge(metrics.wakeLag, this.#registry);

  // Labels are looked up once; from then on counting is a few map look-ups.
  readonly #ended = remembered((outcome: Status) => ({
    count: countOf(this.#finished, { outcome }),
    duration: observationOf(this.#duration, { outcome }),
    decisionToEnd: observationOf(this.#decisionToEnd, { outcome }),
  }));
  readonly #callsOf = remembered((participant: string) => {
    // Alerts compare these two from the first call on: a circuit that has not opened, and successes that have not come.
    this.#tellCircuit(participant);
    this.#resumed.inc({ participant }, 0);
    return {
      attempts: remembered((op: Op) => {
        this.#callAttempts.inc({ labels: { participant, op, reply: 'succeeded' }, value: 0 });
        return remembered((reply: Reply) => countOf(this.#callAttempts, { participant, op, reply }));
      }),
      duration: remembered((op: Op) => observationOf(this.#callDuration, { participant, op })),
    };
  });

  constructor(given: {
    store: Pick<TransactionStore, 'countUnfinished'>;
    time: Time;
    attentionAfterMs: number;
    isWakeQueueUp: () => boolean;
    hasLostCommits: () => boolean;
    droppedSpanCount: () => Promise<number>;
    /** Without tracing, a stored trace is the initiator's own and may exist nowhere: no exemplars. */
    isTracing: boolean;
    build: Build;
  }) {
    this.#reader = new UnfinishedReader(given);
    this.#time = given.time;
    this.#isTracing = given.isTracing;
    this.#isWakeQueueUp = given.isWakeQueueUp;
    this.#hasLostCommits = given.hasLostCommits;
    this.#droppedSpanCount = given.droppedSpanCount;
    gauge(metrics.build, this.#registry).set(given.build, 1);
    collectDefaultMetrics({ register: this.#registry });
    this.#formats = new MetricsFormats(this.#registry);
  }

  // ── Counting ─────────────────────────────────────────────────────────────────────────────────────────────

  saved(before: GlobalTransaction | null, after: GlobalTransaction): void {
    if (before === null) this.#started.inc();
    if (after.finishedAt === null || (before !== null && before.finishedAt !== null)) return;
    const { beganAt, decision, finishedAt } = after;
    const ended = this.#ended(after.status);
    const traceId = this.#isTracing ? sampledTraceIdOf(after) : null;
    ended.count(traceId);
    ended.duration(secondsBetween(beganAt, finishedAt), traceId);
    if (decision !== null) ended.decisionToEnd(secondsBetween(decision.at, finishedAt), traceId);
  }

  called({ participant, op, reply, durationMs, sampledTraceId }: Parameters<Observer['called']>[0]): void {
    const calls = this.#callsOf(this.#labels.of(participant));
    calls.attempts(op)(reply)(sampledTraceId);
    calls.duration(op)(durationMs / 1000, sampledTraceId);
  }

  /** Rare: its labels are not remembered. */
  completed(tx: GlobalTransaction, { branchId, op, reply }: CompletedCall): void {
    const branch = tx.branches.find((one) => one.branchId === branchId);
    const participant = this.#labels.of(branch?.participant ?? '');
    this.#completions.inc({ participant, op, reply });
  }

  circuitChanged(participant: string, state: CircuitState): void {
    if (state === 'closed') this.#unclosed.delete(participant);
    else this.#unclosed.set(participant, state);
    this.#tellCircuit(this.#labels.of(participant));
  }

  /** Rare, and in the log. */
  participantRecovered(): void {}

  resumed(participant: string, count: number): void {
    this.#resumed.inc({ participant: this.#labels.of(participant) }, count);
  }

  /** Rare, and in the log. */
  participantRegistered(): void {}

  participantRemoved(): void {}

  committed(saveCount: number): void {
    this.#commitBatchSize.observe(saveCount);
  }

  removed(count: number): void {
    this.#removed.inc(count);
  }

  alertPosted(outcome: 'accepted' | 'failed'): void {
    this.#alertPosts.labels(outcome).inc();
  }

  /** One that is well does not hide another that is not, where several share a label. */
  #tellCircuit(label: string): void {
    let worst = CIRCUIT_NUMBERS.closed;
    for (const [participant, state] of this.#unclosed)
      if (this.#labels.of(participant) === label) worst = Math.max(worst, CIRCUIT_NUMBERS[state]);
    this.#circuitState.labels(label).set(worst);
  }

  // ── Telling ──────────────────────────────────────────────────────────────────────────────────────────────

  /** @param accept the Accept header of the scraper */
  async scrape(accept?: string): Promise<Scrape> {
    this.#lostCommits.set(this.#hasLostCommits() ? 1 : 0);
    this.#wakeQueueUp.set(this.#isWakeQueueUp() ? 1 : 0);
    const [unfinished, droppedCount] = await Promise.all([this.#reader.read(), this.#droppedSpanCount()]);
    this.#spansDropped.reset();
    this.#spansDropped.inc(droppedCount);
    if (unfinished === null) this.#forgetUnfinished();
    else this.#tellUnfinished(unfinished, this.#time.now().earliest);
    return this.#formats.scrape(accept);
  }

  #tellUnfinished(unfinished: Unfinished, now: Instant): void {
    const { countByStatus, parkedCount, attentionCount, quarantinedCount, oldestBeganAt, oldestWakeAt } =
      unfinished;
    for (const status of Object.keys(countByStatus) as Status[]) this.#statusesSeen.add(status);
    for (const status of this.#statusesSeen) this.#inFlight.labels(status).set(countByStatus[status] ?? 0);
    this.#parked.set(parkedCount);
    this.#needingAttention.set(attentionCount);
    this.#quarantined.set(quarantinedCount);
    this.#oldestUnfinished.set(secondsBetween(oldestBeganAt ?? now, now));
    this.#wakeLag.set(secondsBetween(oldestWakeAt ?? now, now));
  }

  #forgetUnfinished(): void {
    this.#inFlight.reset();
    for (const unlabelled of [
      this.#parked,
      this.#needingAttention,
      this.#quarantined,
      this.#oldestUnfinished,
      this.#wakeLag,
    ])
      unlabelled.remove();
  }
}

/** Two clocks may disagree; no time passes backwards. */
const secondsBetween = (from: Instant, to: Instant): number => Math.max(0, to - from) / 1000;

function remembered<Key, Value>(make: (key: Key) => Value): (key: Key) => Value {
  const made = new Map<Key, Value>();
  return (key) => {
    let value = made.get(key);
    if (value === undefined) {
      value = make(key);
      made.set(key, value);
    }
    return value;
  };
}

const configuration = (
  { name, help, labels, hasExemplars = false }: Metric,
  registry: OpenMetricsRegistry,
) => ({
  name,
  help,
  enableExemplars: hasExemplars,
  labelNames: labels,
  registers: [registry],
});

const counter = (metric: Metric, registry: OpenMetricsRegistry): Counter =>
  new Counter(configuration(metric, registry));

const gauge = (metric: Metric, registry: OpenMetricsRegistry): Gauge =>
  new Gauge(configuration(metric, registry));

const histogram = (metric: Metric, registry: OpenMetricsRegistry): Histogram =>
  new Histogram({ ...configuration(metric, registry), buckets: [...(metric.buckets ?? [])] });
