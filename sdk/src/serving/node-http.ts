/** A participant on `node:http`, or on whatever hands its requests and responses on. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Mountable, ParticipantAnswer } from './mountable.ts';
import { bodyOf } from './request-body.ts';
import { routeOf } from './route.ts';

/**
 * Answers a call, and then resolves to true. For any other request it resolves to false, and has touched
 * nothing, so that the next handler can have it: given to `createServer` alone, it would leave those hanging. A
 * call whose body never ends is not answered, and nothing is done.
 *
 * Of `request.url` the whole path counts. To serve it below another, cut that off from `request.url` before.
 */
export function nodeHttpParticipant(
  participant: Mountable,
): (request: IncomingMessage, response: ServerResponse) => Promise<boolean> {
  return async (request, response) => {
    const { method = '', headers, url = '' } = request;
    const [path = ''] = url.split('?');
    if (routeOf(participant, { method, path }) === null) return false;
    const body = await bodyOf(request);
    if (body.state === 'aborted') return true;
    if (body.state === 'unreadable') {
      send(response, body.answer);
      return true;
    }
    const { text, isRewritten } = body;
    const answer = await participant.handle({ method, path, headers, body: text, isRewritten });
    if (answer === null) return false;
    send(response, answer);
    return true;
  };
}

/** Something before may have answered in the meantime, such as a time-out. */
function send(response: ServerResponse, { status, headers, body }: ParticipantAnswer): void {
  if (response.headersSent) return;
  // A 204 has no body, and must not have a length.
  const length = status === 204 ? {} : { 'content-length': Buffer.byteLength(body) };
  response.writeHead(status, { ...headers, ...length });
  response.end(body);
}
