/**
 * How long a `run` or a `submit` may last as a whole: until its deadline by the initiator's own clock, and a little longer to
 * learn what was decided then. The waits and retries of all its requests are within it.
 */
import type { Timing } from './timing.ts';

/** In elapsed milliseconds; Infinity without a timeoutMs. */
export type TimeLimit = {
  /** When the transaction is cancelled if nothing was decided. */
  readonly deadlineMs: number;
  /** When the last request is given up. */
  readonly endMs: number;
};

/** A coordinator that is up answers within it. */
export const LEARNING_MS = 500;

/** The coordinator judges whether `timeoutMs` is a number that it takes. */
export function timeLimitOf(
  { timeoutMs = Number.POSITIVE_INFINITY }: { readonly timeoutMs?: number },
  timing: Timing,
): TimeLimit {
  const deadlineMs = timeoutMs > 0 ? timing.elapsedMs() + timeoutMs : Number.POSITIVE_INFINITY;
  return { deadlineMs, endMs: deadlineMs + LEARNING_MS };
}
