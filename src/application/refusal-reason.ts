/**
 * Why a participant refused, where it says so in a problem document (RFC 9457). It is kept for people, and nothing is ever
 * judged by it: the status alone is the reply.
 */

/**
 * An answer without that reason, which may name what the payload names: for what is logged or sent elsewhere. It is kept after
 * the status.
 */
export const withoutReason = (answer: string): string => answer.replace(/^(\d{3}): .*$/s, '$1');

/** With the status before it, it fits where answers are kept. */
const MAX_LENGTH = 180;

/** One short line; null where there is none. */
export function refusalReason(body: string): string | null {
  const detail = detailIn(body)
    ?.toWellFormed()
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  if (!detail) return null;
  return detail.length > MAX_LENGTH ? `${detail.slice(0, MAX_LENGTH - 1).toWellFormed()}…` : detail;
}

function detailIn(body: string): string | null {
  try {
    const problem: unknown = JSON.parse(body);
    const detail =
      typeof problem === 'object' && problem !== null && 'detail' in problem ? problem.detail : null;
    return typeof detail === 'string' ? detail : null;
  } catch {
    return null;
  }
}
