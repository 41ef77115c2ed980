/** The formula of docs/operations.md, with its symbols: the bound within which everything ends once faults stop (I4). */
import type { EngineSettings } from '../../../src/application/engine.ts';

/**
 * @param phaseCount the calls that are made one after the other: two in a tcc; in a saga no more than its steps, and one
 * more with a callback
 * @returns milliseconds after the last fault, for a transaction whose deadline is `leftMs` away by then
 */
export function endsWithinMs(settings: EngineSettings, leftMs: number, phaseCount: number): number {
  const { policy, commitTimeoutMs: K, sweepIntervalMs: S, gate } = settings;
  const C = policy.callTimeoutMs;
  const G = C + K + 1000;
  const L = G + S;
  const W = Math.max(policy.retry.maxDelayMs, policy.maxRetryAfterMs);
  const R = Math.max(2 * gate.maxOpenMs, 60_000);
  const A = L + R + W + C + K;
  return leftMs + L + phaseCount * A;
}
