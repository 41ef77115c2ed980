/** A scrape over real HTTP. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { afterEach, expect, test } from '@jest/globals';
import Fastify from 'fastify';
import { serveMetrics } from '../../src/http/plugins/metrics.ts';
import type { App } from '../../src/http/typed-app.ts';
import type { Metrics } from '../../src/observability/metrics.ts';
import { measured, nothingUnfinished, readText } from './scraped.ts';

let app: App | undefined;
afterEach(() => app?.close());

async function served(metrics: Metrics): Promise<string> {
  app = Fastify().withTypeProvider<TypeBoxTypeProvider>();
  serveMetrics(app, (accept) => metrics.scrape(accept));
  return app.listen({ port: 0, host: '127.0.0.1' });
}

test('GET /metrics answers in the text format that Prometheus reads', async () => {
  const { metrics } = measured(async () => ({ ...nothingUnfinished, parkedCount: 7 }));
  metrics.called({
    participant: 'inventory',
    op: 'try',
    reply: 'succeeded',
    durationMs: 20,
    sampledTraceId: null,
  });
  const answer = await fetch(`${await served(metrics)}/metrics`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const text = await answer.text();
  expect(text).toContain(
    '# TYPE tercet_call_attempts_total counter\n' +
      'tercet_call_attempts_total{participant="inventory",op="try",reply="succeeded"} 1\n',
  );
  expect(readText(text).value('tercet_transactions_parked')).toBe(7);
  for (const line of text.split('\n'))
    expect(line).toMatch(/^$|^# (?:HELP|TYPE) \w+ .+$|^\w+(?:\{[^\n]*\})? (?:[\d.e+-]+|nan)$/i);
});

test('GET /metrics answers in OpenMetrics to a scraper that prefers it', async () => {
  const url = await served(measured().metrics);
  // As Prometheus asks by default.
  const accept =
    'application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,' +
    'text/plain;version=0.0.4;q=0.3,*/*;q=0.2';
  const answer = await fetch(`${url}/metrics`, { headers: { accept } });
  expect(answer.headers.get('content-type')).toBe(
    'application/openmetrics-text; version=1.0.0; charset=utf-8',
  );
  expect(answer.headers.get('vary')).toBe('accept');
  expect((await answer.text()).endsWith('\n# EOF\n')).toBe(true);
});

test('a store that fails does not fail the scrape', async () => {
  const { metrics } = measured(async () => {
    throw new Error('away');
  });
  const answer = await fetch(`${await served(metrics)}/metrics`);
  expect(answer.status).toBe(200);
  expect(readText(await answer.text()).value('tercet_transactions_started_total')).toBe(0);
});
