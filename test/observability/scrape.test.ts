/** A scrape over real HTTP. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { afterEach, expect, test } from '@jest/globals';
import Fastify from 'fastify';
import { metricsRoutes } from '../../src/http/routes/metrics.ts';
import type { App } from '../../src/http/typed-app.ts';
import type { Metrics } from '../../src/observability/metrics.ts';
import { measured, nothingUnfinished, readText } from './scraped.ts';

let app: App | undefined;
afterEach(() => app?.close());

async function served(metrics: Metrics): Promise<string> {
  app = Fastify().withTypeProvider<TypeBoxTypeProvider>();
  metricsRoutes(app, { metrics: () => metrics.scrape() });
  return app.listen({ port: 0, host: '127.0.0.1' });
}

test('GET /metrics answers in the text format that Prometheus reads', async () => {
  const { metrics } = measured(async () => ({ ...nothingUnfinished, parkedCount: 7 }));
  metrics.called({ participant: 'inventory', op: 'try', reply: 'succeeded', durationMs: 20 });
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

test('a store that fails does not fail the scrape', async () => {
  const { metrics } = measured(async () => {
    throw new Error('away');
  });
  const answer = await fetch(`${await served(metrics)}/metrics`);
  expect(answer.status).toBe(200);
  expect(readText(await answer.text()).value('tercet_transactions_started_total')).toBe(0);
});
