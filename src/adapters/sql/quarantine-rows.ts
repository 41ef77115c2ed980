/**
 * The mark of quarantine in the row of a transaction, and its date: no sweep claims it, and no removal takes it. Both are hints
 * outside the journal. Every UPDATE of a batch asks that the mark is not there, so that nothing is saved (`batch-statements.ts`).
 */
import type { EntityManager } from 'typeorm';
import type { Instant } from '../../domain/index.ts';
import { sqlInstant } from './columns.ts';
import { isSqlite } from './data-source.ts';
import { tablesOf } from './table-names.ts';
import { instantOf } from './transaction-list.ts';

/** No sweep gets there, and what owes nothing has no date at all. */
const NEVER = '9999-01-01 00:00:00.000';
const MAX_FAULT_LENGTH = 500;

/** @returns since when, by the database's clock; null when it has moved on, or another replica has marked it */
export async function markQuarantined(
  manager: EntityManager,
  { gid, seq, fault }: { readonly gid: string; readonly seq: number; readonly fault: string },
): Promise<Instant | null> {
  const { globalTransaction } = tablesOf(manager.connection);
  const now = isSqlite(manager.connection) ? "strftime('%Y-%m-%d %H:%M:%f', 'now')" : 'UTC_TIMESTAMP(3)';
  const result = await manager.queryRunner?.query(
    `UPDATE ${globalTransaction} SET quarantined_at = ${now}, quarantine_fault = ?, wake_at = '${NEVER}', waker = NULL
     WHERE gid = ? AND seq = ? AND quarantined_at IS NULL`,
    [fault.slice(0, MAX_FAULT_LENGTH), gid, seq],
    true,
  );
  if ((result?.affected ?? 0) === 0) return null;
  const [row]: { at: Date | string }[] = await manager.query(
    `SELECT quarantined_at AS at FROM ${globalTransaction} WHERE gid = ?`,
    [gid],
  );
  return row === undefined ? null : instantOf(row.at);
}

/** @param released.wakeAt when somebody must look at it; null when nothing is owed */
export async function releaseQuarantined(
  manager: EntityManager,
  { gid, seq, wakeAt }: { readonly gid: string; readonly seq: number; readonly wakeAt: Instant | null },
): Promise<void> {
  const { globalTransaction } = tablesOf(manager.connection);
  await manager.query(
    `UPDATE ${globalTransaction} SET quarantined_at = NULL, quarantine_fault = NULL, wake_at = ?, miss_count = 0
     WHERE gid = ? AND seq = ? AND quarantined_at IS NOT NULL`,
    [wakeAt === null ? null : sqlInstant(wakeAt), gid, seq],
  );
}
