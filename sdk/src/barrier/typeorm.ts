/** The barrier over a TypeORM data source on MySQL, MariaDB or PostgreSQL 13 or later. Its work is given the entity manager. */
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { AsyncBarrier, type Driver } from './asynchronous.ts';
import { asBarrier, asWork, gateAround, keepDepth } from './typeorm-runner.ts';
import { fence, guard } from './statement-guard.ts';
import { ErrorAfterCommit } from './recorded-outcome.ts';
import { LeftOpenWarning } from './left-open-warning.ts';
import {
  BEGIN,
  END,
  endsMysqlTx,
  isInSqlTx,
  isMissingMysqlSavepoint,
  isMysqlConflict,
  mayEndMysqlTx,
} from './mysql2.ts';
import { begunAlone, isMissingPgSavepoint, isPgConflict, ROLLED_BACK } from './pg.ts';
import { SqlTxEnded } from './unrecorded-work.ts';
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
  const leftOpenWarning = new LeftOpenWarning();
  return {
    statements: statementsFor(dialect, table),
    transact: (act) => {
      const runner = dataSource.createQueryRunner();
      return asBarrier(runner, () => WRAPPED[dialect](runner, act, leftOpenWarning));
    },
    run: async (manager, { sql, params }) => {
      if (manager.queryRunner && /^INSERT\b/.test(sql)) inserted.add(manager.queryRunner);
      return RESULT_OF[dialect](await manager.query(sql, [...params]));
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
        if (resetDepth().wasLeftOpen) gate.reportUnfinished(new Error('a nested transaction was left open'));
      }
    },
    isInProcess: false,
    gateAround: ({ queryRunner }) => (queryRunner === undefined ? null : gateAround(queryRunner)),
    innermost: (manager) => manager.queryRunner ?? manager,
    fence: ({ queryRunner }, isInside) =>
      queryRunner === undefined ? () => {} : fence(queryRunner, GUARDED, isInside),
    isConflict: (error) => ERRORS[dialect].isConflict(driverErrorOf(error)),
    mayEndSqlTx: dialect === 'mysql' ? (error) => mayEndMysqlTx(driverErrorOf(error)) : null,
    endsSqlTx: async (error, query) => dialect === 'mysql' && endsMysqlTx(driverErrorOf(error), query),
    isMissingSavepoint: (error) => ERRORS[dialect].isMissingSavepoint(driverErrorOf(error)),
  };
}

/** TypeORM wraps the error of the driver beneath it. */
const driverErrorOf = (error: unknown): unknown =>
  (error as { driverError?: unknown } | null)?.driverError ?? error;

/** The barrier inserted a row, or changed the one that stood: the SQL transaction has an id on PostgreSQL. */
const inserted = new WeakSet<QueryRunner>();

const GUARDED = { statements: ['query', 'stream'], refused: ['release'], isAsync: true } as const;

/** What the directly driven barriers see to, with TypeORM's own means. */
const WRAPPED = {
  mysql: <T>(
    runner: QueryRunner,
    act: (sqlTx: EntityManager) => Promise<T>,
    leftOpenWarning: LeftOpenWarning,
  ): Promise<T> =>
    transacted(runner, () => act(runner.manager), {
      begin: async () => {
        if (isInSqlTx(await runner.query(BEGIN))) {
          // What TypeORM begins with would commit it.
          await runner.query('ROLLBACK');
          leftOpenWarning.report();
        }
        await runner.startTransaction();
      },
      end: END,
    }),

  /** TypeORM does not return what COMMIT was answered, so the server is asked for the outcome. */
  postgres: <T>(
    runner: QueryRunner,
    act: (sqlTx: EntityManager) => Promise<T>,
    leftOpenWarning: LeftOpenWarning,
  ): Promise<T> => {
    let xid: string | null = null;
    const work = async () => {
      const done = await act(runner.manager);
      xid = (await runner.query('SELECT CAST(pg_current_xact_id_if_assigned() AS text) AS xid'))[0].xid;
      return done;
    };
    return transacted(runner, work, {
      begin: async () =>
        begunAlone(await runner.connect(), leftOpenWarning, {
          begin: () => runner.startTransaction(),
          rollBack: () => rolledBack(runner),
        }),
      afterCommit: async (done) => {
        const [{ status }] = await runner.query('SELECT pg_xact_status(CAST($1 AS xid8)) AS status', [xid]);
        // Without a SQL transaction the record is committed by itself, and the call is answered with that fault.
        const isReported = done instanceof ErrorAfterCommit && done.error instanceof SqlTxEnded;
        const isGone = xid === null ? inserted.has(runner) && !isReported : status !== 'committed';
        if (isGone) throw new Error(ROLLED_BACK);
      },
    });
  },
};

/** A connection that cannot say that it rolled back, or that it was restored, never serves again. */
async function transacted<T>(
  runner: QueryRunner,
  act: () => Promise<T>,
  {
    begin,
    end,
    afterCommit,
  }: { begin(): Promise<void>; end?: string; afterCommit?: (done: T) => Promise<void> },
): Promise<T> {
  const ended = async () => void (end && (await runner.query(end)));
  await runner.connect();
  try {
    await begin();
    const done = await act();
    await runner.commitTransaction();
    await afterCommit?.(done);
    await ended().catch(() => destroyed(runner));
    return done;
  } catch (error) {
    await rolledBack(runner)
      .then(ended)
      .catch(() => destroyed(runner));
    throw error;
  } finally {
    await runner.release();
  }
}

/** Also where TypeORM takes the SQL transaction for ended, since a subscriber threw at its end. */
const rolledBack = (runner: QueryRunner): Promise<unknown> =>
  runner.isTransactionActive ? runner.rollbackTransaction() : runner.query('ROLLBACK');

/** Its pool lets a connection go that is closed. */
async function destroyed(runner: QueryRunner): Promise<void> {
  const connection = await runner.connect().catch(() => null);
  if (typeof connection?.destroy === 'function') connection.destroy();
  else connection?.end(() => {});
}

const ERRORS = {
  mysql: { isConflict: isMysqlConflict, isMissingSavepoint: isMissingMysqlSavepoint },
  postgres: { isConflict: isPgConflict, isMissingSavepoint: isMissingPgSavepoint },
} as const;

/** What `query` gives back, which is up to the driver beneath. */
const RESULT_OF = {
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
