/**
 * Whether the sum of all numbers is the same at every look: what one number loses, another one gains.
 *
 * Numbers that leave out what is confirmed, such as free and held without sold, lose the same with every confirm. That is
 * no fault of the participant: then it is not known whether the sum is kept.
 */
import { isSame, type Look } from './numbers.ts';

export const THIRD_NUMBER_MISSING =
  'with each confirm the sum of the numbers falls by as much as was confirmed: a third number is missing, which counts ' +
  'what is confirmed (beside available and reserved: sold). Observe it as well';

type Sum = { readonly sum: number; readonly size: number; readonly confirmedCount: number };

export class Conservation {
  readonly #judge: (isConserved: boolean, what: string) => void;
  #last: Sum | null = null;
  /** By how much one confirm changes the sum; null before the first. */
  #byConfirm: number | null = null;

  constructor(judge: (isConserved: boolean, what: string) => void) {
    this.#judge = judge;
  }

  /** Whether the sum falls with confirms, and then by the same for each. */
  get isShortOfConfirmed(): boolean {
    return this.#byConfirm !== null && this.#byConfirm < 0;
  }

  /** @param confirmedCount the branches that have been confirmed by now */
  look(look: Look, after: string, confirmedCount: number): void {
    const now = sumOf(look, confirmedCount);
    const last = this.#last;
    this.#last = now;
    if (last === null) return;
    this.#judge(
      this.#isAccountedFor(last, now),
      `After ${after} the sum of the numbers is ${now.sum}; it was ${last.sum}.`,
    );
  }

  #isAccountedFor(last: Sum, now: Sum): boolean {
    const count = now.confirmedCount - last.confirmedCount;
    const isKept = isSame(last.sum, now.sum, now.size);
    if (count > 0) this.#byConfirm ??= isKept ? 0 : (now.sum - last.sum) / count;
    if (count === 0 || !this.isShortOfConfirmed) return isKept;
    return isSame(last.sum + count * (this.#byConfirm ?? 0), now.sum, last.size + now.size);
  }
}

function sumOf(look: Look, confirmedCount: number): Sum {
  const numbers = [...look.values()];
  const sum = numbers.reduce((total, number) => total + number, 0);
  const size = numbers.reduce((total, number) => total + Math.abs(number), 0);
  return { sum, size, confirmedCount };
}
