/**
 * The metrics of the catalogue, counted as things happen and told in Prometheus' text format.
 *
 * What one replica does is counted as an `Observer`. What is true of the whole database is asked of the store when
 * somebody scrapes; while the store fails it is left out, since 0 would be a lie, and the rest is told all the same.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { CircuitState, Observer, Time, TransactionStore, Unfinished } from '../application/ports.ts';
import type { GlobalTransaction, Instant, Op, Reply, Status } from '../domain/index.ts';
import { type Metric, metrics } from './catalogue.ts';
import { ParticipantLabels } from './participant-labels.ts';
import { UnfinishedReader } from './unfinished-reader.ts';

export type Scrape = { readonly contentType: string; readonly text: string };

const CIRCUIT_NUMBERS: Readonly<Record<CircuitState, number>> = { closed: 0, 'half-open': 1, open: 2 };

export class Metrics implements Observer {
  readonly #registry = new Registry();
  readonly #reader: UnfinishedReader;
  readonly #time: Time;
  readonly #isWakeQueueUp: () => boolean;
  readonly #droppedSpanCount: () => Promise<number>;
  readonly #labels = new ParticipantLabels();
  /** As many as the gate remembers, which forgets a participant only after closing its circuit. */
  readonly #unclosed = new Map<string, CircuitState>();
  readonly #statusesSeen = new Set<Status>();

  readonly #started = counter(metrics.started, this.#registry);
  readonly #finished = counter(metrics.finished, this.#registry);
  readonly #duration = histogram(metrics.duration, this.#registry);
  readonly #removed = counter(metrics.removed, this.#registry);
  readonly #callAttempts = counter(metrics.callAttempts, this.#registry);
  readonly #callDuration = histogram(metrics.callDuration, this.#registry);
  readonly #circuitState = gauge(metrics.circuitState, this.#registry);
  readonly #commitBatchSize = histogram(metrics.commitBatchSize, this.#registry);
  readonly #wakeQueueUp = gauge(metrics.wakeQueueUp, this.#registry);
  readonly #alertPosts = counter(metrics.alertPosts, this.#registry);
  readonly #spansDropped = counter(metrics.spansDropped, this.#registry);
  readonly #inFlight = gauge(metrics.inFlight, this.#registry);
  readonly #parked = gauge(metrics.parked, this.#registry);
  readonly #needingAttention = gauge(metrics.needingAttention, this.#registry);
  readonly #oldestUnfinished = gauge(metrics.oldestUnfinished, this.#registry);
  readonly #wakeLag = gauge(metrics.wakeLag, this.#registry);

  // Labels are looked up once; from then on counting is a few map look-ups.
  readonly #ended = remembered((outcome: Status) => ({
    count: this.#finished.labels(outcome),
    duration: this.#duration.labels(outcome),
  }));
  readonly #callsOf = remembered((participant: string) => ({
    attempts: remembered((op: Op) =>
      remembered((reply: Reply) => this.#callAttempts.labels(participant, op, reply)),
    ),
    duration: remembered((op: Op) => this.#callDuration.labels(participant, op)),
  }));

  constructor(given: {
    store: Pick<TransactionStore, 'countUnfinished'>;
    time: Time;
    attentionAfterMs: number;
    isWakeQueueUp: () => boolean;
    droppedSpanCount: () => Promise<number>;
  }) {
    this.#reader = new UnfinishedReader(given);
    this.#time = given.time;
    this.#isWakeQueueUp = given.isWakeQueueUp;
    this.#droppedSpanCount = given.droppedSpanCount;
    collectDefaultMetrics({ register: this.#registry });
  }

  // ── Counting ─────────────────────────────────────────────────────────────────────────────────────────────

  saved(before: GlobalTransaction | null, after: GlobalTransaction): void {
    if (before === null) this.#started.inc();
    if (after.finishedAt === null || (before !== null && before.finishedAt !== null)) return;
    const ended = this.#ended(after.status);
    ended.count.inc();
    ended.duration.observe(secondsBetween(after.beganAt, after.finishedAt));
  }

  called({ participant, op, reply, durationMs }: Parameters<Observer['called']>[0]): void {
    const calls = this.#callsOf(this.#labels.of(participant));
    calls.attempts(op)(reply).inc();
    calls.duration(op).observe(durationMs / 1000);
  }

  circuitChanged(participant: string, state: CircuitState): void {
    if (state === 'closed') this.#unclosed.delete(participant);
    else this.#unclosed.set(participant, state);
    this.#tellCircuit(this.#labels.of(participant));
  }

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

  async scrape(): Promise<Scrape> {
    this.#wakeQueueUp.set(this.#isWakeQueueUp() ? 1 : 0);
    const [unfinished, droppedCount] = await Promise.all([this.#reader.read(), this.#droppedSpanCount()]);
    this.#spansDropped.reset();
    this.#spansDropped.inc(droppedCount);
    if (unfinished === null) this.#forgetUnfinished();
    else this.#tellUnfinished(unfinished, this.#time.now().earliest);
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  #tellUnfinished(unfinished: Unfinished, now: Instant): void {
    const { countByStatus, parkedCount, attentionCount, oldestBeganAt, oldestWakeAt } = unfinished;
    for (const status of Object.keys(countByStatus) as Status[]) this.#statusesSeen.add(status);
    for (const status of this.#statusesSeen) this.#inFlight.labels(status).set(countByStatus[status] ?? 0);
    this.#parked.set(parkedCount);
    this.#needingAttention.set(attentionCount);
    this.#oldestUnfinished.set(secondsBetween(oldestBeganAt ?? now, now));
    this.#wakeLag.set(secondsBetween(oldestWakeAt ?? now, now));
  }

  #forgetUnfinished(): void {
    this.#inFlight.reset();
    for (const unlabelled of [this.#parked, this.#needingAttention, this.#oldestUnfinished, this.#wakeLag])
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

const configuration = ({ name, help, labels }: Metric, registry: Registry) => ({
  ...{ name, help },
  labelNames: labels,
  registers: [registry],
});

const counter = (metric: Metric, registry: Registry): Counter => new Counter(configuration(metric, registry));

const gauge = (metric: Metric, registry: Registry): Gauge => new Gauge(configuration(metric, registry));

const histogram = (metric: Metric, registry: Registry): Histogram =>
  new Histogram({ ...configuration(metric, registry), buckets: [...(metric.buckets ?? [])] });
