// Traces as a collector receives them: of a coordinator, an initiator and a participant that are processes of their own.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { CoordinatorProcess } from '../../crash/coordinator-process.ts';
import { describeInPython } from '../../support/in-python.ts';
import { until } from '../../support/until.ts';
import { readOpenMetrics } from '../openmetrics.ts';
import { attributeOf, type OtlpReceiver, otlpReceiver, treeOf, tracingTo } from './otlp-receiver.ts';
import type { Order } from './traced-shop.ts';

const ERROR = 2;

let folder: string;
let receiver: OtlpReceiver;
let coordinator: CoordinatorProcess;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tercet-traces-'));
  receiver = await otlpReceiver();
  coordinator = started(receiver.url, 'traces.sqlite');
  await coordinator.start();
});
afterAll(async () => {
  await coordinator.remove();
  receiver.close();
  await rm(folder, { recursive: true });
});

const started = (collectorUrl: string, file: string, more: Record<string, string> = {}) =>
  new CoordinatorProcess({
    ...{ ...tracingTo(collectorUrl), ...more },
    ...{ PATH: process.env.PATH ?? '', TERCET_PORT: '0' },
    TERCET_DATABASE_URL: `sqlite:${join(folder, file)}`,
    TERCET_TRACE_URL_TEMPLATE: 'http://jaeger.test/trace/{traceId}',
    // A call that a killed coordinator left is taken over this much later.
    ...{ TERCET_CALL_TIMEOUT_MS: '2000', TERCET_COMMIT_TIMEOUT_MS: '1000' },
  });

async function ask<Answer>(method: string, path: string, body?: object, headers = {}): Promise<Answer> {
  const response = await fetch(`${coordinator.url}${path}`, {
    method,
    headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
    body: body ? JSON.stringify(body) : null,
  });
  return (await response.json()) as Answer;
}

describe('a traced initiator and participant', () => {
  let shop: ChildProcess;
  beforeAll(async () => {
    shop = fork(join(import.meta.dirname, 'traced-shop.ts'), {
      execArgv: ['--conditions=tercet-source'],
      env: { ...process.env, ...tracingTo(receiver.url), COORDINATOR_URL: coordinator.url },
    });
    await once(shop, 'message');
  });
  afterAll(async () => {
    shop.disconnect();
    await once(shop, 'exit');
  });

  async function place(order: Order): Promise<{ gid: string; name?: string; message?: string }> {
    shop.send(order);
    const [answer] = await once(shop, 'message');
    return answer;
  }

  /** The tree of the trace that a span of this name begins, once the transaction's end is there. */
  async function traceOf(gid: string, rootName: string, last: string): Promise<string> {
    const { traceId } = await receiver.spanOf(gid, last);
    const find = () => receiver.spans.find((span) => span.name === rootName && span.traceId === traceId);
    await until(`the root ${rootName}`, async () => find() !== undefined);
    return treeOf(find() as NonNullable<ReturnType<typeof find>>, receiver.spans);
  }

  const call = (op: string, depth: number, activity = 'reserve', pattern = 'tcc') =>
    [`${pattern} ${op} stock`, 'POST', `tercet serve stock/${activity} ${op}`, 'tercet barrier']
      .map((name, level) => `${'  '.repeat(depth + level)}${name}`)
      .join('\n');

  test('a transaction is one trace: begin, tries, decision, confirms, end', async () => {
    const { gid } = await place('confirmed');
    await until('all calls', async () => {
      const { traceId } = await receiver.spanOf(gid, 'tcc begin');
      const ofTrace = receiver.spans.filter((span) => span.traceId === traceId);
      return ofTrace.filter(({ name }) => name === 'tercet barrier').length === 4;
    });
    expect(await traceOf(gid, 'tercet submit', 'tcc finish')).toBe(
      [
        ...['tercet submit', '  POST', '    POST /v1/transactions', '      tcc begin'],
        ...[call('confirm', 4), call('confirm', 4), '        tcc decide', '        tcc finish'],
        ...[call('try', 4), call('try', 4)],
      ].join('\n'),
    );
    const decided = await receiver.spanOf(gid, 'tcc decide');
    expect(attributeOf(decided, 'tcc.decision')).toBe('confirm');
    expect(attributeOf(decided, 'tcc.reason')).toBe('all_tries_succeeded');
    const { traceId, traceUrl } = await ask<{ traceId: string; traceUrl: string }>(
      'GET',
      `/v1/transactions/${gid}`,
    );
    expect(traceId).toBe(decided.traceId);
    expect(traceUrl).toBe(`http://jaeger.test/trace/${traceId}`);
  });

  test('its trace is an exemplar of its duration and of its calls', async () => {
    const { gid } = await place('confirmed');
    const { traceId } = await receiver.spanOf(gid, 'tcc finish');
    const answer = await fetch(`${coordinator.url}/metrics`, {
      headers: { accept: 'application/openmetrics-text; version=1.0.0' },
    });
    const families = readOpenMetrics(await answer.text());
    const metricsOfTrace = [...families.values()].filter(({ samples }) =>
      samples.some(({ exemplar }) => exemplar?.labels.get('trace_id') === traceId),
    );
    expect(metricsOfTrace.map(({ name }) => name).sort()).toEqual([
      ...['tercet_call_attempts', 'tercet_call_duration_seconds', 'tercet_decision_to_end_seconds'],
      ...['tercet_transaction_duration_seconds', 'tercet_transactions_finished'],
    ]);
  });

  test('an interactive one has the registration and the try of its initiator', async () => {
    const { gid } = await place('interactive');
    const { traceId } = await receiver.spanOf(gid, 'tcc finish');
    await receiver.spanOf(gid, 'tercet run');
    const names = receiver.spans.filter((span) => span.traceId === traceId).map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        'tercet run',
        'tcc begin',
        'tcc register stock',
        'tcc try stock',
        'tcc confirm stock',
      ]),
    );
  });

  test('a refusal is named by the decision, and is no error', async () => {
    const { gid, name } = await place('refused');
    expect(name).toBe('TransactionCancelled');
    const decided = await receiver.spanOf(gid, 'tcc decide');
    expect(attributeOf(decided, 'tcc.decision')).toBe('cancel');
    expect(attributeOf(decided, 'tcc.reason')).toBe('try_refused');
    expect(attributeOf(decided, 'tcc.branch.id')).toBe('bad');
    await receiver.spanOf(gid, 'tcc finish');
    const [cause] = decided.links ?? [];
    await until('the refused try', async () => receiver.spans.some(({ spanId }) => spanId === cause?.spanId));
    const refused = receiver.spans.find(({ spanId }) => spanId === cause?.spanId);
    expect(refused && attributeOf(refused, 'tcc.reply')).toBe('refused');
    const ofTrace = receiver.spans.filter(({ traceId }) => traceId === decided.traceId);
    const failed = ofTrace.filter(({ status, name }) => status.code === ERROR && name !== 'POST');
    expect(failed.map(({ name }) => name)).toEqual([]);
  });

  test('a saga that is undone has its actions and compensations', async () => {
    const { gid } = await place('undone');
    await receiver.spanOf(gid, 'tcc finish');
    const names = receiver.spans
      .filter((span) => attributeOf(span, 'tcc.transaction.id') === gid && /^(?:tcc|saga)/.test(span.name))
      .map((span) => `${span.name} ${attributeOf(span, 'tcc.branch.id') ?? ''}`.trim());
    expect(names.sort()).toEqual([
      ...['saga action stock packed', 'saga action stock picked'],
      ...['saga compensate stock packed', 'saga compensate stock picked'],
      ...['tcc begin', 'tcc decide packed', 'tcc finish'],
    ]);
  });
});

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** Serves `answer`, and returns its address. */
async function serve(answer: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(answer as Parameters<typeof createServer>[1] & object).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const order = (participant: string) => ({
  name: 'order',
  branches: [{ branchId: 'stock', participant, activity: 'reserve' }],
});

test('what a killed coordinator left is a trace of its own, linked to the begin', async () => {
  let isConfirming = (): void => {};
  const confirmAsked = new Promise<void>((resolve) => {
    isConfirming = resolve;
  });
  let isDown = true;
  const baseUrl = await serve(({ url = '' }, response) => {
    if (url.endsWith('/confirm') && isDown) isConfirming();
    else response.writeHead(200).end();
  });
  await ask('PUT', '/v1/participants/slow', { baseUrl });
  const sent = { traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01` };
  const { gid } = await ask<{ gid: string }>('POST', '/v1/transactions', order('slow'), sent);
  await confirmAsked;
  const begun = await receiver.spanOf(gid, 'tcc begin');
  await coordinator.kill();
  isDown = false;
  await coordinator.start();
  const recovered = await receiver.spanOf(gid, 'tcc recover');
  expect(recovered.parentSpanId ?? '').toBe('');
  expect(recovered.traceId).not.toBe(begun.traceId);
  expect(recovered.links).toEqual([
    expect.objectContaining({ traceId: begun.traceId, spanId: begun.spanId }),
  ]);
  const confirmed = await receiver.spanOf(gid, 'tcc confirm slow');
  expect(confirmed).toMatchObject({ traceId: recovered.traceId, parentSpanId: recovered.spanId });
});

describeInPython('a participant in Python', () => {
  test('that passes traceparent on keeps the trace', async () => {
    const passedOn: IncomingHttpHeaders[] = [];
    const downstream = await serve(({ headers }, response) => {
      passedOn.push(headers);
      response.end();
    });
    const python = spawn('python3', [join(import.meta.dirname, 'passes-on.py'), downstream]);
    const [port] = await once(python.stdout, 'data');
    await ask('PUT', '/v1/participants/python', { baseUrl: `http://127.0.0.1:${Number(port)}` });
    const sent = { traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01`, prefer: 'wait=60' };
    const { status, gid } = await ask<{ status: string; gid: string }>(
      'POST',
      '/v1/transactions',
      order('python'),
      sent,
    );
    python.kill('SIGKILL');
    expect(status).toBe('confirmed');
    expect(passedOn.map(({ traceparent }) => traceparent?.slice(3, 35))).toEqual([TRACE_ID, TRACE_ID]);
    // The parent is the span of the call.
    const parents = passedOn.map(({ traceparent }) => traceparent?.slice(36, 52));
    await receiver.spanOf(gid, 'tcc finish');
    await until('the spans of both calls', async () =>
      parents.every((parent) => receiver.spans.some(({ spanId }) => spanId === parent)),
    );
  });
});

test('a problem document has the trace id of its request', async () => {
  const sent = { traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01` };
  const problem = await ask('GET', '/v1/transactions/0193f000-0000-7000-8000-000000000001', undefined, sent);
  expect(problem).toMatchObject({ code: 'unknown_transaction', traceId: TRACE_ID });
});

test('a collector that is down costs spans, counts them, and delays no stop', async () => {
  const dead = started('http://127.0.0.1:1', 'dead.sqlite', { OTEL_EXPORTER_OTLP_TIMEOUT: '300' });
  const tracing = coordinator;
  try {
    await dead.start();
    coordinator = dead;
    const baseUrl = await serve((_request, response) => void response.end());
    await ask('PUT', '/v1/participants/stock', { baseUrl });
    const { status } = await ask<{ status: string }>('POST', '/v1/transactions', order('stock'), {
      prefer: 'wait=60',
    });
    expect(status).toBe('confirmed');
    await until('a span is counted as dropped', async () => {
      const text = await (await fetch(`${dead.url}/metrics`)).text();
      return /^tercet_spans_dropped_total [1-9]/m.test(text);
    });
    expect(await dead.end('SIGTERM')).toEqual({ code: 0, signal: null });
  } finally {
    coordinator = tracing;
    await dead.remove();
  }
});

describe('what is loaded', () => {
  /** Ends the process when a package of OpenTelemetry is loaded, but for its API, which prom-client loads. */
  const forbid =
    "import { registerHooks } from 'node:module'; registerHooks({ load(url, context, next) { " +
    "if (/@opentelemetry.(?!api.)/.test(url)) throw new Error('it was loaded'); return next(url, context); } });";
  const settings = (file: string) => ({
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(forbid)}`,
    ...{ PATH: process.env.PATH ?? '', TERCET_PORT: '0' },
    TERCET_DATABASE_URL: `sqlite:${join(folder, file)}`,
  });

  test('is no SDK and no instrumentation without an OTEL_ variable', async () => {
    const plain = new CoordinatorProcess(settings('plain.sqlite'));
    await plain.start();
    await plain.remove();
  });

  test('is both with one of them', async () => {
    const traced = new CoordinatorProcess({ ...settings('traced.sqlite'), ...tracingTo(receiver.url) });
    await expect(traced.start()).rejects.toThrow('it was loaded');
    await traced.remove();
  });
});
