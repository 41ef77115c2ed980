/**
 * The application put together from its ports: what `main.ts` runs on real adapters, and tests run on others.
 */
import type { CallPolicy } from '../domain/index.ts';
import { CallGate, type GateSettings } from './call-gate.ts';
import { ActiveTransactions } from './active-transactions.ts';
import { RememberedLimits } from './call-limits.ts';
import { Coordinator } from './coordinator.ts';
import { GroupCommit } from './group-commit.ts';
import { JOURNAL_VERSION } from './journal.ts';
import {
  type BatchWriter,
  type Chance,
  type Log,
  type Observer,
  type ParticipantClient,
  type ParticipantRegistry,
  type Resumptions,
  StoreUnavailable,
  type Time,
  type TransactionStore,
  type WakeQueue,
} from './ports.ts';
import { ProgressMemory } from './progress-memory.ts';
import { Recovery } from './recovery.ts';
import type { MaxPolicy } from './requests.ts';
import { Retention } from './retention.ts';
import { Sweep } from './sweep.ts';
import { MARGIN_MS } from './take-over.ts';
import { BaggageMemory } from './trace-context.ts';
import { NO_TRACER, type Tracer } from './tracing.ts';
import { Waiters } from './waiters.ts';
import { WakeDates } from './wake-dates.ts';

export type Ports = {
  readonly store: TransactionStore;
  readonly writer: BatchWriter;
  readonly resumptions: Resumptions;
  readonly registry: ParticipantRegistry;
  readonly participants: ParticipantClient;
  /** Makes the queue that calls `onWake` when a gid is to be looked at. */
  readonly wakes: (onWake: (gid: string) => void) => WakeQueue;
  readonly time: Time;
  readonly chance: Chance;
  readonly log: Log;
  readonly observer: Observer;
  /** No spans without it. */
  readonly tracer?: Tracer;
  /** The writer of this process's journal rows; a new id without it. */
  readonly writerId?: string;
  /** The version of the journal to write now; the newest without it. */
  readonly journalVersion?: () => number;
};

export type EngineSettings = {
  readonly policy: CallPolicy;
  readonly maxPolicy: MaxPolicy;
  readonly gate: GateSettings;
  readonly defaultTimeoutMs: number;
  readonly maxTimeoutMs: number;
  readonly commitTimeoutMs: number;
  readonly sweepIntervalMs: number;
  /** Transactions under way at once. */
  readonly maxActiveTransactions: number;
  /** How long finished transactions are kept. */
  readonly retentionMs: number;
  /** How long a success that must come is waited for before an operator is to look. */
  readonly attentionAfterMs: number;
};

/** `degraded`: requests are served, and the queue that wakes transactions sooner is not as it should be. */
export type Readiness = 'ready' | { readonly status: 'degraded'; readonly reason: string };

export type Engine = {
  readonly coordinator: Coordinator;
  readonly sweep: Sweep;
  readonly recovery: Recovery;
  readonly retention: Retention;
  /** Rejects while the store cannot be read or written. */
  checkReady(): Promise<Readiness>;
  /** False while the queue that wakes transactions is away. */
  isWakeQueueUp(): boolean;
  /** True once the database lacks commits that it acknowledged to this process, which then stops driving. */
  hasLostCommits(): boolean;
  /** Finishes what is under way, and begins nothing more. */
  stop(): Promise<void>;
};

export function createEngine(ports: Ports, settings: EngineSettings): Engine {
  const { store, writer, participants, time, chance, log, observer } = ports;
  const { tracer = NO_TRACER, writerId = chance.newId(), journalVersion = () => JOURNAL_VERSION } = ports;
  const baggage = new BaggageMemory();
  const { policy, maxPolicy, defaultTimeoutMs, maxTimeoutMs, commitTimeoutMs, sweepIntervalMs, retentionMs } =
    settings;
  const commit = new GroupCommit({ writer, time, chance, log, observer });
  const onRecovered = (participant: string) => recovery.note(participant);
  const registry = new RememberedLimits({ registry: ports.registry, time });
  const limitsOf = (participant: string) => registry.of(participant);
  const gate = new CallGate({ settings: settings.gate, time, chance, observer, onRecovered, limitsOf });
  const wakeDates = new WakeDates({ store, time, log });
  const waiters = new Waiters({ store, time });
  const wakes = ports.wakes((gid) => active.wake(gid));
  const active: ActiveTransactions = new ActiveTransactions({
    tools: {
      store,
      commit,
      wakeDates,
      progress: new ProgressMemory(),
      participants,
      gate,
      time,
      chance,
      log,
      observer,
      tracer,
      baggage,
      writer: writerId,
      journalVersion,
      commitTimeoutMs,
    },
    wakes,
    onFinished: (saved) => waiters.finished(saved),
    maxActiveTransactions: settings.maxActiveTransactions,
  });
  const coordinator = new Coordinator({
    active,
    store,
    registry,
    waiters,
    gate,
    observer,
    onRecovered,
    time,
    chance,
    tracer,
    baggage,
    journalVersion,
    policy,
    maxPolicy,
    defaultTimeoutMs,
    maxTimeoutMs,
    retentionMs,
    commitTimeoutMs,
    attentionAfterMs: settings.attentionAfterMs,
  });
  const againAfterMs = policy.callTimeoutMs + commitTimeoutMs;
  const sweep = new Sweep({ store, active, time, chance, log, everyMs: sweepIntervalMs, againAfterMs });
  const { resumptions } = ports;
  const carriedMs = againAfterMs + MARGIN_MS;
  const recovery: Recovery = new Recovery({
    resumptions,
    active,
    gate,
    time,
    chance,
    log,
    observer,
    carriedMs,
  });
  const hasLostCommits = () => commit.hasLostCommits;
  const retention = new Retention({ store, time, chance, log, observer, hasLostCommits, retentionMs });
  const stop = async () => {
    sweep.stop();
    recovery.stop();
    retention.stop();
    await active.stop();
    await wakeDates.flush();
    await wakes.close();
  };
  const checkReady = async (): Promise<Readiness> => {
    if (commit.stuck !== null) throw commit.stuck;
    if (commit.hasLostCommits) throw new StoreUnavailable('the database lost acknowledged commits');
    await store.check();
    if (wakes.isUp) return 'ready';
    return { status: 'degraded', reason: wakes.whyDown ?? 'The wake-up queue cannot be used' };
  };
  const isWakeQueueUp = () => wakes.isUp;
  return { coordinator, sweep, recovery, retention, checkReady, isWakeQueueUp, hasLostCommits, stop };
}
