/**
 * Posts the end of an accepted op to the URL that its call brought, until the coordinator has answered. Nothing rejects: the end is
 * recorded before, and the coordinator's next poll learns it from the participant, whatever becomes of the post.
 *
 * The URL is a secret of the op, and stands in no message and in no span.
 */
import { exchange, type Fetch, jsonIn } from '../initiator/http-exchange.ts';
import { backOffMs, pause, type Timing } from '../initiator/timing.ts';
import { inSpan, untraced } from '../spans.ts';

export type PostTools = { readonly fetch: Fetch; readonly timing: Timing };

export type PostOptions = {
  /** How long to go on posting, in milliseconds; 10,000 when absent. It never bounds the record. */
  readonly timeoutMs?: number;
  /** Ends the posting. It never ends the record. */
  readonly signal?: AbortSignal;
};

const DEFAULT_TIMEOUT_MS = 10_000;
const MAX_ATTEMPT_MS = 5000;
const MAX_ANSWER_BYTES = 64 * 1024;

/** Null once the coordinator has accepted it; else why it has not. */
export async function postCompletion(
  url: string | null,
  body: string,
  options: PostOptions,
  tools: PostTools,
): Promise<string | null> {
  if (url === null) return 'the call brought no completion URL: the coordinator has no TERCET_PUBLIC_URL';
  const isFailure = (outcome: object) => !('done' in outcome) || outcome.done !== null;
  const notPosted = await inSpan('tercet post completion', { isFailure }, () =>
    post(url, body, options, tools),
  );
  return notPosted === null ? null : withoutSecret(notPosted, url);
}

/** Errors of a given `fetch` may name the URL. */
const withoutSecret = (words: string, url: string): string =>
  [url, ...new URL(url).searchParams.values()]
    .filter((part) => part !== '')
    .reduce((text, part) => text.replaceAll(part, '…'), words);

async function post(
  url: string,
  body: string,
  { timeoutMs = DEFAULT_TIMEOUT_MS, signal }: PostOptions,
  tools: PostTools,
): Promise<string | null> {
  const { timing } = tools;
  const endMs = timing.elapsedMs() + timeoutMs;
  for (let attempt = 1; ; attempt += 1) {
    const leftMs = Math.min(MAX_ATTEMPT_MS, endMs - timing.elapsedMs());
    const limits = { timeoutMs: Math.max(1, leftMs), maxBytes: MAX_ANSWER_BYTES, signal: signal ?? null };
    const answer = await untraced((trace) => {
      const headers = { ...trace, 'content-type': 'application/json' };
      return exchange(tools, { method: 'POST', url, body, headers }, limits);
    });
    if (answer.status !== null && answer.status >= 200 && answer.status <= 299) return null;
    const words = answer.status === null ? answer.failure : `${answer.status}${problemIn(answer.text)}`;
    if (answer.status !== null && isFinal(answer.status, answer.text))
      return `the coordinator answered ${words}`;
    const delayMs = backOffMs(attempt, answer.status === null ? null : answer.retryAfterMs);
    if (signal?.aborted || timing.elapsedMs() + delayMs >= endMs)
      return `the coordinator did not accept it in time: ${words}`;
    await pause(timing, delayMs, signal ?? null);
  }
}

/** A request that came too slowly, too early or too often may be sent again. */
const SEND_AGAIN: readonly number[] = [408, 425, 429];

/** Of the coordinator itself: what stands in front of it answers without its problem document. */
const isFinal = (status: number, text: string): boolean =>
  status >= 400 && status <= 499 && !SEND_AGAIN.includes(status) && problemIn(text) !== '';

function problemIn(text: string): string {
  const problem = jsonIn(text);
  if (typeof problem !== 'object' || problem === null) return '';
  const { type, code } = problem as { type?: unknown; code?: unknown };
  return typeof code === 'string' && type === `urn:tercet:error:${code}` ? `, ${code}` : '';
}
