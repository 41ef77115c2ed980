/** The read side of the store, and the sweep's claims, on MySQL, MariaDB and SQLite. */
import { type DataSource, type EntityManager, MoreThan } from 'typeorm';
import type {
  Claim,
  Ended,
  JournalPage,
  JournalRow,
  Loaded,
  Redate,
  TransactionEnd,
  TransactionFilter,
  QuarantinedTransaction,
  Saved,
  TransactionStore,
  Unfinished,
} from '../../application/ports.ts';
import { Quarantined } from '../../application/ports.ts';
import type { GlobalTransaction, Instant } from '../../domain/index.ts';
import { ask } from './ask.ts';
import { bindBeginKey } from './bind-begin-key.ts';
import {
  beginKeyEntity,
  branchEntity,
  journalEntity,
  type TransactionRow,
  transactionEntity,
} from './entities.ts';
import { markQuarantined, releaseQuarantined } from './quarantine-rows.ts';
import { endOfPage, removeFinished } from './remove-finished.ts';
import { searchEnd } from './search-end.ts';
import { countOwing, findEnds, gidsWaitingFor, listTransactions } from './transaction-list.ts';
import { readEntries, readTransaction } from './row-faults.ts';
import { refuseUnknownVersion } from './transaction-rows.ts';
import { type TableNames, tablesOf } from './table-names.ts';
import { claimRows, insist, redateRows } from './wake-rows.ts';

export class SqlTransactionStore implements TransactionStore {
  readonly #dataSource: DataSource;
  readonly #tables: TableNames;
  readonly #onQuarantined: (one: QuarantinedTransaction) => void;

  /** @param given.onQuarantined is called once for each transaction whose rows were found not to add up */
  constructor(given: { dataSource: DataSource; onQuarantined?: (one: QuarantinedTransaction) => void }) {
    this.#dataSource = given.dataSource;
    this.#tables = tablesOf(given.dataSource);
    this.#onQuarantined = given.onQuarantined ?? (() => {});
  }

  async load(gid: string): Promise<Loaded | null> {
    const found = await this.#read(gid);
    if (found === null) return null;
    const { row, newestSeq } = found;
    if (row.quarantinedAt !== null) throw new Quarantined({ gid, fault: row.quarantineFault ?? '' });
    const { tx, fault } = readTransaction(row, newestSeq);
    if (fault !== null) throw await this.#quarantine(row, fault);
    return { tx, seq: row.seq, wakeAt: row.wakeAt };
  }

  async #quarantine({ gid, seq }: TransactionRow, fault: string): Promise<Quarantined> {
    const mark = (manager: EntityManager) => markQuarantined(manager, { gid, seq, fault });
    const quarantinedAt = await insist(() => ask(this.#dataSource, mark));
    if (quarantinedAt !== null) this.#onQuarantined({ gid, fault, quarantinedAt });
    return new Quarantined({ gid, fault });
  }

  async release(gid: string, dateOf: (tx: GlobalTransaction) => Instant | null): Promise<Saved | null> {
    const found = await this.#read(gid);
    if (found === null) return null;
    const { row, newestSeq } = found;
    const { tx, fault } = readTransaction(row, newestSeq);
    if (fault !== null) throw new Quarantined({ gid, fault });
    const { seq, quarantinedAt } = row;
    const released = { gid, seq, wakeAt: dateOf(tx) };
    if (quarantinedAt !== null)
      await insist(() => ask(this.#dataSource, (manager) => releaseQuarantined(manager, released)));
    return { tx, seq };
  }

  /** One statement: two reads could mix the versions before and after a save. */
  async #read(gid: string): Promise<{ row: TransactionRow; newestSeq: number | null } | null> {
    const { entities, raw } = await ask(this.#dataSource, (manager) =>
      manager
        .getRepository(transactionEntity)
        .createQueryBuilder('tx')
        .leftJoinAndMapMany('tx.branches', branchEntity.options.name, 'branch', 'branch.gid = tx.gid')
        .addSelect(
          `(SELECT MAX(seq) FROM ${this.#tables.journal} journal WHERE journal.gid = tx.gid)`,
          'newest_seq',
        )
        .where('tx.gid = :gid', { gid })
        .orderBy('branch.position')
        .getRawAndEntities(),
    );
    const [row] = entities;
    if (row === undefined) return null;
    refuseUnknownVersion(row);
    const { newest_seq: newest } = raw[0] as { newest_seq: number | string | null };
    // MySQL's client tells it as text.
    return { row: row as TransactionRow, newestSeq: newest === null ? null : Number(newest) };
  }

  list(filter: TransactionFilter): Promise<readonly (GlobalTransaction | QuarantinedTransaction)[]> {
    return ask(this.#dataSource, (manager) => listTransactions(manager, filter));
  }

  searchEnd(filter: TransactionFilter): Promise<string | null> {
    return ask(this.#dataSource, (manager) => searchEnd(manager, filter));
  }

  gidsWaitingFor(participant: string, after: string, limit: number): Promise<readonly string[]> {
    return ask(this.#dataSource, (manager) => gidsWaitingFor(manager, participant, after, limit));
  }

  countUnfinished(attentionSince: Instant): Promise<Unfinished> {
    return ask(this.#dataSource, (manager) => countOwing(manager, attentionSince));
  }

  findEnds(gids: readonly string[]): Promise<readonly TransactionEnd[]> {
    return ask(this.#dataSource, (manager) => findEnds(manager, gids));
  }

  async journalOf(gid: string, page?: JournalPage): Promise<readonly JournalRow[]> {
    const where = { gid, ...(page && { seq: MoreThan(page.after) }) };
    const order = { seq: 'ASC' } as const;
    const rows = await ask(this.#dataSource, (manager) =>
      manager.getRepository(journalEntity).find({ where, order, ...(page && { take: page.limit }) }),
    );
    return rows.map(({ version, entries, ...row }) => {
      refuseUnknownVersion({ gid, version });
      return { ...row, entries: entriesOf(row, entries) };
    });
  }

  async gidOfBeginKey(beginKey: string): Promise<string | null> {
    const row = await ask(this.#dataSource, (manager) =>
      manager.getRepository(beginKeyEntity).findOneBy({ beginKey }),
    );
    return row?.gid ?? null;
  }

  bindBeginKey(beginKey: string, gid: string): Promise<string | null> {
    return bindBeginKey(this.#dataSource, beginKey, gid);
  }

  claimDue(claim: Claim): Promise<readonly string[]> {
    return insist(() => ask(this.#dataSource, (manager) => claimRows(manager, claim)));
  }

  redate(rows: readonly Redate[]): Promise<void> {
    return insist(() => ask(this.#dataSource, (manager) => redateRows(manager, rows)));
  }

  removeFinished(before: Instant, limit: number, ended: Ended = { from: 0, to: before }): Promise<number> {
    return removeFinished(this.#dataSource, { before, limit, ended });
  }

  endOfPage(ended: Ended, count: number): Promise<Instant | null> {
    return endOfPage(this.#dataSource, ended, count);
  }

  async check(): Promise<void> {
    await ask(this.#dataSource, (manager) => manager.query(`SELECT 1 FROM ${this.#tables.guard}`));
  }
}

function entriesOf({ gid, seq }: { gid: string; seq: number }, text: string): JournalRow['entries'] {
  const { entries, fault } = readEntries(text);
  if (fault !== null) throw new Quarantined({ gid, fault: `row ${seq} of its journal ${fault}` });
  return entries;
}
