/**
 * Whether the sum of all numbers is the same in every snapshot: what one number loses, another one gains.
 *
 * Numbers that leave out what is confirmed, such as free and held without sold, lose the same with every confirm; those that
 * leave out what is done, with every action. That is no fault of the participant: then it is not known whether the sum is kept.
 */
import type { Kind } from './kinds.ts';
import { isSame, type Snapshot } from './numbers.ts';

const NUMBER_MISSING = {
  confirm:
    'with each confirm the sum of the numbers falls by as much as was confirmed: a third number is missing, which counts ' +
    'what is confirmed (beside available and reserved: sold). Observe it as well',
  action:
    'with each action the sum of the numbers falls by as much as was done: a number is missing, which counts what is done ' +
    '(beside available: sold). Observe it as well',
} as const;

export const numberMissing = (kind: Kind): string => NUMBER_MISSING[kind === 'tcc' ? 'confirm' : 'action'];

type Sum = { readonly sum: number; readonly size: number; readonly appliedCount: number };

export class SumConservation {
  readonly #judge: (isConserved: boolean, what: string) => void;
  #last: Sum | null = null;
  /** By how much one confirm or action changes the sum; null before the first. */
  #changePerApplied: number | null = null;

  constructor(judge: (isConserved: boolean, what: string) => void) {
    this.#judge = judge;
  }

  /** Whether the sum falls with confirms or actions, and then by the same for each. */
  get lacksAppliedNumber(): boolean {
    return this.#changePerApplied !== null && this.#changePerApplied < 0;
  }

  /** @param appliedCount the branches that are confirmed by now, or the steps that are done */
  add(snapshot: Snapshot, after: string, appliedCount: number): void {
    const now = sumOf(snapshot, appliedCount);
    const last = this.#last;
    this.#last = now;
    if (last === null) return;
    this.#judge(
      this.#isAccountedFor(last, now),
      `After ${after} the sum of the numbers is ${now.sum}; it was ${last.sum}.`,
    );
  }

  #isAccountedFor(last: Sum, now: Sum): boolean {
    const count = now.appliedCount - last.appliedCount;
    const isKept = isSame(last.sum, now.sum, now.size);
    if (count > 0) this.#changePerApplied ??= isKept ? 0 : (now.sum - last.sum) / count;
    if (count === 0 || !this.lacksAppliedNumber) return isKept;
    return isSame(last.sum + count * (this.#changePerApplied ?? 0), now.sum, last.size + now.size);
  }
}

function sumOf(snapshot: Snapshot, appliedCount: number): Sum {
  const numbers = [...snapshot.values()];
  const sum = numbers.reduce((total, number) => total + number, 0);
  const size = numbers.reduce((total, number) => total + Math.abs(number), 0);
  return { sum, size, appliedCount };
}
