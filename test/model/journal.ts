/**
 * The store's one promise: row seq n+1 is written only on top of row n. Whoever computed from an older row
 * loses, reloads and asks again (I14).
 */
import type { Answer, Ask, Known, Ledger, Snapshot } from './ledger.ts';
import { demand } from './violation.ts';
import type { Time } from './world.ts';

/** @returns the new durable row; null when another writer was first. */
export function save(durable: Known, base: Known, of: Snapshot): Known | null {
  if (durable.seq !== base.seq) return null;
  demand('I14', durable.of === base.of, 'a row was written on top of another than it was computed from');
  return { seq: base.seq + 1, of };
}

export type Asked = {
  /** The newest row afterwards. */
  readonly durable: Known;
  /** What the asking replica knows afterwards. */
  readonly known: Known;
  readonly last: Answer;
};

/** Asks `transition` for each in turn and saves once; after a lost save, everything again from the newest row. */
export function askAndSave(
  ledger: Ledger,
  durable: Known,
  base: Known,
  asks: readonly Ask[],
  time: Time,
): Asked {
  const asked = askAll(ledger, base.of, asks, time);
  if (!asked.changed) return { durable, known: base, last: asked.last };
  const saved = save(durable, base, asked.of);
  if (saved) return { durable: saved, known: saved, last: asked.last };
  return askAndSave(ledger, durable, durable, asks, time);
}

export function askAll(ledger: Ledger, from: Snapshot, asks: readonly Ask[], time: Time) {
  let of = from;
  let changed = false;
  let last: Answer = { accepted: true, changed: false, of };
  for (const ask of asks) {
    last = ledger.answer(of, ask, time);
    const next = last.accepted ? last.of : last.noted;
    if (next === null) continue;
    of = next;
    changed ||= last.accepted ? last.changed : true;
  }
  return { of, changed, last };
}
