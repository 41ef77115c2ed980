/**
 * The barrier over Prisma, on MySQL, MariaDB, PostgreSQL 13 or later and SQLite, by the interactive transactions of Prisma Client.
 * Its work is given the `tx` of Prisma. It asks the client for `$transaction`, `$queryRawUnsafe` and `$executeRawUnsafe`, and for
 * no engine or adapter of a certain kind.
 *
 * What it cannot protect from, since Prisma shows no connection:
 * - A SQL transaction that other code left open on a connection of the pool is not noticed: on MySQL, Prisma's BEGIN commits it.
 * - On MySQL, autocommit stays on. What the work asks through `sqlTx` after a deadlock is rejected; what it asks beneath, such as
 *   through the adapter, would be committed by itself.
 * - `within` on a `tx` that is not of the barrier guards the one that its work is given alone: what is asked of the other one
 *   meanwhile is neither rejected nor closed with the work.
 * - On MySQL a pivot and `within` need an adapter that sends text: `new PrismaMariaDb(config, { useTextProtocol: true })`.
 * - Prisma ends a transaction after its own time limit (`timeout`, 5 s by default): then the op is rolled back.
 */
import { AsyncBarrier, type Driver, type StatementResult } from './asynchronous.ts';
import { endsMysqlTx, isMissingMysqlSavepoint, isMysqlConflict, mayEndMysqlTx } from './mysql2.ts';
import { isMissingPgSavepoint, isPgConflict, ROLLED_BACK } from './pg.ts';
import { prismaHandle, passOf, type PrismaTx } from './prisma-handle.ts';
import { ErrorAfterCommit } from './recorded-outcome.ts';
import { isBusy } from './sqlite.ts';
import { isMissingSqliteSavepoint } from './sqlite-transact.ts';
import { type Dialect, type Statement, statementsFor } from './statements.ts';
import { SqlTxEnded } from './unrecorded-work.ts';

/** As `$transaction` takes them; those of the client when absent. */
export type PrismaTransactionOptions = { readonly maxWait?: number; readonly timeout?: number };

/** A client that `prisma generate` has made, with extensions or without. */
export type PrismaLike<Tx extends PrismaTx> = {
  $queryRawUnsafe(sql: string, ...values: unknown[]): PromiseLike<unknown>;
  $transaction<T>(act: (tx: Tx) => Promise<T>, options?: PrismaTransactionOptions): Promise<T>;
};

export type PrismaProvider = 'mysql' | 'postgresql' | 'sqlite';

/**
 * @param given.provider as in the `datasource` of the schema
 * @param given.table `tercet_barrier` when absent; with a schema before it or not
 * @param given.transaction how long each SQL transaction may wait and last, in milliseconds
 * @throws TypeError for another provider
 */
export function prismaBarrier<Tx extends PrismaTx>(given: {
  prisma: PrismaLike<Tx>;
  provider: PrismaProvider;
  table?: string;
  transaction?: PrismaTransactionOptions;
}): AsyncBarrier<Tx> {
  const { prisma, provider, table, transaction } = given;
  const dialect = DIALECTS[provider];
  if (dialect === undefined)
    throw new TypeError(
      `the barrier over Prisma knows ${Object.keys(DIALECTS).join(', ')}, and not ${provider}`,
    );
  return new AsyncBarrier(driverOn(prisma, dialect, table, transaction));
}

const DIALECTS: { readonly [provider: string]: Dialect } = {
  mysql: 'mysql',
  postgresql: 'postgres',
  sqlite: 'sqlite',
};

function driverOn<Tx extends PrismaTx>(
  prisma: PrismaLike<Tx>,
  dialect: Dialect,
  table?: string,
  options?: PrismaTransactionOptions,
): Driver<Tx> {
  const { isConflict, mayEndSqlTx, endsSqlTx, isMissingSavepoint } = ERRORS[dialect];
  const transact = <T>(act: (tx: Tx) => Promise<T>) => prisma.$transaction(act, options);
  return {
    statements: statementsFor(dialect, table),
    transact: dialect === 'postgres' ? (act) => transactOnPostgres(prisma, transact, act) : transact,
    run: asked,
    guarded: async (tx, gate, work) => {
      const { handle, unsent } = prismaHandle(tx, dialect, gate);
      try {
        return await work(handle);
      } finally {
        await gate.close();
        if (unsent.size > 0)
          gate.reportUnfinished(new Error('a query was made and never awaited: Prisma did not send it'));
      }
    },
    isInProcess: dialect === 'sqlite',
    gateAround: (tx) => passOf(tx)?.gate ?? null,
    innermost: (tx) => passOf(tx)?.innermost ?? tx,
    fence: (tx, isInside) => passOf(tx)?.fence(isInside) ?? (() => {}),
    isConflict: (error) => isConflict(driverErrorOf(error)),
    mayEndSqlTx: mayEndSqlTx && ((error) => mayEndSqlTx(driverErrorOf(error))),
    endsSqlTx: (error, query) => endsSqlTx(driverErrorOf(error), query),
    isMissingSavepoint: (error) => isMissingSavepoint(driverErrorOf(error)),
  };
}

/** Prisma does not return what COMMIT was answered, so the server is asked for the outcome. */
async function transactOnPostgres<Tx extends PrismaTx, T>(
  prisma: PrismaLike<Tx>,
  transact: (act: (tx: Tx) => Promise<T>) => Promise<T>,
  act: (tx: Tx) => Promise<T>,
): Promise<T> {
  let xid: unknown = null;
  const done = await transact(async (tx) => {
    const answer = await act(tx);
    const sql = 'SELECT CAST(pg_current_xact_id_if_assigned() AS text) AS xid';
    [{ xid }] = (await tx.$queryRawUnsafe(sql)) as [{ xid: unknown }];
    return answer;
  });
  // Without a SQL transaction the record is committed by itself, and the call is answered with that fault.
  const isReported = done instanceof ErrorAfterCommit && done.error instanceof SqlTxEnded;
  if (xid === null || isReported) return done;
  const sql = 'SELECT pg_xact_status(CAST($1 AS xid8)) AS status';
  const [{ status }] = (await prisma.$queryRawUnsafe(sql, xid)) as [{ status: unknown }];
  if (status !== 'committed') throw new Error(ROLLED_BACK);
  return done;
}

/** A statement that answers rows, also after the words by which one of MariaDB begins. */
const ANSWERS_ROWS = /^(?:\/\*.*?\*\/\s*)?SELECT\b|\bRETURNING\b/;

async function asked(tx: PrismaTx, { sql, params }: Statement): Promise<StatementResult> {
  if (!ANSWERS_ROWS.test(sql))
    return {
      rows: [],
      changedCount: await tx.$executeRawUnsafe(sql, ...params).then(null, unlessUnprepared),
    };
  const rows = (await tx.$queryRawUnsafe(sql, ...params)) as readonly unknown[];
  return { rows, changedCount: rows.length };
}

/** MySQL 8.4 Error Message Reference: ER_UNSUPPORTED_PS. MariaDB prepares it. */
function unlessUnprepared(error: unknown): never {
  if ((driverErrorOf(error) as { errno?: unknown } | null)?.errno !== 1295) throw error;
  throw new TypeError(
    'MySQL prepares no SAVEPOINT, which a pivot and within need: give PrismaMariaDb the option useTextProtocol',
    { cause: error },
  );
}

const ERRORS = {
  mysql: {
    isConflict: isMysqlConflict,
    mayEndSqlTx: mayEndMysqlTx,
    endsSqlTx: endsMysqlTx,
    isMissingSavepoint: isMissingMysqlSavepoint,
  },
  postgres: {
    isConflict: isPgConflict,
    mayEndSqlTx: null,
    endsSqlTx: async () => false,
    isMissingSavepoint: isMissingPgSavepoint,
  },
  sqlite: {
    isConflict: isBusy,
    mayEndSqlTx: null,
    endsSqlTx: async () => false,
    isMissingSavepoint: isMissingSqliteSavepoint,
  },
} as const;

type AdapterError = {
  readonly kind?: unknown;
  readonly originalCode?: unknown;
  readonly originalMessage?: unknown;
};

/** Prisma, “Error reference”: P2034, a write conflict or a deadlock. */
const CONFLICT = { errno: 1213, code: '40P01' };

/** In the words of the drivers: the error of the database, which Prisma wraps, as its code tells it. */
function driverErrorOf(error: unknown): unknown {
  const { code, meta, cause } = (error ?? {}) as {
    code?: unknown;
    meta?: { driverAdapterError?: { cause?: AdapterError } };
    cause?: AdapterError;
  };
  const { kind, originalCode, originalMessage } = meta?.driverAdapterError?.cause ?? cause ?? {};
  if (originalCode !== undefined)
    return { errno: Number(originalCode), code: originalCode, message: originalMessage };
  return code === 'P2034' || kind === 'TransactionWriteConflict' ? CONFLICT : error;
}
