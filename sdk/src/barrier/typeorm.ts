/** The barrier over a TypeORM data source on MySQL, MariaDB or PostgreSQL 13 or later. Its work is given the entity manager. */
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { AsyncBarrier, type Driver } from './asynchronous.ts';
import { asBarrier, asWork, keepDepth } from './closing-runner.ts';
import { guard } from './guard.ts';
import { Remembered } from './kept.ts';
import { BEGIN, END, isMysqlConflict } from './mysql2.ts';
import { isPgConflict, ROLLED_BACK } from './pg.ts';
import { SqlTxEnded } from './pass.ts';
import { type Dialect, statementsFor } from './statements.ts';

/**
 * @param given.table `tercet_barrier` when absent; with a schema before it or not
 * @throws TypeError for another kind of database. TypeORM has SQLite on one connection for all, on which two SQL
 *   transactions would mix: take `@tercet/sdk/barrier/sqlite` there.
 */
export function typeormBarrier(given: {
  dataSource: DataSource;
  table?: string;
}): AsyncBarrier<EntityManager> {
  const { dataSource, table } = given;
  const dialect = DIALECTS[dataSource.options.type];
  if (dialect === undefined)
    throw new TypeError(
      `the barrier over TypeORM knows ${Object.keys(DIALECTS).join(', ')}, and not ${dataSource.options.type}`,
    );
  return new AsyncBarrier(driverOn(dataSource, dialect, table));
}

const DIALECTS: { readonly [type: string]: Exclude<Dialect, 'sqlite'> } = {
  mysql: 'mysql',
  mariadb: 'mysql',
  postgres: 'postgres',
};

function driverOn(
  dataSource: DataSource,
  dialect: Exclude<Dialect, 'sqlite'>,
  table?: string,
): Driver<EntityManager> {
  return {
    statements: statementsFor(dialect, table),
    transact: (act) => {
      const runner = dataSource.createQueryRunner();
      return asBarrier(runner, () => WRAPPED[dialect](runner, act));
    },
    run: async (manager, { sql, params }) => {
      if (manager.queryRunner && /^INSERT\b/.test(sql)) inserted.add(manager.queryRunner);
      return ANSWER_OF[dialect](await manager.query(sql, [...params]));
    },
    guarded: async (manager, gate, work) => {
      const runner = manager.queryRunner;
      if (runner === undefined) return work(manager);
      const resetDepth = keepDepth(runner);
      // `commitTransaction` and the like ask for their statements by `query`, too.
      const end = guard(runner, dialect, GUARDED, gate);
      try {
        return await asWork(runner, gate, () => work(manager));
      } finally {
        await gate.close();
        end();
        resetDepth();
      }
    },
    // TypeORM wraps what the driver beneath it said.
    isConflict: (error) =>
      IS_CONFLICT[dialect]((error as { driverError?: unknown } | null)?.driverError ?? error),
    conflictsEndSqlTx: dialect === 'mysql',
  };
}

/** The barrier inserted a row, or changed the one that stood: the SQL transaction has an id on PostgreSQL. */
const inserted = new WeakSet<QueryRunner>();

const GUARDED = { statements: ['query', 'stream'], refused: ['release'], isAsync: true } as const;

async function transacted<T>(runner: QueryRunner, act: () => Promise<T>): Promise<T> {
  await runner.startTransaction();
  try {
    const done = await act();
    await runner.commitTransaction();
    return done;
  } catch (error) {
    if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => {});
    throw error;
  }
}

/** What the directly driven barriers see to, with TypeORM's own means. */
const WRAPPED = {
  async mysql<T>(runner: QueryRunner, act: (sqlTx: EntityManager) => Promise<T>): Promise<T> {
    try {
      await runner.query(BEGIN);
      return await transacted(runner, () => act(runner.manager));
    } finally {
      // When this fails, the connection is broken, and its pool lets it go.
      await runner.query(END).catch(() => {});
      await runner.release();
    }
  },

  /** TypeORM does not say what COMMIT was answered, so the server is asked what became of it. */
  async postgres<T>(runner: QueryRunner, act: (sqlTx: EntityManager) => Promise<T>): Promise<T> {
    try {
      const { done, xid } = await transacted(runner, async () => ({
        done: await act(runner.manager),
        xid: (await runner.query('SELECT CAST(pg_current_xact_id_if_assigned() AS text) AS xid'))[0].xid,
      }));
      const [{ status }] = await runner.query('SELECT pg_xact_status(CAST($1 AS xid8)) AS status', [xid]);
      // Without a SQL transaction the record is committed by itself, and the call is answered with that fault.
      const isReported = done instanceof Remembered && done.error instanceof SqlTxEnded;
      const isGone = xid === null ? inserted.has(runner) && !isReported : status !== 'committed';
      if (isGone) throw new Error(ROLLED_BACK);
      return done;
    } finally {
      await runner.release();
    }
  },
};

const IS_CONFLICT = { mysql: isMysqlConflict, postgres: isPgConflict } as const;

/** What `query` gives back, which is up to the driver beneath. */
const ANSWER_OF = {
  mysql: (answer: unknown) =>
    Array.isArray(answer)
      ? { rows: answer, changedCount: 0 }
      : { rows: [], changedCount: (answer as { affectedRows: number }).affectedRows },
  // UPDATE and DELETE answer `[rows, count]`, all else its rows.
  postgres: (answer: unknown) => {
    const [rows, count] = answer as readonly unknown[];
    return Array.isArray(rows) && typeof count === 'number'
      ? { rows, changedCount: count }
      : { rows: answer as readonly unknown[], changedCount: 0 };
  },
} as const;
