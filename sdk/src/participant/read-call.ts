/** The call that a request brings in its headers, or the first of them that is not as it has to be. */
import { Value } from 'typebox/value';
import type { Call } from '../call.ts';
import { BranchId, CALL_HEADERS, type Fault, Gid, Kind, type Op } from '../../../src/wire/index.ts';
import type { ParticipantRequest } from '../serving/mountable.ts';

type ReadCall =
  | { readonly call: Call; readonly fault: null }
  | { readonly call: null; readonly fault: Fault & { readonly header: string } };

type Headers = ParticipantRequest['headers'];

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;
const MAX_URL_LENGTH = 2048;
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/**
 * @param op the one of the path, which its header has to repeat
 * @param of.kind for callers that do not say what they take the activity for
 */
export function readCall(
  headers: Headers,
  op: Op,
  { name: activity, kind: declared }: { readonly name: string; readonly kind: Kind },
): ReadCall {
  const gid = textOf(headers, CALL_HEADERS.gid);
  const branchId = textOf(headers, CALL_HEADERS.branchId);
  const key = `${gid}/${branchId}/${op}`;
  const fault =
    faultOf(headers, CALL_HEADERS.gid, 'a UUIDv7 in lower case', isGid) ??
    faultOf(headers, CALL_HEADERS.branchId, '1 to 64 of A-Z a-z 0-9 _ -', isBranchId) ??
    faultOf(headers, CALL_HEADERS.op, `${op}, as in the path`, (text) => text === op) ??
    (headers[CALL_HEADERS.kind] === undefined
      ? null
      : faultOf(headers, CALL_HEADERS.kind, `one of ${Kind.enum.join(', ')}`, isKind)) ??
    faultOf(headers, CALL_HEADERS.attempt, 'a count from 1', (text) => /^[1-9]\d{0,8}$/.test(text)) ??
    faultOf(headers, CALL_HEADERS.deadline, 'an ISO 8601 instant with its zone', isInstant) ??
    faultOf(headers, CALL_HEADERS.idempotencyKey, key, (text) => text === key) ??
    (headers[CALL_HEADERS.completionUrl] === undefined
      ? null
      : faultOf(headers, CALL_HEADERS.completionUrl, 'an http or https URL', isCompletionUrl));
  if (fault !== null) return { call: null, fault };
  const text = textOf(headers, CALL_HEADERS.kind);
  const kind = isKind(text) ? text : declared;
  const attempt = Number(textOf(headers, CALL_HEADERS.attempt));
  const deadlineAt = Date.parse(textOf(headers, CALL_HEADERS.deadline));
  const traceparent = traceOf(textOf(headers, CALL_HEADERS.traceparent));
  const completionUrl = textOf(headers, CALL_HEADERS.completionUrl) || null;
  return {
    call: { gid, branchId, activity, op, kind, attempt, deadlineAt, traceparent, completionUrl },
    fault: null,
  };
}

/** Nothing for a header that is missing or stands there twice. */
function textOf(headers: Headers, name: string): string {
  const value = headers[name];
  return typeof value === 'string' ? value : '';
}

function faultOf(headers: Headers, header: string, wanted: string, isRight: (text: string) => boolean) {
  if (isRight(textOf(headers, header))) return null;
  const fault = headers[header] === undefined ? 'is missing' : 'is not as it has to be';
  return { header, detail: `${fault}: every call brings here ${wanted}` };
}

const isGid = (text: string): boolean => Value.Check(Gid, text);
const isBranchId = (text: string): boolean => Value.Check(BranchId, text);
const isKind = (text: string): text is Kind => Value.Check(Kind, text);
/** Without a user: `fetch` takes none. */
export const isCompletionUrl = (text: string): boolean => {
  const url = text.length <= MAX_URL_LENGTH ? URL.parse(text) : null;
  return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
};
const isInstant = (text: string): boolean => INSTANT.test(text) && !Number.isNaN(Date.parse(text));

/** As the standard says, a trace context that is not valid is ignored. */
const traceOf = (text: string): string | null => (TRACEPARENT.test(text) ? text : null);
