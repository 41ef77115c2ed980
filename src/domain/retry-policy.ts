/**
 * The retry of the protocol: what one more unanswered call does to a branch. There is no other retry: queue jobs
 * run once, and the HTTP client never repeats a call.
 *
 * Exponential delays with full jitter and a cap, Retry-After honoured, a budget in time; then the branch is parked, and called
 * about hourly.
 *
 * The budget counts calling, not waiting: an unanswered attempt spends its duration and the mean of the pause before it. So a
 * coordinator that is down, a call that is deferred and a clock that jumps spend nothing. Neither does a probe of an open
 * circuit: it is the participant that is away, not the branch that fails.
 *
 * After its budget a branch may be called before its date, because its participant is probed or has recovered. One more of the same
 * answers changes nothing then, so a participant may be probed for days without a journal row for each.
 */
import type { Backoff, Call, CallPolicy, Instant } from './global-transaction.ts';

/** A reply that settles nothing. `chance` in [0, 1) is drawn by the caller. */
export type Unsettled = {
  readonly reply: 'ongoing' | 'unknown';
  readonly answer: string;
  readonly durationMs: number;
  readonly retryAfterMs: number | null;
  readonly isProbe?: true;
  readonly chance: number;
  readonly at: Instant;
};

/**
 * What bounds the calls: the deadline; a budget, after which the branch is parked; or nothing, for a callback, which is
 * called rarely after its budget.
 */
export type Bound = 'deadline' | 'parking' | 'nothing';

/** Budgets of a transaction that was stored with budgets in calls. */
export const DEFAULT_RETRY_BUDGET_MS = 24 * 3_600_000;
export const DEFAULT_POLL_BUDGET_MS = 7 * 24 * 3_600_000;

/** A spent budget alone does not park: a few long calls may have spent it. */
export const MIN_ATTEMPTS = 10;
/** After its budget a call is made about this often. */
const SPENT_PAUSE_MS = 3_600_000;
/** What the column holds. */
const MAX_SPENT_MS = 2 ** 31 - 1;
/** Polls become rare: a pause may be this share of the time since the call was accepted. */
const POLL_SHARE = 1 / 20;

/** The call after a reply that settled nothing: due again later, and parked once its budget is spent. */
export function backOff(call: Call, policy: CallPolicy, unsettled: Unsettled, bound: Bound): Call {
  return unsettled.reply === 'ongoing'
    ? polled(call, policy, unsettled, bound)
    : unanswered(call, policy, unsettled, bound);
}

/** It is called about hourly: unanswered attempts have spent its budget. */
const isRetryBudgetSpent = ({ spentMs, attemptCount }: Call, { retry }: CallPolicy): boolean =>
  spentMs >= retry.budgetMs && attemptCount >= MIN_ATTEMPTS;

/** It waits for its participant to recover, or for an operator: for want of an answer it is called about hourly. */
export const isGivenUp = (call: Call, policy: CallPolicy): boolean =>
  call.reply === 'unknown' && (call.parkedAt !== null || isRetryBudgetSpent(call, policy));

function unanswered(call: Call, policy: CallPolicy, unsettled: Unsettled, bound: Bound): Call {
  const { answer, durationMs, at, isProbe } = unsettled;
  const isNews = !isProbe && answer !== call.answer;
  if (!isNews && isGivenUp(call, policy) && call.dueAt > at) return call;
  const attemptCount = call.attemptCount + 1;
  const spentMs = call.spentMs + (bound === 'deadline' ? 0 : spentBy(call, policy, unsettled));
  const tried: Call = {
    ...call,
    reply: 'unknown',
    attemptCount,
    spentMs,
    answer,
    durationMs,
    ongoing: null,
  };
  const isRare = call.parkedAt !== null || (bound !== 'deadline' && isRetryBudgetSpent(tried, policy));
  if (!isRare)
    return { ...tried, dueAt: at + delayMs(ceilingMs(policy.retry, attemptCount), policy, unsettled) };
  const parkedAt = bound === 'parking' ? (call.parkedAt ?? at) : null;
  return { ...tried, parkedAt, dueAt: at + spentPauseMs(unsettled) };
}

/** The duration of the attempt, and the mean of the pause before it. */
function spentBy(
  { attemptCount, spentMs }: Call,
  policy: CallPolicy,
  { durationMs, isProbe }: Unsettled,
): number {
  if (isProbe) return 0;
  const pauseMs = attemptCount === 0 ? 0 : ceilingMs(policy.retry, attemptCount) / 2;
  const attemptMs = Math.min(durationMs, policy.callTimeoutMs) + Math.ceil(pauseMs);
  return Math.min(attemptMs, MAX_SPENT_MS - spentMs);
}

/** Only that it was accepted, and that its budget is spent, is stored: other polls are progress of one replica. */
function polled(call: Call, policy: CallPolicy, unsettled: Unsettled, bound: Bound): Call {
  const { answer, durationMs, at } = unsettled;
  const count = (call.ongoing?.count ?? 0) + 1;
  const acceptedAt = call.acceptedAt ?? at;
  // An error since it was accepted is over.
  const reached: Call = call.reply === 'unknown' ? { ...call, reply: null, answer, durationMs } : call;
  const isSpent = bound === 'parking' && at - acceptedAt >= policy.poll.budgetMs;
  if (isSpent) {
    const ongoing = { count, nextAt: at + spentPauseMs(unsettled) };
    return call.parkedAt !== null
      ? { ...reached, ongoing }
      : { ...reached, answer, durationMs, acceptedAt, parkedAt: at, ongoing };
  }
  const rareMs = Math.min((at - acceptedAt) * POLL_SHARE, SPENT_PAUSE_MS);
  const ceiling = Math.max(ceilingMs(policy.poll, count), rareMs);
  const ongoing = { count, nextAt: at + delayMs(ceiling, policy, unsettled) };
  if (call.acceptedAt !== null && call.parkedAt === null) return { ...reached, ongoing };
  const accepted: Call = { ...reached, answer, durationMs, acceptedAt, ongoing };
  if (call.parkedAt === null) return accepted;
  // It was parked for want of an answer, and now it is at work: its budget begins anew.
  return { ...accepted, parkedAt: null, spentMs: 0, attemptCount: 0, dueAt: at };
}

/** @param count of the pause: 1 for the one after the first call */
const ceilingMs = ({ firstDelayMs, maxDelayMs }: Backoff, count: number): number =>
  Math.min(maxDelayMs, firstDelayMs * 2 ** (count - 1));

function delayMs(
  ceiling: number,
  { maxRetryAfterMs }: CallPolicy,
  { chance, retryAfterMs }: Unsettled,
): number {
  return Math.max(Math.ceil(ceiling * chance), Math.min(retryAfterMs ?? 0, maxRetryAfterMs));
}

const spentPauseMs = ({ chance }: Unsettled): number => Math.ceil((SPENT_PAUSE_MS * (1 + chance)) / 2);
