/**
 * What this process alone knows of calls in transactions that it has let go: how often a participant was polled, and how often
 * the same unknown reply came since the last row. Without it a drive would begin these counts anew, and a branch that
 * always fails would never be parked (I4).
 *
 * Kept apart from the drives, so that what waits takes no room from what is under way (I15). What is remembered of a call
 * counts only while the stored call is still the one that it was counted from.
 */
import {
  type Call,
  type GlobalTransaction,
  isPolling,
  isSameButForCounts,
  isSameStored,
} from '../domain/index.ts';
import type { Attempt } from './journal.ts';

/** What is counted and not saved; `sinceMs`, by `elapsedMs`, of the first of it, null where nothing needs a row. */
export type UnsavedCounts = { readonly attempts: readonly Attempt[]; readonly sinceMs: number | null };

export const NOTHING_UNSAVED: UnsavedCounts = { attempts: [], sinceMs: null };

/** Beyond these the oldest is forgotten, and its counts begin anew. */
const MAX_REMEMBERED = 100_000;
/** Of all transactions together. Where there is no room, counts are saved instead. */
const MAX_ATTEMPTS = 100_000;

type Progress = { readonly stored: Call; readonly call: Call };
type Remembered = { readonly calls: ReadonlyMap<string, Progress>; readonly unsaved: UnsavedCounts };

export class ProgressMemory {
  readonly #byGid = new Map<string, Remembered>();
  #attemptCount = 0;

  /** Whether these may be remembered; else they are to be saved. */
  hasRoomFor({ attempts }: UnsavedCounts): boolean {
    return this.#byGid.size < MAX_REMEMBERED && this.#attemptCount + attempts.length <= MAX_ATTEMPTS;
  }

  /** @param durable what `current` was counted from */
  remember(current: GlobalTransaction, durable: GlobalTransaction, unsaved = NOTHING_UNSAVED): void {
    this.forget(current.gid);
    if (current === durable && !isPolling(current)) return;
    const before = callsIn(durable);
    const calls = [...callsIn(current)].flatMap(([key, call]): [string, Progress][] => {
      const stored = before.get(key);
      const isProgress = call.ongoing !== null || call !== stored;
      return stored && isProgress && isSameButForCounts(stored, call) ? [[key, { stored, call }]] : [];
    });
    if (calls.length === 0) return;
    if (this.#byGid.size >= MAX_REMEMBERED) this.forget(this.#byGid.keys().next().value ?? '');
    this.#byGid.set(current.gid, { calls: new Map(calls), unsaved });
    this.#attemptCount += unsaved.attempts.length;
  }

  /** With the progress that was remembered, where nothing else has happened to a call since; the very same without any. */
  recall(tx: GlobalTransaction): GlobalTransaction {
    const calls = this.#byGid.get(tx.gid)?.calls;
    if (!calls) return tx;
    const now = callsIn(tx);
    const isProgress = ([key, { stored }]: [string, Progress]) => isSameStored(stored, now.get(key));
    const known = new Map([...calls].filter(isProgress));
    if (known.size === 0) return tx;
    const recalled = (key: string, call: Call): Call => known.get(key)?.call ?? call;
    const branches = tx.branches.map((branch) => ({
      ...branch,
      phaseOne: recalled(`${branch.branchId}/1`, branch.phaseOne),
      phaseTwo: recalled(`${branch.branchId}/2`, branch.phaseTwo),
    }));
    return { ...tx, branches, notification: tx.notification && recalled('', tx.notification) };
  }

  /** What joins the next row, for the drive that carries on. */
  takeUnsaved(gid: string): UnsavedCounts {
    const known = this.#byGid.get(gid);
    if (!known) return NOTHING_UNSAVED;
    this.#byGid.set(gid, { ...known, unsaved: NOTHING_UNSAVED });
    this.#attemptCount -= known.unsaved.attempts.length;
    return known.unsaved;
  }

  forget(gid: string): void {
    this.#attemptCount -= this.#byGid.get(gid)?.unsaved.attempts.length ?? 0;
    this.#byGid.delete(gid);
  }
}

/** A branch id has no slash. */
function callsIn({ branches, notification }: GlobalTransaction): ReadonlyMap<string, Call> {
  const calls = branches.flatMap(({ branchId, phaseOne, phaseTwo }): [string, Call][] => [
    [`${branchId}/1`, phaseOne],
    [`${branchId}/2`, phaseTwo],
  ]);
  return new Map(notification === null ? calls : [...calls, ['', notification]]);
}
