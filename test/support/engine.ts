/**
 * Builds engines for tests: in memory and in virtual time where a test gives no port of its own. Several engines are
 * replicas of one system when they are given the same store, registry and clock.
 */
import { MemoryParticipantRegistry } from '../../src/adapters/memory/participant-registry.ts';
import { MemoryTransactionStore } from '../../src/adapters/memory/transaction-store.ts';
import { InProcessWakeQueue } from '../../src/adapters/wake/in-process.ts';
import { createEngine, type Engine, type EngineSettings, type Ports } from '../../src/application/engine.ts';
import type {
  Chance,
  Log,
  Observer,
  HttpAnswer,
  ParticipantCall,
  ParticipantClient,
} from '../../src/application/ports.ts';
import { newGid, policy } from './saves.ts';
import { seededChance, VirtualClock } from './virtual-clock.ts';

export const noLog: Log = { error: () => {} };

export const noObserver: Observer = {
  saved: () => {},
  called: () => {},
  completed: () => {},
  circuitChanged: () => {},
  participantRecovered: () => {},
  resumed: () => {},
  participantRegistered: () => {},
  participantRemoved: () => {},
  committed: () => {},
  removed: () => {},
};

/** No jitter: pauses and delays have their least length. */
export const noChance: Chance = { draw: () => 0, newId: newGid };

/** Wakes that reach no one: a drive goes on by its own timers and by the sweep. */
export const noWakes: Ports['wakes'] = () => ({ wakeAt: () => {}, isUp: true, close: async () => {} });

/** Limits so wide that no test meets one by chance. */
export const engineSettings = (given: Partial<EngineSettings> = {}): EngineSettings => ({
  policy,
  maxPolicy: { callTimeoutMs: 60_000, retryDelayMs: 60_000, retryBudgetMs: 86_400_000 },
  gate: { concurrency: 1000, failureCount: 1000, firstOpenMs: 1000, maxOpenMs: 8000 },
  defaultTimeoutMs: 30_000,
  maxTimeoutMs: 600_000,
  commitTimeoutMs: 1000,
  sweepIntervalMs: 1000,
  maxActiveTransactions: 100_000,
  retentionMs: 3650 * 86_400_000,
  attentionAfterMs: 600_000,
  ...given,
});

/** Participants of these names, called through a port that never opens a connection. */
export function registryOf(...names: readonly string[]): MemoryParticipantRegistry {
  const registry = new MemoryParticipantRegistry();
  for (const name of names)
    void registry.put({ name, baseUrls: [`http://${name}.test`], paths: {}, callTimeoutMs: null });
  return registry;
}

/** An answer with this status; without one, no answer came. */
export const httpAnswer = (httpStatus: number | null, body?: string): HttpAnswer => ({
  httpStatus,
  answer: String(httpStatus),
  retryAfterMs: null,
  ...(body !== undefined && { body }),
});

/** A status or an answer; null where the call is never answered. */
type Answers = (call: ParticipantCall) => number | HttpAnswer | null;

/** Participants that answer as `answers` says, and the calls they have received. */
export function participantsThat(answers: Answers, calls: ParticipantCall[] = []): ParticipantClient {
  return {
    async call(call) {
      calls.push(call);
      const answer = answers(call);
      if (answer === null) return new Promise(() => {});
      return typeof answer === 'number' ? httpAnswer(answer) : answer;
    },
  };
}

/**
 * @param given.process the timers of the engine fire nothing once it is dead
 * @param given.clock where no `time` is given
 */
export type EngineParts = Partial<Ports> & {
  readonly clock?: VirtualClock;
  readonly process?: { isAlive: boolean };
  readonly settings?: Partial<EngineSettings>;
};

export function testEngine({ clock, process, settings, ...ports }: EngineParts = {}): Engine {
  const virtual = clock ?? new VirtualClock();
  const time = ports.time ?? (process ? virtual.timeFor(process) : virtual);
  const store = ports.store ?? new MemoryTransactionStore();
  const writer = ports.writer ?? (store instanceof MemoryTransactionStore ? store : null);
  if (writer === null) throw new Error('a store other than the memory store needs its writer');
  return createEngine(
    {
      store,
      writer,
      resumptions: (store instanceof MemoryTransactionStore ? store : new MemoryTransactionStore())
        .resumptions,
      registry: registryOf('inventory', 'payment'),
      participants: participantsThat(() => 200),
      wakes: (onWake) => new InProcessWakeQueue({ time, onWake }),
      time,
      chance: seededChance(1),
      log: noLog,
      observer: noObserver,
      ...ports,
    },
    engineSettings(settings),
  );
}
