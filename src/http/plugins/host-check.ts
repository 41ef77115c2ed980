/**
 * Refuses requests to a loopback listener under any but its own names. Otherwise a web page whose name resolves to 127.0.0.1
 * (DNS rebinding) could use the coordinator on the machine that shows the page: to the browser, both are one origin.
 *
 * Only the Host header is read: a page can set `X-Forwarded-Host`, and cannot set `Host`.
 */
import type { FastifyInstance } from 'fastify';
import { sendProblem } from '../problem.ts';

/**
 * To be called before the first route.
 * @param hostNames names that are served next to those of loopback; null where each is
 */
export function checkHost(app: FastifyInstance, hostNames: readonly string[] | null): void {
  if (hostNames === null) return;
  const known = new Set(hostNames.map((name) => name.toLowerCase()));
  app.addHook('onRequest', async ({ headers: { host } }, reply) => {
    // Only HTTP/1.0 comes without one, and no browser speaks it.
    if (host === undefined) return;
    const name = nameIn(host);
    if (name !== null && (LOOPBACK.test(name) || known.has(name))) return;
    // Its body is not read, so nothing more can be read on the connection either.
    reply.header('connection', 'close');
    return sendProblem(reply, 'unknown_host');
  });
}

const LOOPBACK = /^(?:(?:[a-z0-9-]+\.)*localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/;

/** In lower case, without port and final dot; null where the header is no host. */
function nameIn(host: string): string | null {
  const [, name] = /^(\[[0-9a-f:.]+\]|[^\s:@/?#\\[\]]+?)\.?(?::\d{0,5})?$/i.exec(host) ?? [];
  return name?.toLowerCase() ?? null;
}
