/**
 * How often participants have answered that they are still at work, for transactions that wait to ask them again. The count
 * is this process's alone and is never stored; without it a drive that was let go would begin it anew, and a participant
 * that says so for ever would never be parked (I4).
 *
 * Kept apart from the drives, so that what is polled takes no room from what is under way (I15).
 */
import { type Branch, type Call, type GlobalTransaction, isPolling } from '../domain/index.ts';

/** Beyond these the oldest is forgotten, and its count begins anew. */
const MAX_REMEMBERED = 100_000;

type Progress = ReadonlyMap<string, Pick<Branch, 'phaseOne' | 'phaseTwo'>>;

export class PollingMemory {
  readonly #byGid = new Map<string, Progress>();

  /** What is no longer polled is forgotten. */
  remember(tx: GlobalTransaction): void {
    this.#byGid.delete(tx.gid);
    if (!isPolling(tx)) return;
    if (this.#byGid.size >= MAX_REMEMBERED) this.#byGid.delete(this.#byGid.keys().next().value ?? '');
    const polled = tx.branches.filter(({ phaseOne, phaseTwo }) => phaseOne.ongoing ?? phaseTwo.ongoing);
    this.#byGid.set(
      tx.gid,
      new Map(polled.map(({ branchId, phaseOne, phaseTwo }) => [branchId, { phaseOne, phaseTwo }])),
    );
  }

  /** The same transaction with the progress that was remembered, where nothing else has happened to it since. */
  recall(tx: GlobalTransaction): GlobalTransaction {
    const progress = this.#byGid.get(tx.gid);
    if (!progress) return tx;
    const branches = tx.branches.map((branch) => {
      const known = progress.get(branch.branchId);
      if (!known) return branch;
      const phaseOne = withProgress(branch.phaseOne, known.phaseOne);
      return { ...branch, phaseOne, phaseTwo: withProgress(branch.phaseTwo, known.phaseTwo) };
    });
    return { ...tx, branches };
  }
}

/** A reply, or an operator's retry, makes the count void. */
function withProgress(call: Call, known: Call): Call {
  const isSame =
    call.reply === known.reply && call.attemptCount === known.attemptCount && call.dueAt === known.dueAt;
  return isSame && call.parkedAt === null ? { ...call, ongoing: known.ongoing } : call;
}
