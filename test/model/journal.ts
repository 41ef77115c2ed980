/**
 * The store's one promise: row seq n+1 is written only on top of row n. Whoever computed from an older row
 * loses, reloads and asks again (I14).
 */
import type { SaveNeed } from '../../src/domain/save-need.ts';
import type { Judgement, Ask, StoredTransaction, Ledger, Snapshot } from './ledger.ts';
import { demand } from './violation.ts';
import type { Time } from './world.ts';

/** @returns the new durable row; null when another writer was first. */
export function save(
  durable: StoredTransaction,
  base: StoredTransaction,
  of: Snapshot,
): StoredTransaction | null {
  if (durable.seq !== base.seq) return null;
  demand('I14', durable.of === base.of, 'a row was written on top of another than it was computed from');
  return { seq: base.seq + 1, of };
}

export type SavedRequest = {
  /** The newest row afterwards. */
  readonly durable: StoredTransaction;
  /** What the asking replica knows afterwards. */
  readonly known: StoredTransaction;
  readonly last: Judgement;
};

/** Asks `transition` for each in turn and saves once; after a lost save, everything again from the newest row. */
export function askAndSave(
  ledger: Ledger,
  durable: StoredTransaction,
  base: StoredTransaction,
  asks: readonly Ask[],
  time: Time,
): SavedRequest {
  const asked = askAll(ledger, base.of, asks, time);
  // What is only counted is lost here, as in a crash: with the next row it would be a reply that is still on its way.
  if (asked.need === 'none' || asked.need === 'later') return { durable, known: base, last: asked.last };
  if (asked.need === 'may_wait') checkMayWait(ledger, base.of, asked.of, time);
  const saved = save(durable, base, asked.of);
  if (saved) return { durable: saved, known: saved, last: asked.last };
  return askAndSave(ledger, durable, durable, asks, time);
}

/**
 * Whoever lets a state wait sends what is due by it: so it must be due by the durable state as well. A success that waits
 * until it is saved, or is lost, is otherwise a reply that is still on its way.
 */
function checkMayWait(ledger: Ledger, durable: Snapshot, waiting: Snapshot, time: Time): void {
  const known = ledger.due(durable, time);
  ledger.due(waiting, time).forEach((op, b) => {
    const invariant = ledger.rules.plan === null ? 'I9' : 'I10';
    demand(
      invariant,
      op === null || op === known[b],
      `${op} is opened by a success that need not be saved yet`,
    );
  });
}

const NEEDS: readonly SaveNeed[] = ['none', 'later', 'may_wait', 'now'];
const moreUrgent = (one: SaveNeed, other: SaveNeed): SaveNeed =>
  NEEDS.indexOf(one) > NEEDS.indexOf(other) ? one : other;

export function askAll(ledger: Ledger, from: Snapshot, asks: readonly Ask[], time: Time) {
  let of = from;
  let need: SaveNeed = 'none';
  let last: Judgement = { accepted: true, need, of };
  for (const ask of asks) {
    last = ledger.answer(of, ask, time);
    const next = last.accepted ? last : last.noted;
    if (next === null) continue;
    of = next.of;
    need = moreUrgent(need, next.need);
  }
  return { of, need, last };
}
