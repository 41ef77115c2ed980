/**
 * Binds an Idempotency-Key to a transaction that stands already, in one SQL transaction: the key's primary key decides
 * between those that want it at the same moment, a begin among them.
 *
 * The key is written before the transaction is locked, as in a batch, so that both take their locks in one order. The lock
 * keeps a removal from leaving a key without its transaction.
 */
import type { Database } from 'better-sqlite3';
import type { DataSource, EntityManager } from 'typeorm';
import { ask } from './ask.ts';
import { isSqlite } from './data-source.ts';
import { type TableNames, tablesOf } from './table-names.ts';
import { insist } from './wake-rows.ts';

/** @returns the gid that the key stands for now; null when there is no such transaction, and the key is free */
export const bindBeginKey = async (
  dataSource: DataSource,
  beginKey: string,
  gid: string,
): Promise<string | null> =>
  isSqlite(dataSource)
    ? bindInOneStep(dataSource, beginKey, gid)
    : // A deadlock with a removal, or a wait for a begin that is under way: bound twice is bound.
      insist(() => ask(dataSource, (manager) => bindUnderLock(manager, beginKey, gid)));

const DUPLICATE = 1062;
const statementsOf = ({ beginKey, globalTransaction }: TableNames) => ({
  insert: `INSERT INTO ${beginKey} (begin_key, gid) VALUES (?, ?)`,
  find: `SELECT gid FROM ${beginKey} WHERE begin_key = ?`,
  stands: `SELECT gid FROM ${globalTransaction} WHERE gid = ?`,
});

class Absent extends Error {}

async function bindUnderLock(manager: EntityManager, beginKey: string, gid: string): Promise<string | null> {
  const { insert, find, stands } = statementsOf(tablesOf(manager.connection));
  try {
    await manager.transaction(async (sqlTx) => {
      await sqlTx.query(insert, [beginKey, gid]);
      const rows: unknown[] = await sqlTx.query(`${stands} FOR UPDATE`, [gid]);
      if (rows.length === 0) throw new Absent();
    });
    return gid;
  } catch (error) {
    if (error instanceof Absent) return null;
    if ((error as { errno?: number }).errno !== DUPLICATE) throw error;
    const [row]: { gid: string }[] = await manager.query(find, [beginKey]);
    return row?.gid ?? null;
  }
}

/** One synchronous block on the file's only connection, as a batch is. */
function bindInOneStep(dataSource: DataSource, beginKey: string, gid: string): string | null {
  const { databaseConnection: database } = dataSource.driver as unknown as { databaseConnection: Database };
  const { insert, find, stands } = statementsOf(tablesOf(dataSource));
  const bind = database.transaction(() => {
    const known = database.prepare(find).get(beginKey) as { gid: string } | undefined;
    if (known !== undefined) return known.gid;
    if (database.prepare(stands).get(gid) === undefined) return null;
    database.prepare(insert).run(beginKey, gid);
    return gid;
  });
  return bind.immediate();
}
