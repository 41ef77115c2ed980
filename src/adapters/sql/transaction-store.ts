/** The read side of the store, and the sweep's claims, on MySQL, MariaDB and SQLite. */
import type { DataSource, EntityManager } from 'typeorm';
import { JOURNAL_VERSION } from '../../application/journal.ts';
import type { Claim, JournalRow, Saved, TransactionStore } from '../../application/ports.ts';
import type { Branch, Call, GlobalTransaction } from '../../domain/index.ts';
import { ask } from './ask.ts';
import { sqlInstant } from './batch-statements.ts';
import {
  type BranchRow,
  beginKeyEntity,
  branchEntity,
  type CallRow,
  journalEntity,
  type TransactionRow,
  transactionEntity,
} from './entities.ts';

/** A deadlock or a lock wait between sweepers: the next try finds the rows free or claimed. */
const CLAIM_ATTEMPTS = 3;
/** A row that is claimed again and again is looked at no more rarely than this many doublings allow. */
const MAX_DOUBLINGS = 8;

export class SqlTransactionStore implements TransactionStore {
  readonly #dataSource: DataSource;

  constructor(given: { dataSource: DataSource }) {
    this.#dataSource = given.dataSource;
  }

  /** One statement: two reads could mix the versions before and after a save. */
  async load(gid: string): Promise<Saved | null> {
    const row = await ask(this.#dataSource, (manager) =>
      manager
        .getRepository(transactionEntity)
        .createQueryBuilder('tx')
        .leftJoinAndMapMany('tx.branches', branchEntity.options.name, 'branch', 'branch.gid = tx.gid')
        .where('tx.gid = :gid', { gid })
        .orderBy('branch.position')
        .getOne(),
    );
    if (row === null) return null;
    refuseUnknownVersion(row);
    return { tx: transactionOf(row as TransactionRow), seq: row.seq };
  }

  async journalOf(gid: string): Promise<readonly JournalRow[]> {
    const rows = await ask(this.#dataSource, (manager) =>
      manager.getRepository(journalEntity).find({ where: { gid }, order: { seq: 'ASC' } }),
    );
    return rows.map(({ version, entries, ...row }) => {
      refuseUnknownVersion({ gid, version });
      return { ...row, entries: JSON.parse(entries) };
    });
  }

  async gidOfBeginKey(beginKey: string): Promise<string | null> {
    const row = await ask(this.#dataSource, (manager) =>
      manager.getRepository(beginKeyEntity).findOneBy({ beginKey }),
    );
    return row?.gid ?? null;
  }

  async claimDue(claim: Claim): Promise<readonly string[]> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await ask(this.#dataSource, (manager) => claimWith(manager, claim));
      } catch (error) {
        if (attempt === CLAIM_ATTEMPTS) throw error;
      }
    }
  }

  async check(): Promise<void> {
    await ask(this.#dataSource, (manager) => manager.query('SELECT 1 FROM guard'));
  }
}

/** Re-dates and marks what is due, then reads back what this waker got: of several sweepers, each row has one. */
async function claimWith(manager: EntityManager, claim: Claim): Promise<readonly string[]> {
  const { now, limit, waker, againAfterMs } = claim;
  const nowText = sqlInstant(now);
  const due: { gid: string; missCount: number }[] = await manager.query(
    'SELECT gid, miss_count AS missCount FROM global_transaction WHERE wake_at <= ? ORDER BY wake_at LIMIT ?',
    [nowText, limit],
  );
  if (due.length === 0) return [];
  for (const [missCount, rows] of Map.groupBy(due, (row) => Math.min(row.missCount, MAX_DOUBLINGS))) {
    const gids = rows.map(({ gid }) => gid).sort();
    await manager.query(
      `UPDATE global_transaction SET wake_at = ?, waker = ?, miss_count = miss_count + 1
       WHERE gid IN (${gids.map(() => '?').join(', ')}) AND wake_at <= ?`,
      [sqlInstant(now + againAfterMs * 2 ** missCount), waker, ...gids, nowText],
    );
  }
  const claimed: { gid: string }[] = await manager.query(
    `SELECT gid FROM global_transaction WHERE gid IN (${due.map(() => '?').join(', ')}) AND waker = ?`,
    [...due.map(({ gid }) => gid), waker],
  );
  return claimed.map(({ gid }) => gid);
}

/** A replica that does not know how a row was meant neither calls for it nor saves over it. */
function refuseUnknownVersion({ gid, version }: { gid: string; version: number }): void {
  if (version === JOURNAL_VERSION) return;
  throw new Error(
    `transaction ${gid} was written in version ${version}; this coordinator knows ${JOURNAL_VERSION}`,
  );
}

function transactionOf(row: TransactionRow): GlobalTransaction {
  const { decision, decisionReason: reason, decidedAt: at, decidedByBranchId: branchId } = row;
  return {
    gid: row.gid,
    pattern: row.pattern,
    mode: row.mode,
    name: row.name,
    businessKey: row.businessKey,
    bodyHash: row.bodyHash,
    traceparent: row.traceparent,
    policy: row.policy,
    beganAt: row.beganAt,
    deadlineAt: row.deadlineAt,
    status: row.status,
    decision: decision && reason && at !== null ? { decision, reason, at, branchId } : null,
    finishedAt: row.finishedAt,
    branches: row.branches.map(branchOf),
  };
}

const branchOf = (row: BranchRow): Branch => ({
  branchId: row.branchId,
  participant: row.participant,
  activity: row.activity,
  payload: row.payload,
  bodyHash: row.bodyHash,
  phaseOne: callOf(row.phaseOne),
  phaseTwo: callOf(row.phaseTwo),
  lateTryCount: row.lateTryCount,
});

const callOf = (row: CallRow): Call => ({
  reply: row.reply,
  attemptCount: row.attemptCount,
  dueAt: row.dueAt,
  parkedAt: row.parkedAt,
  answer: row.answer,
  ongoing: null,
});
