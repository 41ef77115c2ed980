/**
 * The application put together from its ports: what `main.ts` runs on real adapters, and tests run on others.
 */
import type { CallPolicy } from '../domain/index.ts';
import { CarryOut } from './carry-out.ts';
import { Coordinator } from './coordinator.ts';
import { GroupCommit } from './group-commit.ts';
import {
  type BatchWriter,
  type Chance,
  type Log,
  type ParticipantClient,
  type ParticipantRegistry,
  StoreUnavailable,
  type Time,
  type TransactionStore,
  type WakeQueue,
} from './ports.ts';
import { Sweep } from './sweep.ts';
import { Waiters } from './waiters.ts';

export type Ports = {
  readonly store: TransactionStore;
  readonly writer: BatchWriter;
  readonly registry: ParticipantRegistry;
  readonly participants: ParticipantClient;
  /** Makes the queue that calls `onWake` when a gid is to be looked at. */
  readonly wakes: (onWake: (gid: string) => void) => WakeQueue;
  readonly time: Time;
  readonly chance: Chance;
  readonly log: Log;
};

export type EngineSettings = {
  readonly policy: CallPolicy;
  readonly defaultTimeoutMs: number;
  readonly maxTimeoutMs: number;
  readonly commitTimeoutMs: number;
  readonly sweepIntervalMs: number;
};

export type Engine = {
  readonly coordinator: Coordinator;
  readonly sweep: Sweep;
  /** Rejects while the store cannot be read or written. */
  checkReady(): Promise<void>;
  /** Finishes what is under way, and begins nothing more. */
  stop(): Promise<void>;
};

export function createEngine(ports: Ports, settings: EngineSettings): Engine {
  const { store, writer, registry, participants, time, chance, log } = ports;
  const { policy, defaultTimeoutMs, maxTimeoutMs, commitTimeoutMs, sweepIntervalMs } = settings;
  const commit = new GroupCommit({ writer, time, chance, log });
  const waiters = new Waiters({ store, time });
  const carryOut: CarryOut = new CarryOut({
    tools: { store, commit, participants, time, chance, log, writer: chance.newId(), commitTimeoutMs },
    wakes: ports.wakes((gid) => carryOut.wake(gid)),
    onFinished: (saved) => waiters.finished(saved),
  });
  const coordinator = new Coordinator({
    ...{ carryOut, store, registry, waiters, chance },
    ...{ policy, defaultTimeoutMs, maxTimeoutMs },
  });
  const againAfterMs = policy.callTimeoutMs + commitTimeoutMs;
  const sweep = new Sweep({ store, carryOut, time, chance, log, everyMs: sweepIntervalMs, againAfterMs });
  const stop = () => {
    sweep.stop();
    return carryOut.stop();
  };
  const checkReady = async () => {
    if (commit.isStuck) throw new StoreUnavailable('a commit has been unanswered for seconds');
    await store.check();
  };
  return { coordinator, sweep, checkReady, stop };
}
