/**
 * When a state must be saved: a pure function of the durable state and the current one.
 *
 * - `none`: nothing that is stored differs. Polling is progress of one replica and is never stored.
 * - `may_wait`: calls succeeded, and nothing else differs. A crash forgets at most these successes. The calls are then
 *   repeated, and the participants' barriers answer them again.
 * - `now`: everything else. So a refusal, an unknown reply, a request and a change of status are saved immediately, and so
 *   is a success that opens another call, since a call is sent only once what opened it is durable (I9, I10).
 *
 * What may wait is saved with the next change that must be saved, or once no call is outstanding. So a tcc in which every
 * call succeeds costs three saves, and a saga of n layers costs n + 1.
 */
import type { Branch, Call, GlobalTransaction } from './global-transaction.ts';
import { openCalls } from './open-calls.ts';

export type SaveNeed = 'none' | 'may_wait' | 'now';

/** @param durable null when nothing of the transaction is stored yet */
export function saveNeed(durable: GlobalTransaction | null, current: GlobalTransaction): SaveNeed {
  if (current === durable) return 'none';
  if (durable === null || current.status !== durable.status) return 'now';
  if (isStoredAlike(durable, current)) return 'none';
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

export const isCall = (value: unknown): value is Call =>
  typeof value === 'object' && value !== null && 'ongoing' in value;

function isStoredAlike(durable: GlobalTransaction, current: GlobalTransaction): boolean {
  const { branches: before, ...fieldsBefore } = durable;
  const { branches: after, ...fieldsAfter } = current;
  if (before.length !== after.length || !isSameRecord(fieldsBefore, fieldsAfter)) return false;
  return after.every((branch, at) => isSameRecord(before[at] as Branch, branch));
}

function isSameRecord<T extends object>(one: T, other: T): boolean {
  if (one === other) return true;
  return (Object.keys(other) as (keyof T)[]).every((key) => isSameStored(one[key], other[key]));
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
