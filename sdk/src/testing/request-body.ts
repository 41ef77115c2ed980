/** The only bodies that a coordinator takes: JSON, and not nested too deep. An empty body is none: null. */
import { problemOf } from '../../../src/http/problem-document.ts';
import type { ProblemDocument } from '../wire/index.ts';

/** A transaction of 1 MiB of payloads, and room for what is around them. */
const MAX_BODY_BYTES = 1.5 * 1024 * 1024;
const MAX_DEPTH = 64;

export type ReadBody =
  | { readonly value: unknown; readonly problem: null }
  | { readonly problem: ProblemDocument };

type WithBody = { readonly headers: Headers; readonly body: string };

export function readBody({ headers, body: text }: WithBody): ReadBody {
  const contentType = headers.get('content-type');
  if (contentType === null && text === '') return { value: null, problem: null };
  if (!/^application\/json\s*(?:;|$)/i.test(contentType ?? ''))
    return { problem: problemOf('unsupported_media_type') };
  if (Buffer.byteLength(text) > MAX_BODY_BYTES) return { problem: problemOf('body_too_large') };
  const encoding = headers.get('content-encoding') ?? 'identity';
  if (encoding !== 'identity')
    return { problem: problemOf('unsupported_media_type', { about: `The body is encoded: ${encoding}.` }) };
  if (text === '') return { value: null, problem: null };
  return parsed(text);
}

function parsed(text: string): ReadBody {
  try {
    const value: unknown = JSON.parse(text);
    if (!isDeeperThan(value, MAX_DEPTH)) return { value, problem: null };
    const about = `The body is nested more than ${MAX_DEPTH} deep.`;
    return { problem: problemOf('nested_too_deep', { about }) };
  } catch (error) {
    const about = `${error instanceof Error ? error.message : error}.`;
    return { problem: problemOf('broken_json', { about }) };
  }
}

function isDeeperThan(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((part) => isDeeperThan(part, depth - 1));
}
