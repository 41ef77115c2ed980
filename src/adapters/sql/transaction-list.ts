/**
 * Finding transactions by what they are: for lists, for a participant that is well again, for metrics.
 *
 * Every transaction that is not finished, and the rare finished one that still owes the cancel of a late try, has a
 * `wake_at`; all others have none. So what is under way is found through the index of `wake_at`, among however many
 * are over, and no index has to begin with the status.
 */
import { type EntityManager, In } from 'typeorm';
import { isReadVersion, NEWEST_READ_VERSION, OLDEST_READ_VERSION } from '../../application/journal.ts';
import type {
  QuarantinedTransaction,
  TransactionEnd,
  TransactionFilter,
  Unfinished,
} from '../../application/ports.ts';
import type { GlobalTransaction, Instant, Status } from '../../domain/index.ts';
import { sqlInstant } from './columns.ts';
import { isSqlite } from './data-source.ts';
import { branchEntity, type TransactionRow, transactionEntity } from './entities.ts';
import { readTransaction } from './row-faults.ts';
import { tablesOf } from './table-names.ts';

// ── Lists ────────────────────────────────────────────────────────────────────────────────────────────────────

/** Which gids, and what they hold, in one statement: so each row still is what it was found by. */
export async function listTransactions(
  manager: EntityManager,
  filter: TransactionFilter,
): Promise<readonly (GlobalTransaction | QuarantinedTransaction)[]> {
  const page = pageOf(filter, manager);
  const rows = await manager
    .getRepository(transactionEntity)
    .createQueryBuilder('tx')
    .innerJoin(`(${page.sql})`, 'page', 'page.gid = tx.gid')
    .leftJoinAndMapMany('tx.branches', branchEntity.options.name, 'branch', 'branch.gid = tx.gid')
    .select(['tx', ...columnsWithoutPayload(manager)])
    .setParameters(page.parameters)
    .orderBy('tx.gid', 'DESC')
    .addOrderBy('branch.position')
    .getMany();
  return (rows as TransactionRow[]).map(listed);
}

function listed(row: TransactionRow): GlobalTransaction | QuarantinedTransaction {
  const { gid, quarantinedAt, quarantineFault } = row;
  const { tx, fault } = readTransaction(row);
  if (quarantinedAt === null && fault === null) return withoutPayloads(tx);
  return { gid, fault: quarantineFault ?? fault ?? '', quarantinedAt };
}

/** Payloads and results are the bulk of a branch, and nobody lists them. */
const columnsWithoutPayload = (manager: EntityManager): string[] =>
  manager.connection
    .getMetadata(branchEntity)
    .columns.map(({ propertyPath }) => `branch.${propertyPath}`)
    .filter((column) => column !== 'branch.payload' && column !== 'branch.result');

const withoutPayloads = (tx: GlobalTransaction): GlobalTransaction => ({
  ...tx,
  branches: tx.branches.map((branch) => ({ ...branch, payload: '', result: null })),
});

/** Only transactions of which something is owed can match. */
export const isOwing = ({ status, isParked, isQuarantined, attention }: TransactionFilter): boolean =>
  isParked === true ||
  isQuarantined === true ||
  attention?.isNeeded === true ||
  (status !== null && !IS_FINAL[status]);

/** The gids of one page. A row in a version that this coordinator does not know is left out, and hides no other. */
function pageOf(filter: TransactionFilter, manager: EntityManager) {
  const { status, isParked, isQuarantined, attention, participant, name, businessKey, beganAfter } = filter;
  const { before, from: last = null, limit } = filter;
  const owes = isOwing(filter);
  const conditions = [
    'tx.version BETWEEN :oldest AND :newest',
    owes && 'tx.wake_at IS NOT NULL',
    status !== null && 'tx.status = :status',
    isParked !== null && `tx.parked_at IS ${isParked ? 'NOT NULL' : 'NULL'}`,
    isQuarantined !== null && `tx.quarantined_at IS ${isQuarantined ? 'NOT NULL' : 'NULL'}`,
    attention !== null && waitsSince(attention.isNeeded),
    participant !== null && hasBranch(manager, 'branch.participant = :participant'),
    name !== null && sameText('tx.name', ':name'),
    businessKey !== null &&
      `tx.business_key = :businessKey AND ${sameText('tx.business_key', ':businessKey')}`,
    beganAfter !== null && 'tx.began_at >= :beganAfter',
    beganAfter !== null && !owes && endedAfter(status),
    before !== null && 'tx.gid < :before',
    last !== null && 'tx.gid >= :last',
  ].filter((condition) => condition !== false);
  // Few have the same business key, so its index leads there better than any other.
  const from = owes && businessKey === null ? throughWakeAt(manager) : '';
  return {
    sql: `SELECT tx.gid AS gid FROM ${asTx(manager)} ${from}
      WHERE ${conditions.join(' AND ')} ORDER BY tx.gid DESC LIMIT :limit`,
    parameters: {
      oldest: OLDEST_READ_VERSION,
      newest: NEWEST_READ_VERSION,
      status,
      participant,
      name,
      businessKey,
      before,
      last,
      limit,
      beganAfter: beganAfter === null ? null : sqlInstant(beganAfter),
      since: attention === null ? null : sqlInstant(attention.since),
    },
  };
}

/**
 * Since when a row of which something is owed waits for a success that must come; NULL while its deadline may end it. The usual
 * instant is not stored again.
 */
export const waitingSinceOf = (row: string): string =>
  `COALESCE(${['waiting_since', 'finished_at', 'decided_at', 'pivot_started_at'].map((column) => `${row}.${column}`).join(', ')})`;

const WAITING_SINCE = waitingSinceOf('tx');
const waitsSince = (isNeeded: boolean): string =>
  isNeeded
    ? `${WAITING_SINCE} <= :since`
    : `(tx.wake_at IS NULL OR ${WAITING_SINCE} IS NULL OR ${WAITING_SINCE} > :since)`;

/** The statuses that a transaction ends in. */
const IS_FINAL: Readonly<Record<Status, boolean>> = {
  trying: false,
  confirming: false,
  confirmed: true,
  cancelling: false,
  cancelled: true,
};

/** What began later also ended later: no restriction, but one that has an index. */
const endedAfter = (status: Status | null): string =>
  status === null
    ? '(tx.wake_at IS NOT NULL OR tx.finished_at >= :beganAfter)'
    : 'tx.finished_at >= :beganAfter';

/** To the letter: the databases' own comparisons differ in case, accents and blanks at the end. */
const sameText = (one: string, other: string): string => `HEX(${one}) = HEX(${other})`;

/** Counted, since for an EXISTS MariaDB may read all branches that there are. */
export const hasBranch = (manager: EntityManager, condition: string): string =>
  `(SELECT COUNT(*) FROM ${tablesOf(manager.connection).branch} branch
    WHERE branch.gid = tx.gid AND ${condition}) > 0`;

/** The table, under the name that conditions have for it. */
export const asTx = ({ connection }: EntityManager): string => `${tablesOf(connection).globalTransaction} tx`;

/**
 * Optimizers go through the gids for a small LIMIT, in the hope that it is soon reached; where the status is a rare one
 * they read all that ever was.
 */
export function throughWakeAt({ connection }: EntityManager): string {
  const { wakeAtIndex } = tablesOf(connection);
  return isSqlite(connection) ? `INDEXED BY ${wakeAtIndex}` : `FORCE INDEX (${wakeAtIndex})`;
}

// ── What waits for a participant ─────────────────────────────────────────────────────────────────────────────

export const IS_NOT_QUARANTINED = 'tx.quarantined_at IS NULL';
export const HAS_NOT_ANSWERED = "(branch.phase_two_reply IS NULL OR branch.phase_two_reply <> 'succeeded')";

/** With the text of `callbackTo`. One that differs in case may be found too, which the protocol then refuses. */
export const IS_TO_BE_TOLD = 'tx.finished_at IS NOT NULL AND INSTR(tx.callback, ?) > 0';
/** Names need no quoting. */
export const callbackTo = (participant: string): string => `"participant":"${participant}"`;

export async function gidsWaitingFor(
  manager: EntityManager,
  participant: string,
  after: string,
  limit: number,
): Promise<readonly string[]> {
  const waits = `branch.participant = ? AND ${HAS_NOT_ANSWERED}`;
  const rows: { gid: string }[] = await manager.query(
    `SELECT tx.gid AS gid FROM ${asTx(manager)} ${throughWakeAt(manager)}
     WHERE tx.wake_at IS NOT NULL AND ${IS_NOT_QUARANTINED} AND tx.gid > ? AND (${hasBranch(manager, waits)} OR ${IS_TO_BE_TOLD})
     ORDER BY tx.gid LIMIT ?`,
    [after, participant, callbackTo(participant), limit],
  );
  return rows.map(({ gid }) => gid);
}

// ── Ends ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** A row that this coordinator does not understand is there, and is not said to be final. */
export async function findEnds(
  manager: EntityManager,
  gids: readonly string[],
): Promise<readonly TransactionEnd[]> {
  if (gids.length === 0) return [];
  const rows = await manager.getRepository(transactionEntity).find({
    select: { gid: true, version: true, deadlineAt: true, finishedAt: true, parkedAt: true, wakeAt: true },
    where: { gid: In([...gids]) },
    order: { gid: 'ASC' },
  });
  return rows.map(({ gid, version, deadlineAt, finishedAt, parkedAt, wakeAt }) => ({
    gid,
    isFinal: isReadVersion(version) && finishedAt !== null && parkedAt === null && wakeAt === null,
    deadlineAt,
    finishedAt,
  }));
}

// ── Numbers ──────────────────────────────────────────────────────────────────────────────────────────────────

/** MySQL's client tells counts as text, since they may be larger than a number holds. */
type Counted = {
  status: Status;
  count: number | string;
  parkedCount: number | string;
  attentionCount: number | string;
  quarantinedCount: number | string;
  oldestBeganAt: Date | string;
  oldestWakeAt: Date | string;
};

export async function countOwing(manager: EntityManager, attentionSince: Instant): Promise<Unfinished> {
  const rows: Counted[] = await manager.query(
    `SELECT status, COUNT(*) AS count, COUNT(parked_at) AS parkedCount,
       COUNT(CASE WHEN ${WAITING_SINCE} <= ? THEN 1 END) AS attentionCount,
       COUNT(quarantined_at) AS quarantinedCount,
       MIN(began_at) AS oldestBeganAt, MIN(wake_at) AS oldestWakeAt
     FROM ${asTx(manager)} ${throughWakeAt(manager)} WHERE wake_at IS NOT NULL GROUP BY status`,
    [sqlInstant(attentionSince)],
  );
  return {
    countByStatus: Object.fromEntries(rows.map(({ status, count }) => [status, Number(count)])),
    parkedCount: rows.reduce((sum, { parkedCount }) => sum + Number(parkedCount), 0),
    attentionCount: rows.reduce((sum, { attentionCount }) => sum + Number(attentionCount), 0),
    quarantinedCount: rows.reduce((sum, { quarantinedCount }) => sum + Number(quarantinedCount), 0),
    oldestBeganAt: oldest(rows.map(({ oldestBeganAt }) => instantOf(oldestBeganAt))),
    oldestWakeAt: oldest(rows.map(({ oldestWakeAt }) => instantOf(oldestWakeAt))),
  };
}

/** MySQL answers a Date, SQLite the text that was written. */
export const instantOf = (at: Date | string): Instant =>
  at instanceof Date ? at.getTime() : Date.parse(`${at.replace(' ', 'T')}Z`);

const oldest = (instants: readonly Instant[]): Instant | null =>
  instants.length > 0 ? Math.min(...instants) : null;
