/** Reads `Retry-After` (RFC 9110): whole seconds, or an HTTP date. */

/** @returns milliseconds from `now`, at least 0; null when the value is neither. */
export function retryAfterMs(value: string, now: number): number | null {
  if (/^\d{1,12}$/.test(value)) return Number(value) * 1000;
  // Every form of an HTTP date begins with the name of a day; Date.parse alone would take nearly anything.
  const at = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}
