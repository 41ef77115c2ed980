/** The barrier over a TypeORM data source on MySQL, MariaDB or PostgreSQL. Its work is given the entity manager. */
import type { DataSource, EntityManager } from 'typeorm';
import { AsyncBarrier, type Driver } from './asynchronous.ts';
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
    transact: (act) => dataSource.transaction(act),
    run: async (manager, { sql, params }) => ANSWER_OF[dialect](await manager.query(sql, [...params])),
    isConflict: (error) => {
      const { errno, code } = ((error as { driverError?: unknown }).driverError ?? error) as {
        errno?: number;
        code?: string;
      };
      return CONFLICTS.has(errno ?? 0) || CONFLICTS.has(code ?? '');
    },
  };
}

/** Of MySQL: 1213 deadlock, 1205 lock wait time-out, 3572 no wait. Of PostgreSQL: the same, and a failed serialization. */
const CONFLICTS: ReadonlySet<unknown> = new Set([1213, 1205, 3572, '40P01', '40001', '55P03']);

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
