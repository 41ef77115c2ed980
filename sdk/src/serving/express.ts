/**
 * A participant in Express, 4.18 or later:
 *
 *   app.use('/tcc', expressParticipant(participant));
 *   app.use(express.json());
 *
 * In this order: signatures are over the body as it came, and `express.json()` keeps only what it parsed.
 * Where it has to come first, its option `verify` can keep the bytes as `request.rawBody`.
 */
import type { RequestHandler } from 'express';
import { nodeHttpParticipant } from './node-http.ts';
import type { Mountable } from './mountable.ts';

/** Requests that are no calls for the participant go on to the next handler. */
export function expressParticipant(participant: Mountable): RequestHandler {
  const serve = nodeHttpParticipant(participant);
  return (request, response, next) => {
    serve(request, response).then((isOurs) => {
      if (!isOurs) next();
    }, next);
  };
}
