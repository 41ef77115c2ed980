/**
 * Removing rows that no call can need any more. What decides is the coordinator: only it knows that a transaction is over.
 *
 * A row is removed when the coordinator reports its transaction final, and both its end and its deadline are longer ago
 * than `retentionMs`. The deadline of a row is the latest that any call for its branch has brought. One that the coordinator does not know stays, and is counted: it may belong to another coordinator,
 * or the wrong one was asked. That is also why `retentionMs` has to be shorter than the coordinator's own retention.
 */
import type { FinalityView } from '../../../src/wire/index.ts';
import { type DatedKey, type Key, keyOf } from './statements.ts';

export type CleanUpOptions = {
  /** `Tercet` is one. */
  readonly coordinator: { finality(gids: readonly string[]): Promise<FinalityView> };
  /** How long a row stays after its transaction has ended, in milliseconds; shorter than the coordinator's retention. */
  readonly retentionMs: number;
  /** How many rows are looked at and removed at a time; 200 when absent. */
  readonly batchSize?: number;
};

export type CleanUpReport = {
  readonly removedCount: number;
  /** Of those whose deadline is long past: their transactions are not over, or not long enough. */
  readonly keptCount: number;
  /** The coordinator knows nothing of their transactions. */
  readonly absentCount: number;
};

type Rows = {
  page(after: Key, deadlineBefore: number, limit: number): Promise<readonly unknown[]>;
  remove(keys: readonly DatedKey[]): Promise<number>;
};

/** @throws RangeError when the coordinator forgets transactions before their rows here may be removed */
export async function cleanUp(rows: Rows, options: CleanUpOptions): Promise<CleanUpReport> {
  const { coordinator, retentionMs, batchSize = 200 } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > 500)
    throw new RangeError('batchSize is to be a number of rows from 1 to 500');
  if (!(retentionMs > 0)) throw new RangeError('retentionMs is to be how long rows stay, in milliseconds');
  const { now, retentionMs: coordinatorsMs } = await coordinator.finality([NO_GID]);
  if (retentionMs >= coordinatorsMs)
    throw new RangeError(
      `retentionMs is ${retentionMs}, and the coordinator forgets transactions after ${coordinatorsMs}: ` +
        'name a shorter time here, or a longer TERCET_RETENTION_DAYS there',
    );
  const before = Date.parse(now) - retentionMs;
  const report = { removedCount: 0, keptCount: 0, absentCount: 0 };
  for (let after: Key = { gid: '', branchId: '' }; ; ) {
    const keys = (await rows.page(after, before, batchSize)).map(keyOf);
    const last = keys.at(-1);
    if (last === undefined) return report;
    const gids = [...new Set(keys.map(({ gid }) => gid))];
    const { transactions } = await coordinator.finality(gids);
    const known = new Map(transactions.map((transaction) => [transaction.gid, transaction]));
    const isOver = ({ gid }: Key) => {
      const { isFinal = false, finishedAt = null, deadlineAt = '' } = known.get(gid) ?? {};
      return (
        isFinal && finishedAt !== null && Date.parse(finishedAt) < before && Date.parse(deadlineAt) < before
      );
    };
    const removable = keys.filter(isOver);
    if (removable.length > 0) report.removedCount += await rows.remove(removable);
    report.absentCount += keys.filter(({ gid }) => !known.has(gid)).length;
    report.keptCount += keys.filter((key) => known.has(key.gid) && !isOver(key)).length;
    after = last;
  }
}

/** Asked for to learn the coordinator's clock and retention; no transaction has it. */
const NO_GID = '00000000-0000-7000-8000-000000000000';
