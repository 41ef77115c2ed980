/** The read side of the store, and the sweep's claims, on MySQL, MariaDB and SQLite. */
import type { DataSource } from 'typeorm';
import type {
  Claim,
  Ended,
  JournalRow,
  Loaded,
  Redate,
  TransactionEnd,
  TransactionFilter,
  TransactionStore,
  Unfinished,
} from '../../application/ports.ts';
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
import { endOfPage, removeFinished } from './remove-finished.ts';
import { searchEnd } from './search-end.ts';
import { countOwing, findEnds, gidsWaitingFor, listTransactions } from './transaction-list.ts';
import { refuseUnknownVersion, transactionOf } from './transaction-rows.ts';
import { claimRows, insist, redateRows } from './wake-rows.ts';

export class SqlTransactionStore implements TransactionStore {
  readonly #dataSource: DataSource;

  constructor(given: { dataSource: DataSource }) {
    this.#dataSource = given.dataSource;
  }

  /** One statement: two reads could mix the versions before and after a save. */
  async load(gid: string): Promise<Loaded | null> {
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
    return { tx: transactionOf(row as TransactionRow), seq: row.seq, wakeAt: row.wakeAt };
  }

  list(filter: TransactionFilter): Promise<readonly GlobalTransaction[]> {
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
    await ask(this.#dataSource, (manager) => manager.query('SELECT 1 FROM guard'));
  }
}
