/** The only bodies that a coordinator takes: JSON, read exactly. An empty body is none: null. */
import { MAX_BODY_BYTES, readExactJson } from '../../../src/api/exact-json.ts';
import { problemOf, problemOfError } from '../../../src/api/problem-document.ts';
import type { ProblemDocument } from '../../../src/wire/index.ts';

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
    return { value: readExactJson(Buffer.from(text)), problem: null };
  } catch (error) {
    const problem = problemOfError(error);
    if (problem === null) throw error;
    return { problem };
  }
}
