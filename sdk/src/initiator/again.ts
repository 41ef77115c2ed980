/**
 * `onCancelled: 'again'`: a key whose transaction is cancelled is followed by `KEY~2`, `KEY~3` … Each caller goes through the
 * same keys in the same order, so that all of them come to the one transaction that is not cancelled.
 *
 * Only a transaction that another call has cancelled is followed by the next. What this call cancels is thrown to its caller,
 * who knows whether the reason is gone.
 */
import type { Ending } from './decide.ts';
import type { CancelCause } from './outcome.ts';

/** Transactions of one key: more would be a loop that never gets through. */
export const MAX_TRANSACTIONS = 20;
/** Room for the last of them within the 255 characters of a key. */
export const SUFFIX_LENGTH = `~${MAX_TRANSACTIONS}`.length;

/** @param count 1 for the first, which has the key as it is given */
export const nthKey = (key: string, count: number): string => (count === 1 ? key : `${key}~${count}`);

const LATER_COUNTS = Array.from({ length: MAX_TRANSACTIONS - 1 }, (_, index) => index + 2);

/** Whether it may be a later key of another one: the two callers would be answered with one transaction. */
export const isLaterKey = (key: string): boolean =>
  LATER_COUNTS.some((count) => key.endsWith(nthKey('', count)));

/**
 * Whether the next key is to be used. A parked cancel is not followed: what it did may still stand, and an operator is needed.
 * @param ending of the transaction that stood already; null while it is undecided
 */
export const goesOn = (
  { onCancelled }: { readonly onCancelled?: 'again' },
  ending: Ending | null,
  count: number,
): boolean =>
  onCancelled === 'again' && ending?.decision === 'cancel' && !ending.isParked && count < MAX_TRANSACTIONS;

/** Why the last of them is the last; null for all others, of which the coordinator says why. */
export const whyLast = ({ explanation, isTimedOut }: Ending, count: number): CancelCause | null =>
  count < MAX_TRANSACTIONS
    ? null
    : {
        reason: `all ${MAX_TRANSACTIONS} transactions of its idempotencyKey are cancelled; the last one: “${explanation}”`,
        refusal: null,
        isTimedOut,
      };
