/** Everything that takes part, started: what is closed later is left with `opened`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../scripts/servers/free-port.ts';
import { type Child, startChild } from './child.ts';
import type { BenchDatabase } from './database.ts';
import { openMysql } from './mysql-database.ts';
import type { Options } from './options.ts';
import { type BenchRedis, openRedis } from './redis.ts';
import { openSqlite } from './sqlite-database.ts';

/** A server that carries transactions out: the coordinator, or the wire limit beside it. */
export type Target = { readonly process: Child; readonly port: number };

export type Lab = {
  readonly database: BenchDatabase;
  /** Null when the coordinator wakes its transactions alone. */
  readonly redis: BenchRedis | null;
  readonly coordinator: Target;
  readonly wireLimit: Target;
  readonly participants: Child;
  readonly load: Child;
};

const READY_WITHIN_MS = 30_000;

export async function openLab(options: Options, opened: AsyncDisposableStack): Promise<Lab> {
  const start = (...args: Parameters<typeof startChild>): Child => {
    const child = startChild(...args);
    opened.defer(() => child.stop());
    return child;
  };
  const database = await (options.database === 'sqlite' ? openSqlite(opened) : openMysql(options, opened));
  const redis = options.redis ? await openRedis(opened) : null;
  const participants = start({ name: 'the participants', file: 'bench/participants.ts' });
  const { ports } = await participants.hear<{ ports: [number, number] }>();
  const wire = start({ name: 'the wire limit', file: 'bench/wire-limit.ts' });
  const wireLimit = { process: wire, port: (await wire.hear<{ ports: [number] }>()).ports[0] };
  const coordinator = await startCoordinator({ database, redis, start }, options);
  for (const { port } of [coordinator, wireLimit]) {
    await register(port, 'stock', ports[0]);
    await register(port, 'money', ports[1]);
  }
  const load = start({ name: 'the load', file: 'bench/load.ts' });
  await redis?.learnIdle();
  return { database, redis, coordinator, wireLimit, participants, load };
}

async function startCoordinator(
  { database, redis, start }: Pick<Lab, 'database' | 'redis'> & { start: typeof startChild },
  { profile }: Options,
): Promise<Target> {
  const { url, coordinatorFlags } = database;
  const port = await freePort('127.0.0.1');
  const process = start({
    name: 'the coordinator',
    file: 'src/main.ts',
    flags: [...coordinatorFlags, ...(profile === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`])],
    environment: {
      TERCET_HOST: '127.0.0.1',
      TERCET_PORT: String(port),
      TERCET_DATABASE_URL: url,
      ...(redis && { TERCET_REDIS_URL: redis.url }),
      TERCET_LOG_LEVEL: 'warn',
    },
  });
  // At this log level it does not say when it is ready.
  const ended = process.hear<never>();
  await Promise.race([ended, answering(`http://127.0.0.1:${port}/readyz`)]);
  ended.catch(() => {});
  return { process, port };
}

async function answering(url: string): Promise<void> {
  for (const until = performance.now() + READY_WITHIN_MS; performance.now() < until; await sleep(50)) {
    const answer = await fetch(url).catch(() => null);
    if (answer?.ok) return;
  }
  throw new Error(`${url} does not answer`);
}

async function register(port: number, name: string, participantPort: number): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/v1/participants/${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ baseUrl: `http://127.0.0.1:${participantPort}` }),
  });
  if (!answer.ok) throw new Error(`${name} was not registered: ${await answer.text()}`);
}
