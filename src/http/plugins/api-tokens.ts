/**
 * Who may use the coordinator: each request brings one of the tokens as `Authorization: Bearer TOKEN`, or where the route says so
 * a signed URL.
 *
 * It is asked before anything else, so that a stranger learns nothing: the body is not read, no form is checked, and
 * a path that does not exist is refused like one that does. Open are the probes and the description of the API.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { CompletionUrls } from '../../wire/completion-urls.ts';
import type { RouteConfig } from '../mount.ts';
import { sendProblem } from '../problem.ts';

/**
 * To be called before the first route. Without tokens everyone may come in.
 * @param completionUrls null where no URLs are signed
 */
export function askForToken(
  app: FastifyInstance,
  apiTokens: ApiTokens,
  completionUrls: CompletionUrls | null,
): void {
  if (apiTokens.isEmpty) return;
  app.addHook('onRequest', async (request, reply) => {
    const signature = signatureOf(request);
    const isSigned = signature !== null && isSignedForSome(request, signature);
    if (isOpen(request) || isSigned || apiTokens.accept(request.headers.authorization)) return;
    // Its body is not read, so nothing more can be read on the connection either.
    reply.header('www-authenticate', 'Bearer').header('connection', 'close');
    if (signature !== null) return sendProblem(reply, 'wrong_signature');
    const about = completionUrls !== null && isSignable(request) ? UNSIGNED : undefined;
    return sendProblem(reply, 'unauthorized', { about });
  });

  /** For some op of the branch: the route verifies that it is the op of the body, which is not read yet. */
  const isSignedForSome = ({ params }: FastifyRequest, signature: string): boolean =>
    completionUrls?.isSignedForSome(params as { gid: string; branchId: string }, signature) ?? false;
}

/** The tokens that are accepted now. */
export class ApiTokens {
  #digests: readonly Buffer[];

  /** @param tokens none where everyone may come in */
  constructor(tokens: readonly string[]) {
    this.#digests = tokens.map(digestOf);
  }

  get isEmpty(): boolean {
    return this.#digests.length === 0;
  }

  /** From the next request on. @throws for none: access control never ends while the process runs */
  replace(tokens: readonly string[]): void {
    if (tokens.length === 0) throw new Error('no API tokens to replace the present ones by');
    this.#digests = tokens.map(digestOf);
  }

  /** All are compared, and all of each: the time it takes tells nothing about any of them. */
  accept(header: string | undefined): boolean {
    const digest = digestOf(/^Bearer +(\S+)$/i.exec(header ?? '')?.[1] ?? '');
    return this.#digests.reduce((isFound, one) => timingSafeEqual(one, digest) || isFound, false);
  }
}

const UNSIGNED =
  'Post to the tcc-completion-url of the call unchanged, with its signature; or, as a trusted program:';

const isSignable = ({ routeOptions }: FastifyRequest): boolean =>
  (routeOptions.config as RouteConfig).access === 'token-or-signature';

/** Null where there is none, or the route takes none. */
function signatureOf(request: FastifyRequest): string | null {
  if (!isSignable(request)) return null;
  const { signature } = request.query as { signature?: unknown };
  return typeof signature === 'string' ? signature : null;
}

/** Digests are of one length, as the comparison wants, and keep the tokens themselves out of its timing. */
const digestOf = (token: string): Buffer => hash('sha256', token, 'buffer');

/** By the route that was found, not by the path as it was written; a path without a route is not open. */
function isOpen({ routeOptions: { url = '', config } }: FastifyRequest): boolean {
  return (config as RouteConfig).access === 'open' || DESCRIPTION.includes(url) || url.startsWith('/docs/');
}

const DESCRIPTION: readonly string[] = ['/openapi.json', '/docs'];
