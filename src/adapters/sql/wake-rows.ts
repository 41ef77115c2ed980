/**
 * When somebody must look at a row: the sweep's claims, and new dates for rows that wait. Both are hints, written beside
 * the journal; every save writes its own over them.
 */
import type { EntityManager } from 'typeorm';
import type { Claim, Redate } from '../../application/ports.ts';
import { sqlInstant } from './columns.ts';
import { tablesOf } from './table-names.ts';

/** A deadlock or a lock wait between sweepers: the next try finds the rows free or claimed. */
const ATTEMPTS = 3;
/** A row that is claimed again and again is looked at no more rarely than this many doublings allow. */
const MAX_DOUBLINGS = 8;

/** Asks again after a refusal; what is written here may as well be written twice. */
export async function insist<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

/** Re-dates and marks what is due, then reads back what this waker got: of several sweepers, each row has one. */
export async function claimRows(manager: EntityManager, claim: Claim): Promise<readonly string[]> {
  const { now, limit, waker, againAfterMs } = claim;
  const nowText = sqlInstant(now);
  const { globalTransaction } = tablesOf(manager.connection);
  const due: { gid: string; missCount: number }[] = await manager.query(
    `SELECT gid, miss_count AS missCount FROM ${globalTransaction} WHERE wake_at <= ? ORDER BY wake_at LIMIT ?`,
    [nowText, limit],
  );
  if (due.length === 0) return [];
  for (const [missCount, rows] of Map.groupBy(due, (row) => Math.min(row.missCount, MAX_DOUBLINGS))) {
    const gids = rows.map(({ gid }) => gid).sort();
    await manager.query(
      `UPDATE ${globalTransaction} SET wake_at = ?, waker = ?, miss_count = miss_count + 1
       WHERE gid IN (${gids.map(() => '?').join(', ')}) AND wake_at <= ?`,
      [sqlInstant(now + againAfterMs * 2 ** missCount), waker, ...gids, nowText],
    );
  }
  const claimed: { gid: string }[] = await manager.query(
    `SELECT gid FROM ${globalTransaction} WHERE gid IN (${due.map(() => '?').join(', ')}) AND waker = ?`,
    [...due.map(({ gid }) => gid), waker],
  );
  return claimed.map(({ gid }) => gid);
}

/**
 * New dates in one statement, its rows sorted as those of a batch are, so that both lock them in one order. A row that
 * has another seq by now, or owes nothing more, keeps the date that it was saved with.
 */
export async function redateRows(manager: EntityManager, rows: readonly Redate[]): Promise<void> {
  if (rows.length === 0) return;
  const sorted = [...rows].sort((one, other) => (one.gid < other.gid ? -1 : 1));
  const { globalTransaction } = tablesOf(manager.connection);
  const whens = sorted.map(() => 'WHEN ? THEN ?').join(' ');
  await manager.query(
    `UPDATE ${globalTransaction} SET wake_at = CASE gid ${whens} END, waker = NULL, miss_count = 0
     WHERE gid IN (${sorted.map(() => '?').join(', ')}) AND seq = CASE gid ${whens} END AND wake_at IS NOT NULL
       AND quarantined_at IS NULL`,
    [
      ...sorted.flatMap(({ gid, wakeAt }) => [gid, sqlInstant(wakeAt)]),
      ...sorted.map(({ gid }) => gid),
      ...sorted.flatMap(({ gid, seq }) => [gid, seq]),
    ],
  );
}
