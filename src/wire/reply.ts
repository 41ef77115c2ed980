/**
 * What a participant's answer comes to, as the coordinator reads it: by the status alone, and never by words in the body.
 * docs/participants.md has it as a table.
 */
import type { Op } from './index.ts';

export type Reply = 'succeeded' | 'refused' | 'ongoing' | 'unknown';

/** @param status null when no complete answer came */
export function replyOf(op: Op, status: number | null): Reply {
  if (status === null) return 'unknown';
  if (status === 202 || status === 425) return 'ongoing';
  if (status >= 200 && status <= 299) return 'succeeded';
  return isPhaseOne(op) && (status === 409 || status === 422) ? 'refused' : 'unknown';
}

/** Phase one: what may be refused, what its deadline bounds, and whose result is asked for. */
export const isPhaseOne = (op: Op): boolean => op === 'try' || op === 'action';
