/**
 * Recoveries of participants, in their rows, and claims in the table `resumption`, on MySQL, MariaDB and SQLite. No row that a
 * batch writes is changed here.
 */
import type { DataSource, EntityManager } from 'typeorm';
import { NEWEST_READ_VERSION, OLDEST_READ_VERSION } from '../../application/journal.ts';
import type { ResumptionClaim, Resumptions, WaitingQuery } from '../../application/ports.ts';
import { DEFAULT_RETRY_BUDGET_MS, type Instant, MIN_ATTEMPTS } from '../../domain/index.ts';
import { ask } from './ask.ts';
import { sqlInstant } from './columns.ts';
import { isSqlite } from './data-source.ts';
import { type TableNames, tablesOf } from './table-names.ts';
import {
  callbackTo,
  HAS_NOT_ANSWERED,
  hasBranch,
  instantOf,
  IS_NOT_QUARANTINED,
  IS_TO_BE_TOLD,
  throughWakeAt,
  asTx,
} from './transaction-list.ts';
import { insist } from './wake-rows.ts';

export class SqlResumptions implements Resumptions {
  readonly #dataSource: DataSource;
  readonly #tables: TableNames;

  constructor(given: { dataSource: DataSource }) {
    this.#dataSource = given.dataSource;
    this.#tables = tablesOf(given.dataSource);
  }

  note(participant: string, now: Instant, notedAfter: Instant): Promise<boolean> {
    return insist(() =>
      ask(this.#dataSource, async (manager) => {
        const result = await manager.queryRunner?.query(
          `UPDATE ${this.#tables.participant} SET resumed_at = ?
           WHERE name = ? AND (resumed_at IS NULL OR resumed_at <= ? OR resumed_at > ?)`,
          [sqlInstant(now), participant, sqlInstant(notedAfter), sqlInstant(now + (now - notedAfter))],
          true,
        );
        return (result?.affected ?? 0) > 0;
      }),
    );
  }

  async notes(): Promise<ReadonlyMap<string, Instant>> {
    const rows: { name: string; resumedAt: Date | string }[] = await this.#read(
      `SELECT name, resumed_at AS resumedAt FROM ${this.#tables.participant} WHERE resumed_at IS NOT NULL`,
    );
    return new Map(rows.map(({ name, resumedAt }) => [name, instantOf(resumedAt)]));
  }

  waitingFor(query: WaitingQuery): Promise<readonly string[]> {
    return ask(this.#dataSource, (manager) => waitingFor(manager, query));
  }

  claim(claim: ResumptionClaim): Promise<readonly string[]> {
    return insist(() => ask(this.#dataSource, (manager) => claimResumptions(manager, claim)));
  }

  /** Looked for first, so that a DELETE, which locks, is rare. */
  async forgetClaims(expiredAt: Instant, limit: number): Promise<number> {
    const rows: { participant: string; gid: string }[] = await this.#read(
      `SELECT participant, gid FROM ${this.#tables.resumption} WHERE claimed_at <= ? ORDER BY claimed_at LIMIT ?`,
      [sqlInstant(expiredAt), limit],
    );
    for (const [participant, expired] of Map.groupBy(rows, (row) => row.participant)) {
      const gids = expired.map(({ gid }) => gid).sort();
      await insist(() =>
        this.#read(
          `DELETE FROM ${this.#tables.resumption} WHERE participant = ? AND gid IN (${marks(gids)}) AND claimed_at <= ?`,
          [participant, ...gids, sqlInstant(expiredAt)],
        ),
      );
    }
    return rows.length;
  }

  async givenUpParticipants(): Promise<readonly string[]> {
    const branches: { participant: string }[] = await this.#read(
      `SELECT DISTINCT branch.participant AS participant ${this.#fromParked()}`,
    );
    const told: { callback: string }[] = await this.#read(
      `SELECT DISTINCT tx.callback AS callback ${this.#fromSpentCallbacks()}`,
    );
    const callbacks = told.map(
      ({ callback }) => (JSON.parse(callback) as { participant: string }).participant,
    );
    return [...new Set([...branches.map(({ participant }) => participant), ...callbacks])].sort();
  }

  async givenUp(participant: string, after: string, limit: number): Promise<readonly string[]> {
    const branches: { gid: string }[] = await this.#read(
      `SELECT DISTINCT tx.gid AS gid ${this.#fromParked()} AND branch.participant = ? AND tx.gid > ?
       ORDER BY tx.gid LIMIT ?`,
      [participant, after, limit],
    );
    const callbacks: { gid: string }[] = await this.#read(
      `SELECT tx.gid AS gid ${this.#fromSpentCallbacks()} AND INSTR(tx.callback, ?) > 0 AND tx.gid > ?
       ORDER BY tx.gid LIMIT ?`,
      [callbackTo(participant), after, limit],
    );
    const gids = [...branches, ...callbacks].map(({ gid }) => gid);
    return [...new Set(gids)].sort().slice(0, limit);
  }

  #fromParked(): string {
    return `FROM ${asTx(this.#dataSource.manager)} ${throughWakeAt(this.#dataSource.manager)}
      JOIN ${this.#tables.branch} branch ON branch.gid = tx.gid
      WHERE tx.wake_at IS NOT NULL AND tx.parked_at IS NOT NULL AND ${IS_READ}
      AND (${isParked('phase_one')} OR ${isParked('phase_two')})`;
  }

  #fromSpentCallbacks(): string {
    return `FROM ${asTx(this.#dataSource.manager)} ${throughWakeAt(this.#dataSource.manager)}
      WHERE tx.wake_at IS NOT NULL AND tx.finished_at IS NOT NULL AND ${IS_READ} AND ${IS_CALLBACK_SPENT}`;
  }

  #read<Row>(sql: string, values: readonly (string | number)[] = []): Promise<Row[]> {
    return ask(this.#dataSource, (manager) => manager.query(sql, [...values]));
  }
}

// ── What waits ───────────────────────────────────────────────────────────────────────────────────────────────

const IS_READ = `tx.version BETWEEN ${OLDEST_READ_VERSION} AND ${NEWEST_READ_VERSION} AND ${IS_NOT_QUARANTINED}`;

type Phase = 'phase_one' | 'phase_two';

/** For want of an answer; one that is parked because its poll budget is spent waits for the business. */
const isParked = (phase: Phase): string =>
  `(branch.${phase}_parked_at IS NOT NULL AND branch.${phase}_reply = 'unknown')`;

const isAtWork = (phase: Phase): string =>
  `(branch.${phase}_accepted_at IS NOT NULL AND branch.${phase}_reply IS NULL)`;

/** `isGivenUp` of the domain. One that was stored without what it has spent is called rarely, too. */
const IS_CALLBACK_SPENT = `INSTR(tx.notification, '"reply":"unknown"') > 0
  AND JSON_EXTRACT(tx.notification, '$.attemptCount') + 0 >= ${MIN_ATTEMPTS}
  AND COALESCE(JSON_EXTRACT(tx.notification, '$.spentMs') + 0, ${Number.MAX_SAFE_INTEGER})
    >= COALESCE(JSON_EXTRACT(tx.policy, '$.retry.budgetMs') + 0, ${DEFAULT_RETRY_BUDGET_MS})`;

async function waitingFor(
  manager: EntityManager,
  { participant, datedAfter, after, limit }: WaitingQuery,
): Promise<readonly string[]> {
  const waits = `branch.participant = ? AND ${HAS_NOT_ANSWERED}
    AND NOT ${isAtWork('phase_one')} AND NOT ${isAtWork('phase_two')}`;
  // What the deadline bounds is called again soon, or ended by it.
  const isUnbounded = '(tx.decision IS NOT NULL OR tx.pivot_started_at IS NOT NULL)';
  const rows: { gid: string }[] = await manager.query(
    `SELECT tx.gid AS gid FROM ${asTx(manager)} ${throughWakeAt(manager)}
     WHERE tx.wake_at > ? AND ${IS_READ} AND tx.gid > ? AND ${isUnbounded} AND (${hasBranch(manager, waits)} OR ${IS_TO_BE_TOLD})
     ORDER BY tx.gid LIMIT ?`,
    [sqlInstant(datedAfter), after, participant, callbackTo(participant), limit],
  );
  return rows.map(({ gid }) => gid);
}

// ── Claims ───────────────────────────────────────────────────────────────────────────────────────────────────

/** Claims what has no claim, or an expired one; then reads back what this claimant got. */
async function claimResumptions(
  manager: EntityManager,
  { participant, gids, now, expiredAt, claimant }: ResumptionClaim,
): Promise<readonly string[]> {
  if (gids.length === 0) return [];
  // In one order, so that two replicas wait for each other and never deadlock.
  const sorted = [...gids].sort();
  const nowText = sqlInstant(now);
  const isFree = '(claimed_at <= ? OR claimed_at > ?)';
  const free = [sqlInstant(expiredAt), sqlInstant(now + (now - expiredAt))];
  const rows = sorted.flatMap((gid) => [participant, gid, nowText, claimant]);
  const { resumption } = tablesOf(manager.connection);
  const insert = `INSERT INTO ${resumption} (participant, gid, claimed_at, claimant)
    VALUES ${sorted.map(() => '(?, ?, ?, ?)').join(', ')}`;
  if (isSqlite(manager.connection))
    await manager.query(
      `${insert} ON CONFLICT (participant, gid) DO UPDATE SET claimed_at = ?, claimant = ? WHERE ${isFree}`,
      [...rows, nowText, claimant, ...free],
    );
  // Assigned from left to right: the first still reads the instant of before.
  else
    await manager.query(
      `${insert} ON DUPLICATE KEY UPDATE claimant = IF(${isFree}, ?, claimant),
         claimed_at = IF(${isFree}, ?, claimed_at)`,
      [...rows, ...free, claimant, ...free, nowText],
    );
  const claimed: { gid: string }[] = await manager.query(
    `SELECT gid FROM ${resumption} WHERE participant = ? AND gid IN (${marks(sorted)}) AND claimant = ? ORDER BY gid`,
    [participant, ...sorted, claimant],
  );
  return claimed.map(({ gid }) => gid);
}

const marks = (values: readonly unknown[]): string => values.map(() => '?').join(', ');
