// A coordinator that traces, as a process: what it loads, what it answers, and that no collector is needed.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { CoordinatorProcess } from '../../support/coordinator-process.ts';
import { until } from '../../support/until.ts';
import { closeServed, serve } from './served.ts';
import { tracingTo } from './trace-reader.ts';
import { ask, register } from './traced-world.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tercet-tracing-'));
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(closeServed);

const settings = (file: string) => ({
  PATH: process.env.PATH ?? '',
  TERCET_PORT: '0',
  TERCET_DATABASE_URL: `sqlite:${join(folder, file)}`,
});
const toNoCollector = tracingTo('http://127.0.0.1:1', 'tercet');

describe('with a collector that is down', () => {
  let coordinator: CoordinatorProcess;
  beforeAll(async () => {
    coordinator = new CoordinatorProcess({
      ...settings('dead.sqlite'),
      ...toNoCollector,
      OTEL_EXPORTER_OTLP_TIMEOUT: '300',
    });
    await coordinator.start();
  });
  afterAll(() => coordinator.remove());

  test('a problem document has the trace id of its request', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
    const path = '/v1/transactions/0193f000-0000-7000-8000-000000000001';
    const problem = await ask(coordinator, 'GET', path, { headers });
    expect(problem).toMatchObject({ code: 'unknown_transaction', traceId });
  });

  test('spans are lost and counted, and no stop is delayed', async () => {
    await register(coordinator, 'stock', await serve((_request, response) => void response.end()));
    const { status } = await ask<{ status: string }>(coordinator, 'POST', '/v1/transactions', {
      body: { name: 'order', branches: [{ branchId: 'stock', participant: 'stock', activity: 'reserve' }] },
      headers: { prefer: 'wait=60' },
    });
    expect(status).toBe('confirmed');
    await until('a span is counted as dropped', async () => {
      const text = await (await fetch(`${coordinator.url}/metrics`)).text();
      return /^tercet_spans_dropped_total [1-9]/m.test(text);
    });
    expect(await coordinator.end('SIGTERM')).toEqual({ code: 0, signal: null });
  });
});

describe('what is loaded', () => {
  /** Ends the process when a package of OpenTelemetry is loaded, but for its API, which prom-client loads. */
  const forbid =
    "import { registerHooks } from 'node:module'; registerHooks({ load(url, context, next) { " +
    "if (/@opentelemetry.(?!api.)/.test(url)) throw new Error('it was loaded'); return next(url, context); } });";
  const watched = (file: string) => ({
    ...settings(file),
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(forbid)}`,
  });

  test('is no SDK and no instrumentation without an OTEL_ variable', async () => {
    const plain = new CoordinatorProcess(watched('plain.sqlite'));
    await plain.start();
    await plain.remove();
  });

  test('is both with one of them', async () => {
    const traced = new CoordinatorProcess({ ...watched('traced.sqlite'), ...toNoCollector });
    await expect(traced.start()).rejects.toThrow('it was loaded');
    await traced.remove();
  });
});
