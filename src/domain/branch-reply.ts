/**
 * Reads a reply off an HTTP answer. The only place that does: bodies are never searched for words, and the
 * method and the path never change what a status means.
 */
import type { Op, Reply } from './global-transaction.ts';

const REFUSALS: readonly number[] = [409, 422];
const STILL_AT_WORK: readonly number[] = [202, 425];

/**
 * @param httpStatus the status of a complete answer; null for a time-out, a reset, or a body over the limit.
 * A confirm or a cancel is never done, and never refused, on a 4xx: a 404 is usually a wrong path.
 */
export function branchReply(op: Op, httpStatus: number | null): Reply {
  if (httpStatus === null) return 'unknown';
  if (STILL_AT_WORK.includes(httpStatus)) return 'ongoing';
  if (httpStatus >= 200 && httpStatus <= 299) return 'succeeded';
  if (op === 'try' && REFUSALS.includes(httpStatus)) return 'failed';
  return 'unknown';
}
