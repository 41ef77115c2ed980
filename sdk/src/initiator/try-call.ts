/**
 * Calls one try, as the coordinator calls those of declared transactions: the same path, headers and body in
 * every attempt, a reply read off the status alone, and attempts until there is a clear one or no time for
 * another.
 */
import { replyOf } from '../../../src/wire/reply.ts';
import { signatureHeaders } from '../../../src/wire/signature.ts';
import { CALL_HEADERS } from '../../../src/wire/index.ts';
import type { Address, ParticipantAddresses } from './participant-addresses.ts';
import { exchange, type Fetch, type ExchangeResult } from './http-exchange.ts';
import { backOffMs, pause, type Timing } from './timing.ts';

const DEFAULT_CALL_TIMEOUT_MS = 5000;
/** An initiator calls tries only. */
const KIND = 'tcc';
const MAX_ANSWER_BYTES = 64 * 1024;

export type TryCall = {
  readonly gid: string;
  readonly branchId: string;
  readonly participant: string;
  readonly activity: string;
  /** The payload as JSON. */
  readonly body: string;
  readonly deadlineAt: Date;
  readonly traceparent: string | null;
};

export type TryTools = {
  readonly addresses: ParticipantAddresses;
  readonly fetch: Fetch;
  readonly timing: Timing;
  /** By participant; a participant without one is called unsigned. */
  readonly secrets: ReadonlyMap<string, readonly string[]>;
};

export type TryTimes = {
  /** No attempt begins, and none lasts, beyond this; in elapsed milliseconds. */
  readonly deadlineMs: number;
  /** Ends the attempt that is under way. */
  readonly signal: AbortSignal;
  /** Lets the attempt that is under way end, and begins no other. */
  readonly noMore: AbortSignal;
};

export type Tried =
  | { readonly reply: 'succeeded' | 'refused'; readonly status: number; readonly text: string }
  /** `isOutOfTime`: it was given up because no other attempt fits before the deadline. */
  | { readonly reply: 'unknown'; readonly answer: string; readonly isOutOfTime: boolean };

/** Never rejects. */
export async function callTry(call: TryCall, tools: TryTools, times: TryTimes): Promise<Tried> {
  const { timing, addresses } = tools;
  let last = 'there was no time for an answer';
  for (let attempt = 1; ; attempt += 1) {
    const result = await callOnce(call, attempt, tools, times);
    const reply = replyOf('try', result.status);
    if (result.status !== null && (reply === 'succeeded' || reply === 'refused'))
      return { reply, status: result.status, text: result.text };
    // An attempt that we stopped ourselves says nothing.
    if (!times.signal.aborted) last = failureText(result);
    if (reply === 'unknown') addresses.failed(call.participant);
    const delayMs = backOffMs(attempt, result.status === null ? null : result.retryAfterMs);
    if (timing.elapsedMs() + delayMs < times.deadlineMs) await pause(timing, delayMs, times.noMore);
    else return { reply: 'unknown', answer: last, isOutOfTime: true };
    if (times.noMore.aborted) return { reply: 'unknown', answer: last, isOutOfTime: false };
  }
}

async function callOnce(
  call: TryCall,
  attempt: number,
  tools: TryTools,
  times: TryTimes,
): Promise<ExchangeResult> {
  const { timing, addresses, fetch } = tools;
  const leftMs = () => times.deadlineMs - timing.elapsedMs();
  const address = await addresses.find(call.participant, { patienceMs: leftMs(), signal: times.noMore });
  if ('failure' in address) return { status: null, failure: address.failure };
  if (times.noMore.aborted || leftMs() <= 0) return { status: null, failure: 'there was no time for it' };
  return exchange(
    { fetch, timing },
    {
      method: 'POST',
      url: address.baseUrl + pathOf(address, call),
      headers: headersOf(call, attempt, tools),
      body: call.body,
    },
    {
      timeoutMs: Math.min(address.callTimeoutMs ?? DEFAULT_CALL_TIMEOUT_MS, leftMs()),
      maxBytes: MAX_ANSWER_BYTES,
      signal: times.signal,
    },
  );
}

function pathOf({ paths }: Address, { activity }: TryCall): string {
  const own = paths[`${activity}/try`];
  return typeof own === 'string' ? own : `/${activity}/try`;
}

function headersOf(call: TryCall, attempt: number, { secrets }: TryTools): Record<string, string> {
  const { gid, branchId, participant, body, deadlineAt, traceparent } = call;
  const ownSecrets = secrets.get(participant);
  return {
    'content-type': 'application/json',
    [CALL_HEADERS.gid]: gid,
    [CALL_HEADERS.branchId]: branchId,
    [CALL_HEADERS.op]: 'try',
    [CALL_HEADERS.kind]: KIND,
    [CALL_HEADERS.attempt]: String(attempt),
    [CALL_HEADERS.deadline]: deadlineAt.toISOString(),
    [CALL_HEADERS.idempotencyKey]: `${gid}/${branchId}/try`,
    ...(traceparent !== null && { [CALL_HEADERS.traceparent]: traceparent }),
    ...(ownSecrets &&
      signatureHeaders({ gid, branchId, op: 'try', kind: KIND }, body, ownSecrets, new Date())),
  };
}

function failureText(result: ExchangeResult): string {
  if (result.status === null) return result.failure;
  return result.status === 401
    ? '401; if it wants signed calls, name its secret in the secrets of Tercet'
    : String(result.status);
}
