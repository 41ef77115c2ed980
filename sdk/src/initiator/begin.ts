/** Beginning: the transaction that a key names, made now or before, and when it ends by our own clock. */
import { type CoordinatorClient, PATIENCE_MS } from './coordinator-client.ts';
import { CoordinatorUnavailable, RequestRejected } from './errors.ts';
import { inputHashOf } from './input-hash.ts';
import { checkedCallback } from './options.ts';
import { readTransaction, type TransactionState } from './transaction-state.ts';
import type { TimeLimit } from './time-limit.ts';
import type { Timing } from './timing.ts';
import type { RunOptions } from './types.ts';

export type Begun = {
  readonly seen: TransactionState;
  /** In elapsed milliseconds. */
  readonly deadlineMs: number;
};

type BeginParts = {
  readonly client: CoordinatorClient;
  readonly timing: Timing;
  /** The one that is sent, and the one that the caller has given. */
  readonly key: string;
  readonly idempotencyKey: string;
  readonly limit: TimeLimit;
  readonly traceparent: string | null;
};

const CREATED = 201;

/** @throws CoordinatorUnavailable, RequestRejected, TypeError */
export async function begin(options: RunOptions, given: BeginParts): Promise<Begun> {
  const { client, timing, key, idempotencyKey, limit, traceparent } = given;
  const { name, businessKey, timeoutMs, signal = null } = options;
  const inputHash = inputHashOf(options);
  const firstSentMs = timing.elapsedMs();
  const answer = await client.ask(
    {
      method: 'POST',
      path: '/v1/transactions',
      headers: beginHeaders(key, traceparent),
      body: JSON.stringify({ name, businessKey, inputHash, timeoutMs, callback: checkedCallback(options) }),
      reads: readTransaction,
    },
    { patienceMs: PATIENCE_MS, endMs: limit.deadlineMs, signal },
  );
  if (answer.kind === 'rejected')
    throw new RequestRejected('The beginning of the transaction', answer.problem);
  if (answer.kind === 'unanswered') throw notBegun(answer.failure, idempotencyKey, signal);
  const { value: seen, httpStatus, sentMs } = answer;
  // What stood already was begun by an earlier request of ours, or of another run: at our first, as far as we
  // know.
  const beganMs = httpStatus === CREATED ? sentMs : firstSentMs;
  const deadlineMs = beganMs + Date.parse(seen.deadlineAt) - Date.parse(seen.beganAt);
  return { seen, deadlineMs: Math.min(deadlineMs, limit.deadlineMs) };
}

export const beginHeaders = (idempotencyKey: string, traceparent: string | null): Record<string, string> => ({
  'idempotency-key': idempotencyKey,
  ...(traceparent !== null && { traceparent }),
});

const notBegun = (failure: string, idempotencyKey: string, signal: AbortSignal | null) =>
  signal?.aborted
    ? new CoordinatorUnavailable(
        'The run was aborted before the coordinator had acknowledged its beginning.',
        idempotencyKey,
        signal.reason,
      )
    : new CoordinatorUnavailable(
        `The coordinator did not acknowledge the beginning (${failure}).`,
        idempotencyKey,
      );
