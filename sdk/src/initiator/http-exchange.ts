/**
 * One HTTP request and its whole answer, or why there is none. Nothing rejects, nothing is repeated, no
 * redirect is followed; the answer has a time-out that covers its body, and a limit of its length.
 */
import { errorFields } from '../../../src/wire/error-fields/fields.ts';
import { WITHHELD } from '../../../src/wire/error-fields/message.ts';
import { errorText, isInstanceOf } from '../caught-error.ts';
import type { Timing } from './timing.ts';

export type Fetch = typeof globalThis.fetch;

export type Request = {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
};

export type Limits = {
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly signal: AbortSignal | null;
};

export type ExchangeResult =
  | {
      readonly status: number;
      readonly text: string;
      readonly headers: Headers;
      readonly retryAfterMs: number | null;
    }
  /** `failure` says in a few words what came in place of a complete answer. */
  | { readonly status: null; readonly failure: string };

export function exchange(
  { fetch, timing }: { readonly fetch: Fetch; readonly timing: Timing },
  request: Request,
  { timeoutMs, maxBytes, signal }: Limits,
): Promise<ExchangeResult> {
  const controller = new AbortController();
  return new Promise((resolve) => {
    const end = (result: ExchangeResult) => {
      cancelTimer();
      signal?.removeEventListener('abort', stop);
      resolve(result);
      // Whatever is still on its way closes its connection.
      controller.abort();
    };
    const fail = (failure: string) => end({ status: null, failure });
    const stop = () => fail('stopped');
    const cancelTimer = timing.after(timeoutMs, () => fail(`no answer within ${Math.ceil(timeoutMs)} ms`));
    if (signal?.aborted) return stop();
    signal?.addEventListener('abort', stop, { once: true });
    send(fetch, request, maxBytes, controller.signal).then(end, (error) => fail(causeText(error)));
  });
}

async function send(
  fetch: Fetch,
  request: Request,
  maxBytes: number,
  signal: AbortSignal,
): Promise<ExchangeResult> {
  const { url, method, headers, body } = request;
  const response = await fetch(url, {
    method,
    headers,
    signal,
    redirect: 'manual',
    ...(body !== undefined && { body }),
  });
  const retryAfter = response.headers.get('retry-after');
  return {
    status: response.status,
    text: await textOf(response, maxBytes),
    headers: response.headers,
    retryAfterMs: retryAfter === null ? null : retryAfterMs(retryAfter),
  };
}

/** @throws Error when it is over the limit */
async function textOf(response: Response, maxBytes: number): Promise<string> {
  if (response.body === null) return '';
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new Error(`${response.status}, but its body is over ${maxBytes / 1024} KiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Whole seconds or an HTTP date (RFC 9110), as milliseconds from now; null when it is neither. */
function retryAfterMs(value: string): number | null {
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  // Every form of an HTTP date begins with the name of a day; Date.parse alone would take nearly anything.
  const at = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(0, at - Date.now());
}

/**
 * `fetch failed` says nothing: its cause does. A host with several addresses fails with one error for each. What a log may not
 * show is quoted, since these words become part of a message.
 */
function causeText(error: unknown): string {
  if (!isInstanceOf(Error, error)) return `“${errorText(error)}”`;
  if (error instanceof AggregateError && error.errors.length > 0) return causeText(error.errors[0]);
  if (error.cause instanceof Error) return causeText(error.cause);
  const { type, message } = errorFields(error);
  if (error.message === '' || error.message === message) return error.message || type;
  return `${message === WITHHELD ? type : message} (“${error.message}”)`;
}

/** JSON as it was sent; undefined when it is none. */
export function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
