/**
 * The body of a request of node:http, exactly as it came; signatures are over its bytes.
 *
 * A framework may have read it before: what it kept as `rawBody` is taken, or the text or bytes it made of
 * it. Where it kept only what it parsed, that is written anew, which is said with it.
 */
import type { IncomingMessage } from 'node:http';
import { finished } from 'node:stream';
import { bodyNotRaw, bodyTooLarge, brokenJson, MAX_BODY_BYTES } from './answers.ts';
import type { ParticipantAnswer } from './mountable.ts';

export type WholeBody =
  | { readonly state: 'read'; readonly text: string; readonly isRewritten: boolean }
  /** It cannot be served; the answer says why. */
  | { readonly state: 'unreadable'; readonly answer: ParticipantAnswer };

/** `aborted`: the sender closed the connection before the end, so there is no one to answer. */
export type RequestBody = WholeBody | { readonly state: 'aborted' };

/** What body parsers leave behind. */
type Parsed = { readonly rawBody?: unknown; readonly body?: unknown };

export async function bodyOf(request: IncomingMessage & Parsed): Promise<RequestBody> {
  const kept = request.rawBody ?? (request.readableDidRead ? request.body : undefined);
  if (typeof kept === 'string') return { state: 'read', text: kept, isRewritten: false };
  if (kept instanceof Uint8Array) return textOf(kept);
  if (kept !== undefined) return { state: 'read', text: JSON.stringify(kept), isRewritten: true };
  if (request.readableDidRead) return unreadable(bodyNotRaw(TOO_LATE));
  const bytes = await bytesOf(request);
  if (bytes === 'aborted') return { state: 'aborted' };
  return bytes === 'too_large' ? unreadable(bodyTooLarge()) : textOf(bytes);
}

const TOO_LATE =
  'The body was read before, and nothing of it was kept: mount the participant before whatever reads ' +
  'bodies, such as express.json().';

const unreadable = (answer: ParticipantAnswer): WholeBody => ({ state: 'unreadable', answer });

/** A byte order mark stays: it was signed, and JSON has none. */
export function textOf(bytes: Uint8Array): WholeBody {
  if (bytes.length > MAX_BODY_BYTES) return unreadable(bodyTooLarge());
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return { state: 'read', text, isRewritten: false };
  } catch {
    return unreadable(brokenJson('it holds bytes that are not UTF-8'));
  }
}

/** What comes after the limit is read and discarded, so that a client that is still sending can receive the answer. */
function bytesOf(request: IncomingMessage): Promise<Uint8Array | 'too_large' | 'aborted'> {
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    let byteCount = 0;
    request.on('data', (chunk: Uint8Array) => {
      byteCount += chunk.length;
      if (byteCount <= MAX_BODY_BYTES) chunks.push(chunk);
      else resolve('too_large');
    });
    finished(request, (error) => resolve(error ? 'aborted' : Buffer.concat(chunks)));
  });
}
