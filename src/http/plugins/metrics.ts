/**
 * `/metrics`: what Prometheus scrapes, in the format that its Accept header prefers. Unlike the probes it asks for a token,
 * since it names participants. It is no part of the API that initiators use, so the API's description leaves it out.
 */
import type { App } from '../typed-app.ts';

/** @param accept the Accept header; absent without one */
export type Scrape = (
  accept: string | undefined,
) => Promise<{ readonly contentType: string; readonly text: string }>;

export function serveMetrics(app: App, metrics: Scrape): void {
  app.get('/metrics', { schema: { hide: true } }, async ({ headers }, reply) => {
    const { contentType, text } = await metrics(headers.accept);
    return reply.header('vary', 'accept').type(contentType).send(text);
  });
}
