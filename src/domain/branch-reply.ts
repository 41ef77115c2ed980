/**
 * Maps an HTTP answer to a reply, for the coordinator. Bodies are never searched for words, and the method and the path never
 * change what a status means. The SDK has the same table in src/wire/reply.ts; a test compares them.
 */
import { isPhaseOne, type Op, type Reply } from './global-transaction.ts';

/** The statuses that refuse, where something can be refused. */
export const REFUSALS: readonly number[] = [409, 422];
const STILL_AT_WORK: readonly number[] = [202, 425];

/**
 * @param httpStatus the status of a complete answer; null for a time-out, a reset, or a body over the limit.
 * Only a try or an action can be refused; after the decision `transition` takes even that for unknown. Nothing is ever done
 * on a 4xx: a 404 is usually a wrong path. Who is told of the end has heard it with any 2xx.
 */
export function branchReply(op: Op, httpStatus: number | null): Reply {
  if (httpStatus === null) return 'unknown';
  if (op !== 'notify' && STILL_AT_WORK.includes(httpStatus)) return 'ongoing';
  if (httpStatus >= 200 && httpStatus <= 299) return 'succeeded';
  if (isPhaseOne(op) && REFUSALS.includes(httpStatus)) return 'refused';
  return 'unknown';
}
