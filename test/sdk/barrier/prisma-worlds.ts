/**
 * The barrier over Prisma, on each database that it knows. `prisma generate` needs an engine that it downloads, so the client is made
 * here as a generated one makes itself, with Prisma's own runtime and driver adapters. Without what `generate` derives from a schema
 * it answers raw queries, and none of its models.
 */
import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3';
import { PrismaMariaDb } from '@prisma/adapter-mariadb';
import { PrismaPg } from '@prisma/adapter-pg';
import { getPrismaClient } from '@prisma/client/runtime/client';
import { type PrismaLike, type PrismaProvider, prismaBarrier } from '@tercet/sdk/barrier/prisma';
import { type PrismaTx, txBeneath } from '../../../sdk/src/barrier/prisma-handle.ts';
import { BUSINESS_TABLES, type BarrierWorld, statementsOf } from './barrier-world.ts';
import { CONNECTIONS, mysqlDeadlocks, pgDeadlocks, type Row } from './worlds-by-driver.ts';

type Client = PrismaLike<PrismaTx> & PrismaTx & { $disconnect(): Promise<void> };

/** Where nothing but raw queries is asked, nothing of the graph is read. */
const NO_GRAPH = { strings: [], graph: Buffer.alloc(64).toString('base64') };

/** The compiler of queries for one provider, in WebAssembly: a part of the package. */
const compilerFile = (provider: PrismaProvider, end: string) =>
  import(`@prisma/client/runtime/query_compiler_fast_bg.${provider}${end}.mjs`);

/** The types of Node do not have it. */
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: { Module: new (bytes: Buffer) => object };
};

export function prismaClient(provider: PrismaProvider, adapter: unknown): Client {
  const Client = getPrismaClient({
    previewFeatures: [],
    clientVersion: '7.10.0',
    engineVersion: '7.10.0',
    activeProvider: provider,
    inlineSchema: `datasource db { provider = "${provider}" }`,
    runtimeDataModel: { models: {}, enums: {}, types: {} },
    parameterizationSchema: NO_GRAPH,
    compilerWasm: {
      getRuntime: () => compilerFile(provider, ''),
      getQueryCompilerWasmModule: async () => {
        const { wasm } = await compilerFile(provider, '.wasm-base64');
        return new WebAssembly.Module(Buffer.from(wasm, 'base64'));
      },
      importName: './query_compiler_fast_bg.js',
    },
  } as never) as unknown as new (
    options: object,
  ) => Client;
  return new Client({ adapter, transactionOptions: { maxWait: 60_000, timeout: 60_000 } });
}

export async function prismaWorld(url: string, useTextProtocol = true): Promise<BarrierWorld<PrismaTx>> {
  const { protocol, hostname, port, username, pathname } = new URL(url);
  if (protocol === 'postgres:') {
    const pool = { connectionString: url, max: CONNECTIONS, options: '-c deadlock_timeout=10ms' };
    return worldOn('postgresql', prismaClient('postgresql', new PrismaPg(pool)));
  }
  const pool = {
    host: hostname,
    port: Number(port),
    user: username,
    database: pathname.slice(1),
    connectionLimit: CONNECTIONS,
  };
  return worldOn('mysql', prismaClient('mysql', new PrismaMariaDb(pool, { useTextProtocol })));
}

export const prismaSqliteWorld = (): Promise<BarrierWorld<PrismaTx>> =>
  worldOn('sqlite', prismaClient('sqlite', new PrismaBetterSqlite3({ url: ':memory:' })));

const ask = async (tx: PrismaTx, sql: string): Promise<unknown> =>
  /^\s*(?:SELECT|SHOW)\b/i.test(sql) ? tx.$queryRawUnsafe(sql) : tx.$executeRawUnsafe(sql);

/** Prisma wraps every error of the database, and tests compare the words and codes of the one beneath. */
export const sayByPrisma = (tx: PrismaTx, sql: string): Promise<unknown> =>
  ask(tx, sql).catch((error) => {
    const { originalCode, originalMessage } = error.meta?.driverAdapterError?.cause ?? {};
    if (originalCode === undefined) throw error;
    throw Object.assign(new Error(originalMessage), { errno: Number(originalCode), code: originalCode });
  });

async function worldOn(provider: PrismaProvider, prisma: Client): Promise<BarrierWorld<PrismaTx>> {
  const query = async (sql: string) => {
    const answer = await ask(prisma, sql);
    return Array.isArray(answer) ? (answer as Row[]) : [];
  };
  const another = () => prismaBarrier({ prisma, provider });
  const barrier = another();
  for (const sql of BUSINESS_TABLES) await query(sql);
  return {
    barrier,
    another,
    query,
    write: async (tx, work) => {
      for (const sql of statementsOf(work)) await tx.$executeRawUnsafe(sql);
    },
    unseen: (tx, sql) => ask(txBeneath(tx), sql),
    within: (...given) => barrier.within(...given),
    inSqlTx: (act) => prisma.$transaction(async (tx) => act(tx)),
    deadlockCount: async () => (await DEADLOCKS[provider]?.(query)) ?? null,
    close: () => prisma.$disconnect(),
  };
}

const DEADLOCKS: {
  readonly [provider: string]: (query: (sql: string) => Promise<readonly Row[]>) => Promise<number>;
} = { mysql: mysqlDeadlocks, postgresql: pgDeadlocks };
