/**
 * Maps the HTTP status of a participant's answer to a reply, as the coordinator does (src/domain/branch-reply.ts; a test
 * compares them). docs/participants.md has the table.
 */
import type { CallOp, Op } from './vocabulary.ts';

export type Reply = 'succeeded' | 'refused' | 'ongoing' | 'unknown';

/** @param status null when no complete answer came */
export function replyOf(op: CallOp, status: number | null): Reply {
  if (status === null) return 'unknown';
  if (op === 'notify') return status >= 200 && status <= 299 ? 'succeeded' : 'unknown';
  if (status === 202 || status === 425) return 'ongoing';
  if (status >= 200 && status <= 299) return 'succeeded';
  return isPhaseOne(op) && (status === 409 || status === 422) ? 'refused' : 'unknown';
}

/** Phase one: what may be refused, what its deadline bounds, and whose result is asked for. */
export const isPhaseOne = (op: Op): boolean => op === 'try' || op === 'action';
