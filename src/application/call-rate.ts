/**
 * The rate of calls to one participant as a token bucket: pure, and by a time that is passed in.
 *
 * A bucket holds the calls of one second. So after a pause that many may be sent immediately, and then one for each token
 * that is added.
 */

export type Bucket = { readonly tokens: number; readonly atMs: number };

/** The bucket as it is now; a new one is full. */
export function refilled(bucket: Bucket | undefined, callsPerSecond: number, nowMs: number): Bucket {
  if (bucket === undefined) return { tokens: callsPerSecond, atMs: nowMs };
  const added = ((nowMs - bucket.atMs) / 1000) * callsPerSecond;
  return { tokens: Math.min(callsPerSecond, bucket.tokens + added), atMs: nowMs };
}

export const wholeTokens = ({ tokens }: Bucket): number => Math.floor(tokens + ROUNDING);

export const withoutToken = ({ tokens, atMs }: Bucket): Bucket => ({ tokens: Math.max(0, tokens - 1), atMs });

/** How long until the bucket has a token. */
export const waitMs = ({ tokens }: Bucket, callsPerSecond: number): number =>
  Math.max(0, ((1 - tokens) * 1000) / callsPerSecond);

/** Sums of fractions: a token that is complete but for this is one. */
const ROUNDING = 1e-6;
