/**
 * An initiator, a coordinator and participants that speak HTTP with each other. The coordinator's clock stands
 * still until it is moved, and so does the initiator's, but for its short waits. What is lost on the way to the
 * coordinator, the test says.
 */
import { setImmediate } from 'node:timers/promises';
import { Tercet, type TercetOptions } from '@tercet/sdk';
import { MemoryParticipantRegistry } from '../../../src/adapters/memory/participant-registry.ts';
import { MemoryTransactionStore } from '../../../src/adapters/memory/transaction-store.ts';
import { whyNeverCalled } from '../../../src/adapters/participant/forbidden-addresses.ts';
import { HttpParticipantClient } from '../../../src/adapters/participant/http-client.ts';
import { systemChance } from '../../../src/adapters/system.ts';
import { buildApp } from '../../../src/http/app.ts';
import { ApiTokens } from '../../../src/http/plugins/api-tokens.ts';
import { testEngine } from '../../support/engine.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { ManualTiming } from './manual-timing.ts';
import { inventory, openShop, payment } from './shop.ts';
import { until } from '../../support/until.ts';

/** What becomes of a request of the initiator to the coordinator. */
export type Fate = 'passes' | 'request_lost' | 'answer_lost';
/** @param count 1 for the first request of this method and path */
export type Fates = (request: string, count: number) => Fate;

export type World = Awaited<ReturnType<typeof openWorld>>;

const contracts = [inventory, payment] as const;
type Options = Partial<TercetOptions<typeof contracts>>;

type WorldOptions = {
  readonly apiTokens?: readonly string[];
  /** Zero: ten calls without an answer, one directly after the other, and the branch is parked. */
  readonly retryBudgetMs?: number;
};

export async function openWorld({ apiTokens = [], retryBudgetMs = 0 }: WorldOptions = {}) {
  const shop = await openShop();
  const store = new MemoryTransactionStore();
  const registry = new MemoryParticipantRegistry();
  const time = new VirtualClock();
  const participants = new HttpParticipantClient({ registry, ca: null, maxIdleConnections: 100 });
  const backoff = { firstDelayMs: 100, maxDelayMs: 1000, budgetMs: retryBudgetMs };
  const retry = retryBudgetMs === 0 ? { ...backoff, firstDelayMs: 0, maxDelayMs: 0 } : backoff;
  const engine = testEngine({
    store,
    registry,
    participants,
    time,
    chance: systemChance,
    settings: {
      policy: { callTimeoutMs: 5000, retry, poll: backoff, maxRetryAfterMs: 1000 },
      retentionMs: 30 * 86_400_000,
    },
  });
  const app = await buildApp({
    coordinator: engine.coordinator,
    checkReady: engine.checkReady,
    apiTokens: new ApiTokens(apiTokens),
    whyNeverCalled,
    maxCallTimeoutMs: 60_000,
    participantConcurrency: 256,
    metrics: async () => ({ contentType: 'text/plain', text: '' }),
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  for (const name of ['inventory', 'payment'])
    await registry.put({ name, baseUrls: [`${shop.url}/${name}`], paths: {}, callTimeoutMs: null });

  const timing = new ManualTiming();
  const requests: string[] = [];
  const told: { fates: Fates } = { fates: () => 'passes' };

  /** The network between the initiator and everyone else. */
  const network: typeof fetch = async (input, init) => {
    const address = new URL(String(input));
    if (address.origin === shop.url) return fetch(input, init);
    const request = `${init?.method} ${address.pathname.replace(/[0-9a-f-]{36}/, ':gid')}`;
    requests.push(request);
    const fate = told.fates(request, requests.filter((one) => one === request).length);
    if (fate === 'request_lost')
      throw new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') });
    timing.outstandingCount += 1;
    const response = await fetch(input, init).finally(() => {
      timing.outstandingCount -= 1;
    });
    if (fate === 'passes') return response;
    await response.arrayBuffer();
    throw new TypeError('fetch failed', { cause: new Error('read ECONNRESET') });
  };

  return {
    shop,
    store,
    registry,
    time,
    timing,
    url,
    app,
    /** What the initiator asked of the coordinator: `POST /v1/transactions/:gid/confirm`. */
    requests,
    onTheWay(fates: Fates) {
      told.fates = fates;
    },
    initiator: (options: Options = {}) =>
      new Tercet({ urls: url, contracts, fetch: network, timing, ...options }),
    network,
    /** The coordinator's own word on a transaction. */
    async truth(gid: string) {
      return (await engine.coordinator.find(gid))?.tx ?? null;
    },
    /** Waits for what the coordinator does by itself. */
    async until(isSo: () => Promise<boolean>) {
      await until(`${isSo}`, isSo);
    },
    /** Lets the coordinator's time pass until it has done what it does at its deadlines. */
    async passUntil(isSo: () => Promise<boolean>) {
      while (!(await isSo())) {
        time.pass(1000);
        await setImmediate();
      }
    },
    async close() {
      await shop.close();
      // Also connections over which a request that was given up was never sent.
      app.server.closeAllConnections();
      await app.close();
      await engine.stop();
      await participants.close();
    },
  };
}

/** An address at which nobody answers. */
export const NOBODY = 'http://127.0.0.1:9';

/** What a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it did not reject');
}

export const tea = { item: 'tea', quantity: 2 };
export const money = { account: 'ada', cents: 900 };
