/**
 * How far one page of a list searches. Where no index leads to what is asked for, such as a rare participant among all that
 * are over, a page ends after so many transactions, found or not, and the next one goes on there.
 */
import type { EntityManager } from 'typeorm';
import type { TransactionFilter } from '../../application/ports.ts';
import { sqlInstant } from './columns.ts';
import { isSqlite } from './data-source.ts';
import { tablesOf } from './table-names.ts';
import { isOwing } from './transaction-list.ts';

/** Read in a fraction of a second with their branches. */
export const MAX_SEARCHED = 20_000;

/** The gid that the page searches last; null where it searches all. */
export async function searchEnd(manager: EntityManager, filter: TransactionFilter): Promise<string | null> {
  if (isPlain(filter) || isOwing(filter) || filter.businessKey !== null) return null;
  if (filter.beganAfter !== null && (await areFewSince(manager, filter.beganAfter))) return null;
  const { before } = filter;
  const inOrder = isSqlite(manager.connection) ? '' : 'FORCE INDEX (PRIMARY)';
  const [row]: { gid: string }[] = await manager.query(
    `SELECT gid FROM ${tablesOf(manager.connection).globalTransaction} ${inOrder} ${before === null ? '' : 'WHERE gid < ?'}
     ORDER BY gid DESC LIMIT 1 OFFSET ${MAX_SEARCHED - 1}`,
    before === null ? [] : [before],
  );
  return row?.gid ?? null;
}

/** Each transaction is asked for, so the limit of the page is soon reached. */
const isPlain = ({ before: _before, limit: _limit, ...filter }: TransactionFilter): boolean =>
  Object.values(filter).every((value) => value === null);

/** What began then or later also ended later, and that has an index. */
async function areFewSince(manager: EntityManager, beganAfter: number): Promise<boolean> {
  const further: unknown[] = await manager.query(
    `SELECT 1 FROM ${tablesOf(manager.connection).globalTransaction} WHERE finished_at >= ?
     LIMIT 1 OFFSET ${MAX_SEARCHED}`,
    [sqlInstant(beganAfter)],
  );
  return further.length === 0;
}
