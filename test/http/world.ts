/**
 * The HTTP shell over a real coordinator with the memory adapters: participants answer as the test says, and time
 * passes only when the test lets it.
 */
import type { FastifyBaseLogger } from 'fastify';
import { MemoryTransactionStore } from '../../src/adapters/memory/transaction-store.ts';
import { whyNeverCalled } from '../../src/adapters/participant/forbidden-addresses.ts';
import { systemChance } from '../../src/adapters/system.ts';
import { InProcessWakeQueue } from '../../src/adapters/wake/in-process.ts';
import { JOURNAL_VERSION } from '../../src/application/journal.ts';
import type { EngineSettings } from '../../src/application/engine.ts';
import type {
  BatchOutcome,
  Loaded,
  ParticipantCall,
  ParticipantClient,
  Save,
} from '../../src/application/ports.ts';
import { MAX_RESULT_BYTES } from '../../src/application/results.ts';
import { buildApp } from '../../src/http/app.ts';
import { ApiTokens } from '../../src/http/plugins/api-tokens.ts';
import { noObserver, registryOf, testEngine } from '../support/engine.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** The memory store, which counts what is written and fails when it is told to. */
export class WatchedStore extends MemoryTransactionStore {
  batchCount = 0;
  failure: Error | null = null;

  override async writeBatch(saves: readonly Save[]): Promise<BatchOutcome> {
    if (this.failure) return { outcome: 'rejected', because: 'row', error: this.failure };
    this.batchCount += 1;
    return super.writeBatch(saves);
  }

  override async load(gid: string): Promise<Loaded | null> {
    if (this.failure) throw this.failure;
    return super.load(gid);
  }

  override async check(): Promise<void> {
    if (this.failure) throw this.failure;
  }
}

export const DAY_MS = 86_400_000;
export const RETENTION_MS = 30 * DAY_MS;

/** An HTTP status, with a result or without; or null for a call that nobody answers until the test ends. */
type Answers = (
  call: ParticipantCall,
) => number | { readonly status: number; readonly body: string; readonly errorBody?: string } | null;

export type World = Awaited<ReturnType<typeof openWorld>>;

/** Its participants are `inventory` and `payment`; they answer 200 unless told otherwise. */
export async function openWorld({
  logger,
  settings = {},
  apiTokens = [],
  hostNames = null,
  tls = null,
}: {
  logger?: FastifyBaseLogger;
  settings?: Partial<EngineSettings>;
  apiTokens?: readonly string[];
  hostNames?: readonly string[] | null;
  tls?: { readonly cert: string; readonly key: string } | null;
} = {}) {
  const store = new WatchedStore();
  const registry = registryOf('inventory', 'payment');
  const time = new VirtualClock();
  const calls: ParticipantCall[] = [];
  const removedCounts: number[] = [];
  const told: { answers: Answers; isUp: boolean; drains: boolean; version: number } = {
    answers: () => 200,
    isUp: true,
    drains: false,
    version: JOURNAL_VERSION,
  };
  const participants: ParticipantClient = {
    async call(call) {
      calls.push(call);
      const answer = told.answers(call);
      if (answer === null) return new Promise(() => {});
      const { status, body, ...more } = typeof answer === 'number' ? { status: answer, body: '' } : answer;
      // As over HTTP: what is not wanted, or too long, is not kept.
      const isKept = call.isResultWanted && Buffer.byteLength(body) <= MAX_RESULT_BYTES;
      return {
        httpStatus: status,
        answer: String(status),
        retryAfterMs: null,
        ...more,
        ...(isKept && { body }),
      };
    },
  };
  const backoff = { firstDelayMs: 100, maxDelayMs: 1000, budgetMs: 1000 };
  const { coordinator, retention, checkReady } = testEngine({
    store,
    registry,
    participants,
    time,
    chance: systemChance,
    wakes: (onWake) =>
      Object.defineProperties(new InProcessWakeQueue({ time, onWake }), {
        isUp: { get: () => told.isUp },
        whyDown: { value: 'Redis is full (OOM)' },
      }),
    journalVersion: () => told.version,
    observer: { ...noObserver, removed: (count) => removedCounts.push(count) },
    settings: {
      policy: { callTimeoutMs: 1000, retry: backoff, poll: backoff, maxRetryAfterMs: 1000 },
      retentionMs: RETENTION_MS,
      ...settings,
    },
  });
  const app = await buildApp({
    coordinator,
    checkReady,
    isDraining: () => told.drains,
    apiTokens: new ApiTokens(apiTokens),
    hostNames,
    tls,
    maxCallTimeoutMs: 60_000,
    participantConcurrency: 256,
    whyNeverCalled,
    metrics: async () => ({ contentType: 'text/plain', text: '' }),
    ...(logger && { logger }),
  });
  await app.ready();

  return {
    app,
    store,
    retention,
    /** How many transactions each removal took. */
    removedCounts,
    registry,
    time,
    calls,
    answer(answers: Answers) {
      told.answers = answers;
    },
    /** Whether the queue that wakes transactions is there. */
    wakesAreWhole(isUp: boolean) {
      told.isUp = isUp;
    },
    /** The version of the journal that all replicas read. */
    journalVersionIs(version: number) {
      told.version = version;
    },
    /** Whether the process stops and still serves requests. */
    drains(drains: boolean) {
      told.drains = drains;
    },
    async send(
      method: 'GET' | 'POST' | 'PUT' | 'DELETE',
      url: string,
      body?: unknown,
      headers: Record<string, string> = {},
    ) {
      const isRaw = typeof body === 'string' || Buffer.isBuffer(body) || body === undefined;
      return app.inject({
        method,
        url,
        headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
        ...(body !== undefined && { payload: isRaw ? body : JSON.stringify(body) }),
      });
    },
    close: () => app.close(),
  };
}

export const branch = (branchId: string, more: object = {}) => ({
  branchId,
  participant: 'inventory',
  activity: 'reserve',
  ...more,
});

/** Made when the clock of the world begins. */
export const GID = '019b76da-a800-7d40-9f3a-5e2b8c1d4f60';

/** A gid that was made at that moment. */
export function gidAt(at: number): string {
  const hex = at.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7d40-9f3a-5e2b8c1d4f60`;
}
