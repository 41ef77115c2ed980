/** What every engine of the tests is given alike: nobody who looks on, and settings that a test changes where it must. */
import type { EngineSettings } from '../../src/application/engine.ts';
import type { Log, Observer } from '../../src/application/ports.ts';
import { policy } from './saves.ts';

export const noLog: Log = { error: () => {} };

export const noObserver: Observer = {
  saved: () => {},
  called: () => {},
  circuitChanged: () => {},
  participantRegistered: () => {},
  committed: () => {},
  removed: () => {},
};

/** Limits so wide that no test meets one by chance. */
export const engineSettings = (given: Partial<EngineSettings> = {}): EngineSettings => ({
  policy,
  maxPolicy: { callTimeoutMs: 60_000, retryDelayMs: 60_000, retryBudget: 100 },
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
