/** What came of a call, read as the coordinator reads it. */
import { type Reply, replyOf } from '../../../src/wire/reply.ts';
import type { Op } from '../../../src/wire/index.ts';

export type Answer = {
  readonly reply: Reply;
  /** Null when no complete answer came. */
  readonly status: number | null;
  /** The status, or why there is none: `409`, `no answer in 5000 ms`. */
  readonly words: string;
  readonly isTimeout: boolean;
  readonly body: string;
  /** When to ask again, in milliseconds, if the answer says so. */
  readonly retryAfterMs: number | null;
};

export const succeeded = (answer: Answer): boolean => answer.reply === 'succeeded';

export const isRedirect = ({ status }: Answer): boolean =>
  status !== null && status >= 300 && status <= 399 && status !== 304;

export function answered(op: Op, status: number, body = '', retryAfter: string | null = null): Answer {
  return {
    reply: replyOf(op, status),
    status,
    words: String(status),
    isTimeout: false,
    body,
    retryAfterMs: readRetryAfter(retryAfter),
  };
}

/** @param isTimeout whether as much time went by as a call may take */
export function unanswered(words: string, isTimeout = false): Answer {
  return { reply: 'unknown', status: null, words, isTimeout, body: '', retryAfterMs: null };
}

/** Seconds, or a date. */
function readRetryAfter(text: string | null): number | null {
  if (text === null) return null;
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(waitMs) ? null : Math.max(0, waitMs);
}

/** Why a call had no answer, in the words of the network: what is at the bottom of it says the most. */
export function reasonOf(error: unknown, callTimeoutMs: number): string {
  const { name, message, code, cause } = partsOf(error);
  if (isTimeout(error)) return `no answer in ${callTimeoutMs} ms`;
  if (cause !== undefined) return reasonOf(cause, callTimeoutMs);
  // When several addresses of one host fail, there is only a code.
  return String(message || code || name || error);
}

export const isTimeout = (error: unknown): boolean => partsOf(error).name === 'TimeoutError';

/** Errors of another realm are no `Error` of this one. */
function partsOf(error: unknown): { [part in 'name' | 'message' | 'code' | 'cause']?: unknown } {
  return typeof error === 'object' && error !== null ? error : {};
}
