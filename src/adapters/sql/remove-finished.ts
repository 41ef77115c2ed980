/**
 * Removes finished transactions when their retention is over: each whole, in one SQL transaction, and found through the
 * index of `finished_at`, page by page: transactions with a later deadline stay, and no statement passes over all of them.
 *
 * The row of `global_transaction` is locked first and its state judged under that lock, so that a late try which is
 * still to be cancelled is never lost with it. Its journal is removed with it; a stale writer that still appends to it
 * fails at the guard of its UPDATE, since that row is gone too (I14).
 */
import type { Database } from 'better-sqlite3';
import type { DataSource, EntityManager } from 'typeorm';
import { NEWEST_READ_VERSION } from '../../application/journal.ts';
import type { Ended } from '../../application/ports.ts';
import type { Instant } from '../../domain/index.ts';
import { ask } from './ask.ts';
import { sqlInstant } from './columns.ts';
import { isMysqlConflict } from './conflicts.ts';
import { isSqlite } from './data-source.ts';
import { type TableNames, tablesOf } from './table-names.ts';
import { instantOf } from './transaction-list.ts';

type Removal = { readonly before: Instant; readonly limit: number; readonly ended: Ended };

/** @returns how many were removed; 0 also where another replica stood in the way */
export const removeFinished = async (dataSource: DataSource, removal: Removal): Promise<number> =>
  isSqlite(dataSource)
    ? removeInOneStep(dataSource, removal)
    : ask(dataSource, (manager) => removeUnderLocks(manager, removal));

/** The longest ago first, and so in the order in which every replica removes. Later versions are for later programs. */
const FINAL = `WHERE finished_at >= ? AND finished_at < ? AND deadline_at < ?
  AND wake_at IS NULL AND parked_at IS NULL AND version <= ${NEWEST_READ_VERSION} ORDER BY finished_at LIMIT ?`;

const valuesOf = ({ before, limit, ended: { from, to } }: Removal) => [
  sqlInstant(from),
  sqlInstant(Math.min(to, before)),
  sqlInstant(before),
  limit,
];

/** Reads the index alone. */
export async function endOfPage(
  dataSource: DataSource,
  { from, to }: Ended,
  count: number,
): Promise<Instant | null> {
  const { globalTransaction, finishedAtIndex } = tablesOf(dataSource);
  const index = isSqlite(dataSource) ? `INDEXED BY ${finishedAtIndex}` : `FORCE INDEX (${finishedAtIndex})`;
  const found = `SELECT finished_at FROM ${globalTransaction} ${index}
    WHERE finished_at >= ? AND finished_at < ? ORDER BY finished_at LIMIT 1 OFFSET ?`;
  const [row] = await ask(dataSource, (manager) =>
    manager.query(found, [sqlInstant(from), sqlInstant(to), count]),
  );
  return row === undefined ? null : instantOf(row.finished_at);
}

/** With the index that has the gid. Children first: a concurrent reader finds all of it or, after the commit, nothing. */
const withIndexes = (tables: TableNames): readonly (readonly [table: string, index: string])[] => [
  [tables.alert, 'PRIMARY'],
  [tables.beginKey, tables.beginKeyGidIndex],
  [tables.journal, 'PRIMARY'],
  [tables.branch, 'PRIMARY'],
  [tables.globalTransaction, 'PRIMARY'],
];

// ── MySQL, MariaDB ───────────────────────────────────────────────────────────────────────────────────────────

/**
 * Locks only what it removes. For a list of gids the server may read, and lock, all rows of a small table, whatever index is
 * forced; for a join in this order it goes to the index gid by gid. There the gids need the character set of the column.
 */
const deletesByJoin = (tables: TableNames, gidCount: number): string[] => {
  const ended = `SELECT CONVERT(? USING ascii) AS gid${' UNION ALL SELECT CONVERT(? USING ascii)'.repeat(gidCount - 1)}`;
  return withIndexes(tables).map(
    ([table, index]) => `DELETE removed FROM (${ended}) AS ended
      STRAIGHT_JOIN ${table} AS removed FORCE INDEX (${index}) ON removed.gid = ended.gid`,
  );
};

/** Rows that another replica removes just now are passed over, so that several share the work. */
async function removeUnderLocks(manager: EntityManager, removal: Removal): Promise<number> {
  const tables = tablesOf(manager.connection);
  const found = `SELECT gid FROM ${tables.globalTransaction} FORCE INDEX (${tables.finishedAtIndex}) ${FINAL}
    FOR UPDATE SKIP LOCKED`;
  try {
    return await manager.transaction(async (sqlTx) => {
      const rows: { gid: string }[] = await sqlTx.query(found, valuesOf(removal));
      const gids = rows.map(({ gid }) => gid).sort();
      if (gids.length > 0) for (const sql of deletesByJoin(tables, gids.length)) await sqlTx.query(sql, gids);
      return gids.length;
    });
  } catch (error) {
    // What was begun is rolled back, and left for another time.
    if (isMysqlConflict(error)) return 0;
    throw error;
  }
}

// ── SQLite ───────────────────────────────────────────────────────────────────────────────────────────────────

const deletesByList = (tables: TableNames, gidCount: number): string[] =>
  withIndexes(tables).map(
    ([table]) => `DELETE FROM ${table} WHERE gid IN (${Array(gidCount).fill('?').join(', ')})`,
  );

/** One synchronous block on the file's only connection, as a batch is: nothing comes between its statements. */
function removeInOneStep(dataSource: DataSource, removal: Removal): number {
  const { databaseConnection: database } = dataSource.driver as unknown as { databaseConnection: Database };
  const tables = tablesOf(dataSource);
  const found = `SELECT gid FROM ${tables.globalTransaction} INDEXED BY ${tables.finishedAtIndex} ${FINAL}`;
  const remove = database.transaction(() => {
    const rows = database.prepare(found).all(...valuesOf(removal)) as { gid: string }[];
    const gids = rows.map(({ gid }) => gid);
    if (gids.length > 0)
      for (const sql of deletesByList(tables, gids.length)) database.prepare(sql).run(...gids);
    return gids.length;
  });
  return remove.immediate();
}
