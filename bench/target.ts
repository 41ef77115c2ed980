/** A server that carries transactions out: a coordinator, or the wire limit in its place. */
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../scripts/servers/free-port.ts';
import type { Checkout } from './checkout.ts';
import { benchProgram, type Child } from './child.ts';
import type { BenchDatabase } from './database.ts';
import type { Lab } from './lab.ts';
import type { BenchRedis } from './redis.ts';

export type Target = {
  readonly process: Child;
  readonly port: number;
  /** Null for the wire limit, which has none. */
  readonly database: BenchDatabase | null;
  readonly redis: BenchRedis | null;
};

export type Coordinator = Target & { readonly database: BenchDatabase };

const READY_WITHIN_MS = 30_000;

export async function startWireLimit(lab: Lab): Promise<Target> {
  const process = lab.start(benchProgram('the wire limit', 'bench/wire-limit.ts'));
  const [port] = (await process.receive<{ ports: [number] }>()).ports;
  await registerAll(lab, port);
  return { process, port, database: null, redis: null };
}

export type CoordinatorProgram = {
  readonly name: string;
  readonly checkout: Checkout;
  /** More flags for its Node. */
  readonly flags?: readonly string[];
  /** More variables, in addition to its settings. */
  readonly environment?: Readonly<Record<string, string>>;
};

export async function startCoordinator(
  lab: Lab,
  { name, checkout, flags = [], environment = {} }: CoordinatorProgram,
): Promise<Coordinator> {
  const { redis } = lab;
  const database = await lab.databaseServer.createFor(checkout);
  const port = await freePort('127.0.0.1');
  const process = lab.start({
    name,
    command: checkout.start,
    folder: checkout.folder,
    node: checkout.node,
    flags: [...database.coordinatorFlags, ...flags],
    // A checkout refuses a setting that it does not know: only those that every version has.
    environment: {
      TERCET_HOST: '127.0.0.1',
      TERCET_PORT: String(port),
      TERCET_DATABASE_URL: database.url,
      ...(redis && { TERCET_REDIS_URL: redis.createDatabase() }),
      TERCET_LOG_LEVEL: 'warn',
      ...environment,
    },
  });
  // At this log level it does not say when it is ready.
  const ended = process.receive<never>();
  await Promise.race([ended, answering(`http://127.0.0.1:${port}/readyz`)]);
  ended.catch(() => {});
  await registerAll(lab, port);
  return { process, port, database, redis };
}

async function answering(url: string): Promise<void> {
  for (const until = performance.now() + READY_WITHIN_MS; performance.now() < until; await sleep(50)) {
    const answer = await fetch(url).catch(() => null);
    if (answer?.ok) return;
  }
  throw new Error(`${url} does not answer`);
}

async function registerAll({ participantPorts }: Lab, port: number): Promise<void> {
  for (const [name, participantPort] of Object.entries(participantPorts)) {
    const answer = await fetch(`http://127.0.0.1:${port}/v1/participants/${name}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ baseUrl: `http://127.0.0.1:${participantPort}` }),
    });
    if (!answer.ok) throw new Error(`${name} was not registered: ${await answer.text()}`);
  }
}
