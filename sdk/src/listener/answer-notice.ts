/**
 * From the call that notifies of an end to its answer: first its signature, then its form, and only then the listener's
 * function. The coordinator goes by the status: a 2xx ends its calls, everything else is called again.
 */
import { Type } from 'typebox';
import { types } from 'node:util';
import { isActive, isIterator, isPlain, isThenable } from '../lossless-json.ts';
import {
  bodyNotRaw,
  bodyTooLarge,
  brokenJson,
  faultOfJson,
  failed,
  invalidBody,
  invalidHeader,
  MAX_BODY_BYTES,
  invalidSignature,
} from '../serving/answers.ts';
import { firstFault } from '../first-fault.ts';
import type { ParticipantAnswer, ParticipantRequest } from '../serving/mountable.ts';
import { verifySignature } from '../signature.ts';
import { inAllParts } from '../unhandled.ts';
import { CALL_HEADERS, EndingNotice } from '../../../src/wire/index.ts';

export type OnEnding = (ending: EndingNotice) => unknown;

export type NoticeOptions = {
  /** Null where calls need not be signed. */
  readonly secrets: readonly string[] | null;
  /** Never throws. */
  readonly onError: (error: unknown, ending: EndingNotice | null) => void;
};

/** A newer coordinator may say more. */
const Readable = Type.Object(EndingNotice.properties);

const DELIVERED: ParticipantAnswer = { status: 204, headers: {}, body: '' };

export async function answerNotice(
  listen: OnEnding,
  request: ParticipantRequest,
  { secrets, onError }: NoticeOptions,
): Promise<ParticipantAnswer> {
  const { headers, body, isRewritten } = request;
  if (Buffer.byteLength(body) > MAX_BODY_BYTES) return bodyTooLarge();
  if (secrets !== null && isRewritten === true) {
    onError(new Error(NOT_RAW), null);
    return bodyNotRaw(NOT_RAW);
  }
  const fault = secrets === null ? null : verifySignature(headers, body, secrets);
  if (fault !== null) return invalidSignature(fault);
  const read = readEnding(request);
  if (read.ending === null) return read.answer;
  try {
    checkDone(await inAllParts(() => listen(read.ending)));
    return DELIVERED;
  } catch (error) {
    onError(error, read.ending);
    return failed();
  }
}

/**
 * What is returned is read for nothing but this: whether the work may have failed, or may still fail. Answered with 204, it would
 * not be called again.
 *
 * @throws an error that was returned instead of thrown, alone or by `Promise.allSettled`
 * @throws TypeError for a function, alone or in a list, which was not called; for promises, as a `map` of an async
 *   function returns them; for the iterator of a generator, whose body never ran; and for a stream, a request or a
 *   process, which goes on
 */
function checkDone(returned: unknown, seen = new Set<unknown>()): void {
  if (typeof returned === 'function')
    throw new TypeError('the function of the listener returned a function, which was not called: call it');
  if (typeof returned !== 'object' || returned === null || seen.has(returned)) return;
  seen.add(returned);
  if (returned instanceof Error || types.isNativeError(returned)) throw returned;
  if (isThenable(returned))
    throw new TypeError('the function of the listener returned promises: await them by Promise.all');
  if (isIterator(returned))
    throw new TypeError('the function of the listener returned an iterator: its body never ran');
  if (isActive(returned))
    throw new TypeError(
      'the function of the listener returned a stream, a timer or another emitter, which may go on or fail: wait for its end',
    );
  if (Array.isArray(returned) || isPlain(returned))
    for (const part of Object.values(returned))
      if (Array.isArray(returned) || typeof part !== 'function') checkDone(part, seen);
}

const NOT_RAW =
  'Signatures are over the body as it came, but it was parsed before: mount the listener before express.json() and the ' +
  'like, or keep the bytes as request.rawBody.';

type Read =
  | { readonly ending: EndingNotice; readonly answer: null }
  | { readonly ending: null; readonly answer: ParticipantAnswer };

function readEnding({ headers, body }: ParticipantRequest): Read {
  const unread = (answer: ParticipantAnswer): Read => ({ ending: null, answer });
  if (headers[CALL_HEADERS.op] !== 'notify')
    return unread(invalidHeader({ header: CALL_HEADERS.op, detail: 'is to be notify, as in the path' }));
  const parsed = parse(body);
  if ('broken' in parsed) return unread(brokenJson(parsed.broken));
  const ending = parsed.value as EndingNotice;
  const fault = firstFault(Readable, ending);
  if (fault !== null) return unread(invalidBody(`The body is not what tells of an end: ${fault}`));
  // The signature is over both, and names the gid of the header.
  if (headers[CALL_HEADERS.gid] !== ending.gid)
    return unread(invalidHeader({ header: CALL_HEADERS.gid, detail: 'is to be the gid of the body' }));
  return { ending, answer: null };
}

function parse(body: string): { readonly value: unknown } | { readonly broken: string } {
  try {
    return { value: JSON.parse(body) };
  } catch (error) {
    return { broken: faultOfJson(error) };
  }
}
