/**
 * How the coordinator of a world calls participants and bounds transactions: as a real one does with default settings, but for
 * what would keep a world from coming to its end. Budgets are minutes, and no circuit opens: a call that it holds back spends no
 * budget.
 */
import type { EngineSettings } from '../../../src/application/engine.ts';

/** What is absent is as for a coordinator without settings of its own. All durations are in milliseconds. */
export type WorldSettings = {
  /** How long one call of a participant may take; 5,000. */
  readonly callTimeoutMs?: number;
  /** Of calls without an answer that counts; 200, 30,000 and a budget of 60,000. */
  readonly retry?: Partial<Backoff>;
  /** Of calls that are answered 202 or 425; 500, 10,000 and a budget of 600,000. */
  readonly poll?: Partial<Backoff>;
  /** The longest Retry-After that is honoured; 300,000. */
  readonly maxRetryAfterMs?: number;
  /** The time to decide of a transaction that names none; 30,000. */
  readonly defaultTimeoutMs?: number;
  /** The longest time to decide that a transaction may name; 86,400,000. */
  readonly maxTimeoutMs?: number;
};

export type Backoff = {
  /** The longest delay before the second call; it doubles with each. */
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  /** After so long, and ten calls without an answer, the branch is parked. */
  readonly budgetMs: number;
};

const DAY_MS = 86_400_000;

const DEFAULTS = {
  callTimeoutMs: 5000,
  retry: { firstDelayMs: 200, maxDelayMs: 30_000, budgetMs: 60_000 },
  poll: { firstDelayMs: 500, maxDelayMs: 10_000, budgetMs: 600_000 },
  maxRetryAfterMs: 300_000,
  defaultTimeoutMs: 30_000,
  maxTimeoutMs: DAY_MS,
} as const;

/** @throws TypeError for a setting that is unknown, or no whole number from 1 on */
export function engineSettingsOf(given: WorldSettings): EngineSettings {
  checkSettings(given, DEFAULTS, 'settings');
  const { retry, poll, ...rest } = given;
  const { callTimeoutMs, maxRetryAfterMs, defaultTimeoutMs, maxTimeoutMs } = { ...DEFAULTS, ...rest };
  return {
    policy: {
      callTimeoutMs,
      maxRetryAfterMs,
      retry: { ...DEFAULTS.retry, ...retry },
      poll: { ...DEFAULTS.poll, ...poll },
    },
    maxPolicy: { callTimeoutMs: 60_000, retryDelayMs: 3_600_000, retryBudgetMs: 7 * DAY_MS },
    gate: { concurrency: 256, failureCount: Number.MAX_SAFE_INTEGER, firstOpenMs: 1000, maxOpenMs: 30_000 },
    defaultTimeoutMs,
    maxTimeoutMs,
    commitTimeoutMs: 5000,
    sweepIntervalMs: 1000,
    maxActiveTransactions: 10_000,
    retentionMs: 30 * DAY_MS,
    attentionAfterMs: 600_000,
  };
}

function checkSettings(given: object, known: object, path: string): void {
  const knownSettings = new Map<string, unknown>(Object.entries(known));
  for (const [name, value] of Object.entries(given)) {
    const standard = knownSettings.get(name);
    const place = `${path}.${name}`;
    if (standard === undefined)
      throw new TypeError(`${place} is no setting: there are ${[...knownSettings.keys()].join(', ')}`);
    if (isObject(standard)) {
      if (!isObject(value)) throw new TypeError(`${place} is to be an object, and is ${String(value)}`);
      checkSettings(value, standard, place);
    } else if (!Number.isSafeInteger(value) || Number(value) < 1)
      throw new TypeError(`${place} is to be a whole number from 1 on, and is ${String(value)}`);
  }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
