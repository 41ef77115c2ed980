/**
 * Alerts in the table `alert`: one row for each transaction and cause, for as long as the cause lasts.
 *
 * What is owed is found through the index of `wake_at`. Rows of `global_transaction` and `branch` are only read, in
 * statements of their own: a statement that also wrote could lock them against the hot writes.
 */
import type { DataSource, EntityManager } from 'typeorm';
import type { AlertBatch, AlertCause, AlertLimits, AlertStore } from '../../application/alerts.ts';
import { NEWEST_READ_VERSION, OLDEST_READ_VERSION } from '../../application/journal.ts';
import type { Instant } from '../../domain/index.ts';
import { ask } from './ask.ts';
import { sqlInstant } from './columns.ts';
import { isSqlite } from './data-source.ts';
import { type TableNames, tablesOf } from './table-names.ts';
import { hasBranch, instantOf, throughWakeAt, asTx, waitingSinceOf } from './transaction-list.ts';
import { insist } from './wake-rows.ts';

type Condition = { readonly sql: string; readonly values: readonly (string | number)[] };

export class SqlAlertStore implements AlertStore {
  readonly #dataSource: DataSource;
  readonly #tables: TableNames;

  constructor(given: { dataSource: DataSource }) {
    this.#dataSource = given.dataSource;
    this.#tables = tablesOf(given.dataSource);
  }

  async raise(given: Parameters<AlertStore['raise']>[0]): Promise<void> {
    const { limits, batchId, raisedAt, dueAt, limit } = given;
    const found = await ask(this.#dataSource, (manager) => findUnraised(manager, limits, limit));
    if (found.length === 0) return;
    const [raised, due] = [sqlInstant(raisedAt), sqlInstant(dueAt)];
    const rows = found.flatMap(({ gid, cause }) => [gid, cause, batchId, raised, 0, due]);
    const marks = found.map(() => '(?, ?, ?, ?, ?, ?)').join(', ');
    // Another replica may have raised some of them since: those are part of its batch.
    await this.#write(
      `INSERT ${isSqlite(this.#dataSource) ? 'OR IGNORE' : 'IGNORE'} INTO ${this.#tables.alert}
         (gid, cause, batch_id, raised_at, attempt_count, due_at) VALUES ${marks}`,
      rows,
    );
  }

  async forgetEnded(limit: number): Promise<void> {
    await this.forget(await this.#read(endedOf(this.#dataSource.manager), [limit]));
  }

  async forget(alerts: readonly Found[]): Promise<void> {
    if (alerts.length === 0) return;
    const marks = alerts.map(() => '(gid = ? AND cause = ?)').join(' OR ');
    await this.#write(
      `DELETE FROM ${this.#tables.alert} WHERE ${marks}`,
      alerts.flatMap(({ gid, cause }) => [gid, cause]),
    );
  }

  async claim({ now, dueAt }: Parameters<AlertStore['claim']>[0]): Promise<AlertBatch | null> {
    const isDue = 'sent_at IS NULL AND due_at <= ?';
    const nowText = sqlInstant(now);
    const [first]: { batchId: string; attemptCount: number }[] = await this.#read(
      `SELECT batch_id AS batchId, attempt_count AS attemptCount FROM ${this.#tables.alert} WHERE ${isDue}
       ORDER BY due_at, batch_id LIMIT 1`,
      [nowText],
    );
    if (first === undefined) return null;
    const { batchId, attemptCount } = first;
    const claimed = [sqlInstant(dueAt(attemptCount)), attemptCount + 1, batchId] as const;
    // Of two replicas that read the same batch, the second finds that it is due no more, and changes no row.
    const changedCount = await this.#write(
      `UPDATE ${this.#tables.alert} SET due_at = ?, attempt_count = ? WHERE batch_id = ? AND ${isDue}`,
      [...claimed, nowText],
    );
    return changedCount === 0 ? null : { batchId, alerts: await this.#alertsOf(batchId) };
  }

  async #alertsOf(batchId: string): Promise<AlertBatch['alerts']> {
    const rows: { gid: string; cause: AlertCause; raisedAt: Date | string }[] = await this.#read(
      `SELECT gid, cause, raised_at AS raisedAt FROM ${this.#tables.alert}
       WHERE batch_id = ? AND sent_at IS NULL ORDER BY gid, cause`,
      [batchId],
    );
    return rows.map(({ gid, cause, raisedAt }) => ({ gid, cause, raisedAt: instantOf(raisedAt) }));
  }

  async markSent(batchId: string, at: Instant): Promise<void> {
    await this.#write(`UPDATE ${this.#tables.alert} SET sent_at = ? WHERE batch_id = ?`, [
      sqlInstant(at),
      batchId,
    ]);
  }

  #read<Row>(sql: string, values: readonly (string | number)[]): Promise<Row[]> {
    return ask(this.#dataSource, (manager) => manager.query(sql, [...values]));
  }

  /** @returns how many rows were changed */
  #write(sql: string, values: readonly (string | number)[]): Promise<number> {
    return insist(() =>
      ask(this.#dataSource, async (manager) => {
        const result = await manager.queryRunner?.query(sql, [...values], true);
        return result?.affected ?? 0;
      }),
    );
  }
}

// ── Causes ───────────────────────────────────────────────────────────────────────────────────────────────────

/** Of an ended transaction, a branch that is cancelled once more; its callback is a cause of its own. */
const waitsSince = (manager: EntityManager, at: string): string =>
  `CASE WHEN tx.finished_at IS NULL THEN ${waitingSinceOf('tx')} <= ${at}
   ELSE ${hasBranch(manager, `branch.waiting_since <= ${at}`)} END`;

const IS_UNDELIVERED = `tx.callback IS NOT NULL AND INSTR(tx.notification, '"reply":"succeeded"') = 0`;

const IS_FAILING = `(branch.phase_two_reply IS NULL OR branch.phase_two_reply <> 'succeeded')
  AND branch.phase_two_attempt_count >= ?`;

type ConditionOf = (manager: EntityManager, limits: AlertLimits) => Condition;

const CONDITIONS: Readonly<Record<AlertCause, ConditionOf>> = {
  needs_attention: (manager, { waitingSince }) => ({
    sql: waitsSince(manager, '?'),
    values: [sqlInstant(waitingSince), sqlInstant(waitingSince)],
  }),
  callback_undelivered: (_manager, { waitingSince }) => ({
    sql: `tx.finished_at <= ? AND ${IS_UNDELIVERED}`,
    values: [sqlInstant(waitingSince)],
  }),
  compensation_failing: (manager, { attemptCount }) => ({
    sql: `tx.decision = 'cancel' AND ${hasBranch(manager, IS_FAILING)}`,
    values: [attemptCount],
  }),
};

const causes = Object.keys(CONDITIONS) as AlertCause[];

type Found = { readonly gid: string; readonly cause: AlertCause };

/** @returns up to `limit` of all causes together */
async function findUnraised(manager: EntityManager, limits: AlertLimits, limit: number): Promise<Found[]> {
  const found: Found[] = [];
  for (const cause of causes) {
    const { sql, values } = CONDITIONS[cause](manager, limits);
    const rows: { gid: string }[] = await manager.query(
      `SELECT tx.gid AS gid FROM ${asTx(manager)} ${throughWakeAt(manager)}
       LEFT JOIN ${tablesOf(manager.connection).alert} alert ON alert.gid = tx.gid AND alert.cause = ?
       WHERE tx.wake_at IS NOT NULL AND tx.version BETWEEN ? AND ? AND alert.gid IS NULL AND ${sql} LIMIT ?`,
      [cause, OLDEST_READ_VERSION, NEWEST_READ_VERSION, ...values, limit - found.length],
    );
    found.push(...rows.map(({ gid }) => ({ gid, cause })));
    if (found.length === limit) break;
  }
  return found;
}

/** What waits now, and did when the alert was raised; of a callback, whether it is still owed. */
const stillWaits = (
  manager: EntityManager,
): string => `CASE WHEN alert.cause = 'callback_undelivered' THEN tx.finished_at IS NOT NULL AND ${IS_UNDELIVERED}
  ELSE ${waitsSince(manager, 'alert.raised_at')} END`;

/** Also those whose transaction was removed. */
const endedOf = (manager: EntityManager): string => `SELECT alert.gid AS gid, alert.cause AS cause
  FROM ${tablesOf(manager.connection).alert} alert LEFT JOIN ${asTx(manager)} ON tx.gid = alert.gid
  WHERE CASE WHEN tx.wake_at IS NOT NULL AND ${stillWaits(manager)} THEN 0 ELSE 1 END = 1 LIMIT ?`;
