/**
 * The store in memory, for tests and for trying things out: the same answers as the SQL store, by the same contract
 * suite, and gone with the process.
 */
import type {
  BatchOutcome,
  BatchWriter,
  Claim,
  Ended,
  JournalPage,
  JournalRow,
  Loaded,
  Redate,
  Save,
  Saved,
  TransactionEnd,
  TransactionFilter,
  TransactionStore,
  Unfinished,
} from '../../application/ports.ts';
import type { Call, GlobalTransaction, Instant } from '../../domain/index.ts';
import { MemoryResumptions } from './resumptions.ts';
import { countOf, endsOf, isFinal, listOf, waitingFor } from './transaction-list.ts';

const ALL_ROWS: JournalPage = { after: 0, limit: Infinity };

type Row = Loaded & { readonly missCount: number };

export class MemoryTransactionStore implements TransactionStore, BatchWriter {
  readonly #rows = new Map<string, Row>();
  readonly #journal = new Map<string, JournalRow[]>();
  readonly #gidByBeginKey = new Map<string, string>();
  /** Over the same rows. */
  readonly resumptions = new MemoryResumptions(() => [...this.#rows.values()]);

  async writeBatch(saves: readonly Save[]): Promise<BatchOutcome> {
    const ours = new Set<string>();
    const lost = new Set<string>();
    for (const save of saves) {
      const fate = this.#fateOf(save);
      if (fate !== 'free') (fate === 'ours' ? ours : lost).add(save.gid);
    }
    const keys = saves.flatMap(({ beginKey }) => (beginKey === null ? [] : [beginKey]));
    if (new Set(keys).size < keys.length)
      return { outcome: 'rejected', because: 'row', error: new Error('a key stands twice in one batch') };
    if (ours.size + lost.size > 0) return { outcome: 'taken', ours, lost };
    for (const save of saves) this.#write(save);
    return { outcome: 'written' };
  }

  #fateOf({ gid, seq, writer, beginKey }: Save): 'free' | 'ours' | 'lost' {
    const standing = this.#journal.get(gid)?.find((row) => row.seq === seq);
    if (standing) return standing.writer === writer ? 'ours' : 'lost';
    const isKeyTaken = beginKey !== null && this.#gidByBeginKey.has(beginKey);
    return (this.#rows.get(gid)?.seq ?? 0) === seq - 1 && !isKeyTaken ? 'free' : 'lost';
  }

  #write({ gid, seq, after, entries, at, writer, wakeAt, beginKey }: Save): void {
    this.#rows.set(gid, { tx: withoutPolling(after), seq, wakeAt, missCount: 0 });
    this.#journal.set(gid, [...(this.#journal.get(gid) ?? []), { gid, seq, at, writer, entries }]);
    if (beginKey !== null) this.#gidByBeginKey.set(beginKey, gid);
  }

  async load(gid: string): Promise<Loaded | null> {
    const row = this.#rows.get(gid);
    return row ? { tx: row.tx, seq: row.seq, wakeAt: row.wakeAt } : null;
  }

  /** Nothing is ever in quarantine here: no one else writes these rows. */
  async release(gid: string): Promise<Saved | null> {
    const row = this.#rows.get(gid);
    return row ? { tx: row.tx, seq: row.seq } : null;
  }

  async list(filter: TransactionFilter): Promise<readonly GlobalTransaction[]> {
    return listOf([...this.#rows.values()], filter);
  }

  /** All that memory holds is soon searched. */
  async searchEnd(): Promise<string | null> {
    return null;
  }

  async gidsWaitingFor(participant: string, after: string, limit: number): Promise<readonly string[]> {
    return waitingFor([...this.#rows.values()], participant, after, limit);
  }

  async countUnfinished(attentionSince: Instant): Promise<Unfinished> {
    return countOf([...this.#rows.values()], attentionSince);
  }

  async findEnds(gids: readonly string[]): Promise<readonly TransactionEnd[]> {
    return endsOf(gids.flatMap((gid) => this.#rows.get(gid) ?? []));
  }

  async journalOf(gid: string, page: JournalPage = ALL_ROWS): Promise<readonly JournalRow[]> {
    const rows = this.#journal.get(gid) ?? [];
    return rows.filter(({ seq }) => seq > page.after).slice(0, page.limit);
  }

  async gidOfBeginKey(beginKey: string): Promise<string | null> {
    return this.#gidByBeginKey.get(beginKey) ?? null;
  }

  async bindBeginKey(beginKey: string, gid: string): Promise<string | null> {
    const known = this.#gidByBeginKey.get(beginKey);
    if (known !== undefined || !this.#rows.has(gid)) return known ?? null;
    this.#gidByBeginKey.set(beginKey, gid);
    return gid;
  }

  async claimDue({ now, limit, againAfterMs }: Claim): Promise<readonly string[]> {
    const due = [...this.#rows.values()]
      .filter(({ wakeAt }) => wakeAt !== null && wakeAt <= now)
      .sort((one, other) => (one.wakeAt ?? 0) - (other.wakeAt ?? 0))
      .slice(0, limit);
    for (const row of due) {
      const wakeAt = now + againAfterMs * 2 ** row.missCount;
      this.#rows.set(row.tx.gid, { ...row, wakeAt, missCount: row.missCount + 1 });
    }
    return due.map(({ tx }) => tx.gid);
  }

  async redate(rows: readonly Redate[]): Promise<void> {
    for (const { gid, seq, wakeAt } of rows) {
      const row = this.#rows.get(gid);
      if (row?.seq === seq && row.wakeAt !== null) this.#rows.set(gid, { ...row, wakeAt, missCount: 0 });
    }
  }

  async removeFinished(
    before: Instant,
    limit: number,
    ended: Ended = { from: 0, to: before },
  ): Promise<number> {
    const removed = this.#ended(ended)
      .filter((row) => isFinal(row) && row.finishedAt < before && row.tx.deadlineAt < before)
      .slice(0, limit);
    const gids = new Set(removed.map(({ tx }) => tx.gid));
    for (const gid of gids) {
      this.#rows.delete(gid);
      this.#journal.delete(gid);
    }
    for (const [beginKey, gid] of this.#gidByBeginKey)
      if (gids.has(gid)) this.#gidByBeginKey.delete(beginKey);
    return gids.size;
  }

  async endOfPage(ended: Ended, count: number): Promise<Instant | null> {
    return this.#ended(ended)[count]?.finishedAt ?? null;
  }

  /** In the order of their ends. */
  #ended({ from, to }: Ended) {
    return [...this.#rows.values()]
      .flatMap((row) => (row.tx.finishedAt === null ? [] : [{ ...row, finishedAt: row.tx.finishedAt }]))
      .filter(({ finishedAt }) => finishedAt >= from && finishedAt < to)
      .sort((one, other) => one.finishedAt - other.finishedAt);
  }

  async check(): Promise<void> {}

  get gids(): readonly string[] {
    return [...this.#rows.keys()];
  }

  /** Nothing is owed for any transaction. */
  get isAtRest(): boolean {
    return [...this.#rows.values()].every(({ wakeAt }) => wakeAt === null);
  }
}

function withoutPolling(tx: GlobalTransaction): GlobalTransaction {
  const settled = (call: Call): Call => (call.ongoing === null ? call : { ...call, ongoing: null });
  const branches = tx.branches.map((branch) => ({
    ...branch,
    phaseOne: settled(branch.phaseOne),
    phaseTwo: settled(branch.phaseTwo),
  }));
  return { ...tx, branches };
}
