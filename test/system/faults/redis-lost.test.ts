/**
 * The coordinator as it runs in production, whose Redis comes and goes: it begins, decides and finishes all the while,
 * and says of itself how it stands. MySQL is the truth; Redis only wakes sooner (I16).
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { TransactionView } from '@tercet/sdk/wire';
import { Redis } from 'ioredis';
import type { RunningServer } from '../../../scripts/servers/run.ts';
import { migrate, openDataSource } from '../../../src/adapters/sql/data-source.ts';
import { CoordinatorProcess } from '../../support/coordinator-process.ts';
import { MARKS } from '../../support/marks.ts';
import { describeOn, describeOwn } from '../../support/servers.ts';
import { until } from '../../support/until.ts';

/** Longer than a drive keeps a transaction in hand: it is let go, and a wake is armed. */
const RETRY_AFTER_SECONDS = 4;
/** Bounds a hang. */
const LIMIT_MS = 600_000;

await describeOwn('redis', 'a coordinator whose Redis comes and goes', (startRedis) => {
  describeOn(['mysql'], 'on a database of its own', (server) => {
    let redis: RunningServer;
    let coordinator: CoordinatorProcess;
    let participant: Server;
    /** The transactions whose first confirm was put off. */
    const putOff = new Set<string>();

    beforeAll(async () => {
      participant = createServer((request, response) => {
        const gid = String(request.headers['tcc-transaction-id']);
        const isFirst = request.headers['tcc-op'] === 'confirm' && !putOff.has(gid);
        if (isFirst) putOff.add(gid);
        request.resume();
        response
          .writeHead(isFirst ? 503 : 200, isFirst ? { 'retry-after': String(RETRY_AFTER_SECONDS) } : {})
          .end();
      });
      await new Promise<void>((resolve) => participant.listen(0, '127.0.0.1', resolve));
      const databaseUrl = await server.createDatabase();
      const dataSource = await openDataSource(databaseUrl);
      await migrate(dataSource);
      await dataSource.destroy();
      redis = await startRedis();
      await redis.kill();
      coordinator = new CoordinatorProcess({
        TERCET_PORT: '0',
        TERCET_DATABASE_URL: databaseUrl,
        TERCET_REDIS_URL: redis.url,
        TERCET_CALL_TIMEOUT_MS: '1000',
        TERCET_COMMIT_TIMEOUT_MS: '1000',
        TERCET_SWEEP_INTERVAL_MS: '300',
      });
      await coordinator.start();
      const { port } = participant.address() as AddressInfo;
      await ask('PUT', '/v1/participants/stock', { baseUrl: `http://127.0.0.1:${port}` });
    }, LIMIT_MS);
    afterAll(async () => {
      await coordinator.remove();
      await redis.stop();
      await new Promise((resolve) => participant.close(resolve));
    });

    const ask = async (method: string, path: string, body?: object) => {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(coordinator.url + path, {
        method,
        headers,
        ...(body && { body: JSON.stringify(body) }),
      });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    };

    async function begin(): Promise<string> {
      const branches = [
        { branchId: 'b', participant: 'stock', activity: 'reserve', payload: { card: MARKS.payload } },
      ];
      const { status, body } = await ask('POST', '/v1/transactions', { branches, timeoutMs: 600_000 });
      expect(status).toBe(202);
      return String(body.gid);
    }

    const begun = (count: number) => Promise.all(Array.from({ length: count }, begin));

    async function allConfirmed(gids: readonly string[]): Promise<void> {
      for (const gid of gids) {
        const read = async () => (await ask('GET', `/v1/transactions/${gid}`)).body as TransactionView;
        await until('it has ended', async () => (await read()).finishedAt !== null);
        const view = await read();
        expect(view.status).toBe('confirmed');
        // The first was put off; on a slow machine another may have timed out.
        expect(view.branches[0]?.confirm?.attemptCount).toBeGreaterThanOrEqual(2);
      }
    }

    async function readiness(wanted: string): Promise<Record<string, unknown>> {
      let answer: Awaited<ReturnType<typeof ask>> | null = null;
      await until(`it is ${wanted}`, async () => {
        answer = await ask('GET', '/readyz');
        return answer.body.status === wanted;
      });
      const { status, body } = answer as unknown as Awaited<ReturnType<typeof ask>>;
      expect(status).toBe(200);
      return body;
    }

    /** Jobs that wait for their time; and those that ever did, since Redis started or was flushed. */
    async function delayedCounts(): Promise<{ now: number; ever: number }> {
      const client = new Redis(redis.url, { lazyConnect: true });
      try {
        await client.connect();
        const events = await client.xrange('tercet:calls:events', '-', '+');
        const ever = events.filter(([, fields]) => fields.includes('delayed')).length;
        return { now: await client.zcard('tercet:calls:delayed'), ever };
      } finally {
        client.disconnect();
      }
    }

    /** Answers when the first of them waits for its time in Redis, or did: on a slow machine it is soon taken again. */
    async function begunAndDelayed(count: number): Promise<string[]> {
      const { ever } = await delayedCounts();
      const gids = await begun(count);
      await until('a wake was delayed', async () => (await delayedCounts()).ever > ever);
      return gids;
    }

    test(
      'without Redis at its start it is degraded, and carries everything to its end',
      async () => {
        expect(await readiness('degraded')).toMatchObject({ reason: expect.stringContaining('Redis') });
        await allConfirmed(await begun(20));
        expect(await readiness('degraded')).toBeTruthy();
      },
      LIMIT_MS,
    );

    test(
      'when Redis comes it is used, and a transaction in which all goes well never touches it',
      async () => {
        await redis.restart();
        await readiness('ready');
        expect(await delayedCounts()).toEqual({ now: 0, ever: 0 });
        await allConfirmed(await begunAndDelayed(20));
      },
      LIMIT_MS,
    );

    test(
      'wakes that are flushed away are found by the sweep',
      async () => {
        const gids = await begunAndDelayed(20);
        const client = new Redis(redis.url);
        // Others are armed while the first are flushed away.
        do {
          await client.flushall();
          await pause(200);
        } while ((await delayedCounts()).now > 0);
        client.disconnect();
        await allConfirmed(gids);
        await allConfirmed(await begunAndDelayed(5));
      },
      LIMIT_MS,
    );

    test(
      'Redis is killed in mid-flight and comes back: nothing is lost, and it is used again',
      async () => {
        const gids = await begunAndDelayed(20);
        await redis.kill();
        await readiness('degraded');
        const meanwhile = await begun(10);
        await allConfirmed([...gids, ...meanwhile]);
        await redis.restart();
        await readiness('ready');
        await allConfirmed(await begun(5));
      },
      LIMIT_MS,
    );
  });
});
