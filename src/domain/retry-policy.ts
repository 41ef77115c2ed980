/**
 * The retry of the protocol: what one more unanswered call does to a branch. There is no other retry: queue jobs
 * run once, and the HTTP client never repeats a call.
 *
 * Exponential delays with full jitter and a cap, Retry-After honoured, a budget; then the branch is parked.
 */
import type { Backoff, Call, CallPolicy, Instant } from './global-transaction.ts';

/** What is told of a reply that settles nothing. `chance` in [0, 1) is drawn by the caller. */
export type Unsettled = {
  readonly reply: 'ongoing' | 'unknown';
  readonly answer: string;
  readonly durationMs: number;
  readonly retryAfterMs: number | null;
  readonly chance: number;
  readonly at: Instant;
};

/**
 * The call after a reply that settled nothing: due again later, or parked.
 * @param mayPark false while the deadline ends it, and for a callback.
 */
export function backOff(call: Call, policy: CallPolicy, unsettled: Unsettled, mayPark: boolean): Call {
  const { reply, answer, durationMs, at } = unsettled;
  if (reply === 'ongoing') {
    const count = (call.ongoing?.count ?? 0) + 1;
    if (mayPark && count >= policy.poll.budget)
      return { ...call, ongoing: null, answer, durationMs, parkedAt: at };
    return { ...call, ongoing: { count, nextAt: at + delayMs(policy.poll, count, policy, unsettled) } };
  }
  const attemptCount = call.attemptCount + 1;
  const tried: Call = { ...call, reply, attemptCount, answer, durationMs, ongoing: null };
  if (mayPark && attemptCount >= policy.retry.budget) return { ...tried, parkedAt: at };
  return { ...tried, dueAt: at + delayMs(policy.retry, attemptCount, policy, unsettled) };
}

function delayMs(backoff: Backoff, count: number, policy: CallPolicy, unsettled: Unsettled): number {
  const ceilingMs = Math.min(backoff.maxDelayMs, backoff.firstDelayMs * 2 ** (count - 1));
  const askedMs = Math.min(unsettled.retryAfterMs ?? 0, policy.maxRetryAfterMs);
  return Math.max(Math.ceil(ceilingMs * unsettled.chance), askedMs);
}
