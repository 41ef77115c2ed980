/**
 * The initiator's client of the coordinator. One request is sent to the replicas in turn until one of them answers, for
 * a limited time.
 *
 * Every request of the coordinator can be repeated and answers the truth, so whatever is no clear answer is
 * asked again: no connection, no answer in time, 5xx, and all that no coordinator would say. Only a problem
 * document of a coordinator's own is a “no”: a 404 of something else on the way is no outcome. And only an answer
 * about what was asked is a “yes”: the caller says how to recognise it (`reads`).
 */
import { exchange, type Fetch, type ExchangeResult, jsonIn } from './http-exchange.ts';
import { backOffMs, pause, type Timing } from './timing.ts';

/** One request may take so long, and as much longer as the coordinator is asked to wait. */
const REQUEST_TIMEOUT_MS = 5000;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** How long one question is put again where nothing else limits it. */
export const PATIENCE_MS = 10_000;

export type CoordinatorRequest<Value> = {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body?: string;
  /** How long the coordinator is to wait for the end of the transaction; it comes on top of the patience. */
  readonly waitMs?: number;
  /** Null for an answer that no coordinator of ours gives to this question: it is asked again. */
  readonly reads: (body: unknown) => Value | null;
};

export type Patience = {
  /** From now on. */
  readonly patienceMs: number;
  /** Not beyond this, whatever the patience and the wait, in elapsed milliseconds; no limit when absent. */
  readonly endMs?: number;
  readonly signal: AbortSignal | null;
};

export type Problem = { readonly code: string; readonly detail: string };

export type Answer<Value> =
  | {
      readonly kind: 'accepted';
      readonly value: Value;
      readonly httpStatus: number;
      readonly headers: Headers;
      /** When the request left that was answered, in elapsed milliseconds. */
      readonly sentMs: number;
    }
  | { readonly kind: 'rejected'; readonly problem: Problem }
  /** Nobody knows what became of it; `failure` says what came last. */
  | { readonly kind: 'unanswered'; readonly failure: string };

export type CoordinatorClientParts = {
  readonly urls: readonly string[];
  readonly token: string | null;
  readonly fetch: Fetch;
  readonly timing: Timing;
};

export class CoordinatorClient {
  readonly #given: CoordinatorClientParts;
  /** The replica that answered last is asked first. */
  #preferred = 0;

  constructor(given: CoordinatorClientParts) {
    this.#given = given;
  }

  /** Never rejects. */
  async ask<Value>(
    request: CoordinatorRequest<Value>,
    { patienceMs, endMs = Number.POSITIVE_INFINITY, signal }: Patience,
  ): Promise<Answer<Value>> {
    const { timing } = this.#given;
    const waitUntilMs = timing.elapsedMs() + (request.waitMs ?? 0);
    const untilMs = Math.min(waitUntilMs + patienceMs, endMs);
    for (let round = 1; ; round += 1) {
      const answer = await this.#askEach(request, { waitUntilMs, untilMs, signal });
      if (answer.kind !== 'unanswered') return answer;
      const delayMs = backOffMs(round, answer.retryAfterMs);
      if (signal?.aborted || timing.elapsedMs() + delayMs >= untilMs) return answer;
      await pause(timing, delayMs, signal);
    }
  }

  /** One round: each replica once, until one answers. */
  async #askEach<Value>(request: CoordinatorRequest<Value>, times: Times): Promise<ReplicaAnswer<Value>> {
    const { urls, timing } = this.#given;
    const first = this.#preferred;
    let last: Unanswered = { kind: 'unanswered', failure: 'stopped', retryAfterMs: null };
    for (let step = 0; step < urls.length; step += 1) {
      if (times.signal?.aborted || (step > 0 && timing.elapsedMs() >= times.untilMs)) break;
      const at = (first + step) % urls.length;
      const answer = await this.#askOne(urls[at] as string, request, times);
      if (answer.kind !== 'unanswered') {
        this.#preferred = at;
        return answer;
      }
      const retryAfterMs = Math.max(last.retryAfterMs ?? 0, answer.retryAfterMs ?? 0) || null;
      last = { ...answer, retryAfterMs };
    }
    return last;
  }

  async #askOne<Value>(
    url: string,
    request: CoordinatorRequest<Value>,
    times: Times,
  ): Promise<ReplicaAnswer<Value>> {
    const { timing } = this.#given;
    const { method, path, body, reads } = request;
    const sentMs = timing.elapsedMs();
    const waitSeconds = waitSecondsOf(times, sentMs);
    const timeoutMs = Math.min(REQUEST_TIMEOUT_MS + waitSeconds * 1000, Math.max(1, times.untilMs - sentMs));
    const result = await exchange(
      this.#given,
      { method, url: url + path, body, headers: this.#headersOf(request, waitSeconds) },
      { timeoutMs, maxBytes: MAX_ANSWER_BYTES, signal: times.signal },
    );
    return answerIn(result, reads, url, sentMs);
  }

  #headersOf({ body, headers }: CoordinatorRequest<unknown>, waitSeconds: number): Record<string, string> {
    const { token } = this.#given;
    return {
      accept: 'application/json, application/problem+json',
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...(waitSeconds > 0 && { prefer: `wait=${waitSeconds}` }),
      ...headers,
    };
  }
}

type Times = {
  readonly waitUntilMs: number;
  readonly untilMs: number;
  readonly signal: AbortSignal | null;
};

/** WorkOutcome free at the end of the time, so that the answer after a wait arrives within it. */
const ANSWER_MS = 250;

/** Whole seconds are all that the header can say. */
const waitSecondsOf = ({ waitUntilMs, untilMs }: Times, nowMs: number): number =>
  Math.max(
    0,
    Math.min(Math.ceil((waitUntilMs - nowMs) / 1000), Math.floor((untilMs - nowMs - ANSWER_MS) / 1000)),
  );

type Unanswered = {
  readonly kind: 'unanswered';
  readonly failure: string;
  readonly retryAfterMs: number | null;
};
type ReplicaAnswer<Value> = Exclude<Answer<Value>, { kind: 'unanswered' }> | Unanswered;

function answerIn<Value>(
  result: ExchangeResult,
  reads: (body: unknown) => Value | null,
  url: string,
  sentMs: number,
): ReplicaAnswer<Value> {
  if (result.status === null)
    return { kind: 'unanswered', failure: `${url}: ${result.failure}`, retryAfterMs: null };
  const { status: httpStatus, text, headers, retryAfterMs } = result;
  const body = jsonIn(text);
  if (httpStatus >= 200 && httpStatus <= 299) {
    const value = reads(body);
    if (value !== null) return { kind: 'accepted', value, httpStatus, headers, sentMs };
    const failure = `${url}: ${httpStatus}, but no answer to what was asked`;
    return { kind: 'unanswered', failure, retryAfterMs };
  }
  const problem = problemIn(body);
  if (problem !== null && isRefusal(httpStatus)) return { kind: 'rejected', problem };
  const failure = `${url}: ${httpStatus}${problem === null ? hintOf(httpStatus) : `, ${problem.code}`}`;
  return { kind: 'unanswered', failure, retryAfterMs };
}

/** A coordinator knows all that the SDK asks for, so another service answers, or something on the way to one. */
const hintOf = (status: number): string =>
  status === 404 || status === 405 ? '; no Tercet coordinator answers there: correct `urls`' : '';

/** A request that came too slowly, too early or too often may be sent again. */
const SEND_AGAIN: readonly number[] = [408, 425, 429];

const isRefusal = (status: number): boolean => status >= 400 && status <= 499 && !SEND_AGAIN.includes(status);

/** A problem document of a coordinator; null for all else. */
function problemIn(body: unknown): Problem | null {
  if (typeof body !== 'object' || body === null) return null;
  const { type, code, detail } = body as { type?: unknown; code?: unknown; detail?: unknown };
  if (typeof code !== 'string' || type !== `urn:tercet:error:${code}`) return null;
  return { code, detail: typeof detail === 'string' ? detail : code };
}
