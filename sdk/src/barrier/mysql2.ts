/** The barrier on MySQL 8.0 or later, or MariaDB 10.6 or later, over `mysql2/promise`. */
import type { Connection, Pool, PoolConnection, ResultSetHeader } from 'mysql2/promise';
import { AsyncBarrier, type Driver } from './asynchronous.ts';
import { statementsFor } from './statements.ts';

export type Mysql2Barrier = AsyncBarrier<Connection>;

/**
 * @param given.pool of which each `run` takes a connection; its promise form
 * @param given.table `tercet_barrier` when absent; with a schema before it or not
 */
export function mysql2Barrier({ pool, table }: { pool: Pool; table?: string }): AsyncBarrier<Connection> {
  return new AsyncBarrier(driverOn(pool, table));
}

const driverOn = (pool: Pool, table?: string): Driver<Connection> => ({
  statements: statementsFor('mysql', table),
  transact: async (act) => {
    const connection = await pool.getConnection();
    try {
      await connection.query(BEGIN);
      const done = await act(connection);
      await connection.commit();
      await connection.query(END);
      connection.release();
      return done;
    } catch (error) {
      await rolledBack(connection);
      throw error;
    }
  },
  run: async (connection, { sql, params }) => {
    // However the pool shapes rows for its other users.
    const plain = {
      rowsAsArray: false,
      nestTables: false,
      typeCast: true,
      namedPlaceholders: false,
    } as const;
    const [answer] = await connection.query({ ...plain, sql, values: [...params] });
    if (Array.isArray(answer)) return { rows: answer, changedCount: 0 };
    return { rows: [], changedCount: (answer as ResultSetHeader).affectedRows };
  },
  isConflict: isMysqlConflict,
});

/**
 * No statement is committed by itself before END, not even after a deadlock, which ends the SQL transaction under the work: when
 * the work swallows it and goes on, all of that is rolled back too.
 */
export const BEGIN = 'SET @tercet_autocommit = @@autocommit, autocommit = 0';
export const END = 'SET autocommit = @tercet_autocommit';

/** Deadlock; lock wait time-out; lock not available at once; and TiDB's write conflicts. */
const CONFLICTS = new Set([1213, 1205, 3572, 8002, 8022, 8028, 9007]);

export const isMysqlConflict = (error: unknown): boolean =>
  CONFLICTS.has((error as { errno?: number }).errno ?? 0);

/** A connection that cannot say it rolled back never serves again. */
async function rolledBack(connection: PoolConnection): Promise<void> {
  try {
    await connection.rollback();
    await connection.query(END);
    connection.release();
  } catch {
    connection.destroy();
  }
}
