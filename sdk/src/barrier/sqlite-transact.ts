/** SQL transactions on a `better-sqlite3` that is behind a client with promises: one at a time, since its pool has one connection. */
import type { StatementResult } from './asynchronous.ts';
import type { LeftOpenWarning } from './left-open-warning.ts';
import type { SqliteDatabase } from './sqlite.ts';
import type { Statement } from './statements.ts';

export type SqliteConnection = SqliteDatabase & { readonly inTransaction: boolean };

export async function transactOnSqlite<T>(
  db: SqliteConnection,
  leftOpenWarning: LeftOpenWarning,
  { act, release }: { act(): Promise<T>; release(isBroken: boolean): void },
): Promise<T> {
  let isBroken = false;
  try {
    if (db.inTransaction) {
      db.exec('ROLLBACK');
      leftOpenWarning.report();
    }
    db.exec('BEGIN IMMEDIATE');
    const done = await act();
    db.exec('COMMIT');
    return done;
  } catch (error) {
    isBroken = !rolledBack(db);
    throw error;
  } finally {
    release(isBroken);
  }
}

/** Some errors have rolled back already. */
function rolledBack(db: SqliteConnection): boolean {
  try {
    if (db.inTransaction) db.exec('ROLLBACK');
    return true;
  } catch {
    return false;
  }
}

export function sqliteResultOf(db: SqliteConnection, { sql, params }: Statement): StatementResult {
  const statement = db.prepare(sql);
  if (/^SELECT\b/.test(sql)) return { rows: statement.all(...params), changedCount: 0 };
  return { rows: [], changedCount: Number(statement.run(...params).changes) };
}

/** SQLite has one code for it and for other errors. */
export const isMissingSqliteSavepoint = (error: unknown): boolean =>
  /no such savepoint/.test(String((error as { message?: unknown } | null)?.message));
