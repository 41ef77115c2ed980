/**
 * `/metrics`: what Prometheus scrapes. Unlike the probes it asks for a token, since it names participants. It is no part
 * of the API that initiators use, so the API's description leaves it out.
 */
import type { App } from '../typed-app.ts';

export type Scrape = () => Promise<{ readonly contentType: string; readonly text: string }>;

export function metricsRoutes(app: App, { metrics }: { metrics: Scrape }): void {
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) => {
    const { contentType, text } = await metrics();
    return reply.type(contentType).send(text);
  });
}
