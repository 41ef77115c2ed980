/**
 * Who may use the coordinator: each request brings one of the tokens as `Authorization: Bearer TOKEN`.
 *
 * It is asked before anything else, so that a stranger learns nothing: the body is not read, no form is checked, and
 * a path that does not exist is refused like one that does. Open are the probes and the description of the API.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { RouteConfig } from '../mount.ts';
import { sendProblem } from '../problem.ts';

/** To be called before the first route. Without tokens everyone may come in. */
export function askForToken(app: FastifyInstance, apiTokens: readonly string[]): void {
  if (apiTokens.length === 0) return;
  const allowed = apiTokens.map(digestOf);
  app.addHook('onRequest', async (request, reply) => {
    if (isOpen(request) || isAllowed(request.headers.authorization)) return;
    // Its body is not read, so nothing more can be read on the connection either.
    reply.header('www-authenticate', 'Bearer').header('connection', 'close');
    return sendProblem(reply, 'unauthorized');
  });

  /** All are compared, and all of each: the time it takes tells nothing about any of them. */
  function isAllowed(header: string | undefined): boolean {
    const digest = digestOf(/^Bearer +(\S+)$/i.exec(header ?? '')?.[1] ?? '');
    return allowed.reduce((isFound, one) => timingSafeEqual(one, digest) || isFound, false);
  }
}

/** Digests are of one length, as the comparison wants, and keep the tokens themselves out of its timing. */
const digestOf = (token: string): Buffer => hash('sha256', token, 'buffer');

/** By the route that was found, not by the path as it was written; a path without a route is not open. */
function isOpen({ routeOptions: { url = '', config } }: FastifyRequest): boolean {
  return (config as RouteConfig).access === 'open' || DESCRIPTION.includes(url) || url.startsWith('/docs/');
}

const DESCRIPTION: readonly string[] = ['/openapi.json', '/docs'];
