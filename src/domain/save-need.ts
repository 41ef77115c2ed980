/**
 * When a state must be saved: a pure function of the durable state and the current one.
 *
 * - `none`: nothing that is stored differs. Polling is progress of one replica and is never stored.
 * - `later`: calls that were unanswered got the same answer once more, and nothing else differs. A crash forgets only how
 *   often they were called and what they have spent. The first ten attempts of a call are saved one by one, so what fails for
 *   a short time is stored exactly.
 * - `may_wait`: calls succeeded, and nothing else differs. A crash forgets at most these successes. The calls are then
 *   repeated, and the participants' barriers answer them again.
 * - `now`: everything else. So a refusal, another answer, a parked branch, a request and a change of status are saved
 *   immediately, and so is a success that opens another call, since a call is sent only once what opened it is durable (I9, I10).
 *
 * What may wait is saved with the next change that must be saved, or once no call is outstanding. So a tcc in which every
 * call succeeds costs three saves, and a saga of n layers costs n + 1.
 */
import type { Branch, Call, GlobalTransaction } from './global-transaction.ts';
import { openCalls } from './open-calls.ts';
import { MIN_ATTEMPTS } from './retry-policy.ts';

export type SaveNeed = 'none' | 'later' | 'may_wait' | 'now';

/** @param durable null when nothing of the transaction is stored yet */
export function saveNeed(durable: GlobalTransaction | null, current: GlobalTransaction): SaveNeed {
  if (current === durable) return 'none';
  if (durable === null || current.status !== durable.status) return 'now';
  if (isStoredAlike(durable, current)) return 'none';
  if (isStoredAlike(durable, current, isSameButForCounts)) return 'later';
  const isOnlySuccesses = isStoredAlike(withSuccessesOf(current, durable), current);
  return isOnlySuccesses && !opensCalls(durable, current) ? 'may_wait' : 'now';
}

/** Two values of a field that are stored as the same: two calls may differ in their polling. */
export function isSameStored(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (!isCall(one) || !isCall(other)) return false;
  const { reply, attemptCount, spentMs, dueAt, parkedAt, acceptedAt, answer, durationMs } = one;
  const isSameReply = reply === other.reply && attemptCount === other.attemptCount && answer === other.answer;
  const isSameTime = dueAt === other.dueAt && parkedAt === other.parkedAt && acceptedAt === other.acceptedAt;
  return isSameReply && isSameTime && durationMs === other.durationMs && spentMs === other.spentMs;
}

/** The same, but that a call which was unanswered got the same answer again: how often, and what that spent, may differ. */
export function isSameButForCounts(one: unknown, other: unknown): boolean {
  if (isSameStored(one, other)) return true;
  if (!isCall(one) || !isCall(other) || !mayLag(one) || other.reply !== 'unknown') return false;
  // An operator's retry counts anew.
  if (other.attemptCount <= one.attemptCount) return false;
  return (
    one.answer === other.answer && one.parkedAt === other.parkedAt && one.acceptedAt === other.acceptedAt
  );
}

/** A replica may have called it since, with the same answer, without saving that. */
export const mayLag = ({ reply, attemptCount }: Call): boolean =>
  reply === 'unknown' && attemptCount >= MIN_ATTEMPTS;

export const isCall = (value: unknown): value is Call =>
  typeof value === 'object' && value !== null && 'ongoing' in value;

function isStoredAlike(
  durable: GlobalTransaction,
  current: GlobalTransaction,
  isSame = isSameStored,
): boolean {
  const { branches: before, ...fieldsBefore } = durable;
  const { branches: after, ...fieldsAfter } = current;
  if (before.length !== after.length || !isSameRecord(fieldsBefore, fieldsAfter, isSame)) return false;
  return after.every((branch, at) => isSameRecord(before[at] as Branch, branch, isSame));
}

function isSameRecord<T extends object>(one: T, other: T, isSame: typeof isSameStored): boolean {
  if (one === other) return true;
  return (Object.keys(other) as (keyof T)[]).every((key) => isSame(one[key], other[key]));
}

/** The durable state with all that follows from the calls that have succeeded since. */
function withSuccessesOf(current: GlobalTransaction, durable: GlobalTransaction): GlobalTransaction {
  const branches = durable.branches.map((before, at) => {
    const after = current.branches[at] ?? before;
    const { result, waitingSince } = after;
    const phaseOne = succeededOf(before.phaseOne, after.phaseOne);
    return {
      ...before,
      phaseOne,
      phaseTwo: succeededOf(before.phaseTwo, after.phaseTwo),
      result,
      waitingSince,
    };
  });
  const { notification } = durable;
  const notified = current.notification;
  return {
    ...durable,
    branches,
    notification: notification && notified && succeededOf(notification, notified),
  };
}

const succeededOf = (before: Call, after: Call): Call => (after.reply === 'succeeded' ? after : before);

/** While the status stays, each branch has one op that may be open. */
function opensCalls(durable: GlobalTransaction, current: GlobalTransaction): boolean {
  const known = new Set(openCalls(durable).map(({ branch }) => branch?.branchId));
  return openCalls(current).some(({ branch }) => !known.has(branch?.branchId));
}
