/**
 * Branches that are completed by the URL of their call, with a real coordinator that is killed by SIGKILL before and after; and that
 * the signature of the URL stands in no log line and no span.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { tracingTo } from '../../observability/otel/trace-reader.ts';
import { CoordinatorProcess } from '../../support/coordinator-process.ts';
import { until } from '../../support/until.ts';

/** Bounds a hang. */
const LIMIT_MS = 600_000;
const TOKEN = 'correct-horse-battery';

let folder: string;
let participant: Server;
let collector: Server;
let coordinator: CoordinatorProcess;
/** As they came, `op branchId`. */
let calls: string[];
/** By op and branch, the completion URL of the last call. */
const urls = new Map<string, string>();
/** What came by OTLP. */
let spans = '';
let accepted: ReadonlySet<string>;

const listening = (server: Server) =>
  new Promise<string>((resolve) =>
    server.listen(0, '127.0.0.1', () =>
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    ),
  );

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tercet-completion-'));
  participant = createServer((request, response) => {
    request.resume();
    const call = `${request.headers['tcc-op']} ${request.headers['tcc-branch-id']}`;
    calls.push(call);
    urls.set(call, String(request.headers['tcc-completion-url']));
    response.writeHead(accepted.has(call) ? 202 : 200).end();
  });
  const baseUrl = await listening(participant);
  collector = createServer(async (request, response) => {
    spans += await text(request);
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  coordinator = new CoordinatorProcess({
    PATH: process.env.PATH ?? '',
    TERCET_PORT: '0',
    TERCET_DATABASE_URL: `sqlite:${join(folder, 'coordinator.sqlite')}`,
    TERCET_API_TOKENS: TOKEN,
    TERCET_PUBLIC_URL: 'http://tercet.test/',
    TERCET_COMPLETION_SECRETS: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
    TERCET_LOG_LEVEL: 'trace',
    TERCET_SWEEP_INTERVAL_MS: '200',
    ...tracingTo(await listening(collector), 'tercet'),
  });
  await coordinator.start();
  await ask('PUT', '/v1/participants/approvals', { baseUrl });
}, LIMIT_MS);
afterAll(async () => {
  await coordinator.remove();
  for (const server of [participant, collector]) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  await rm(folder, { recursive: true });
});

type Answer = { readonly status: number; readonly body: { readonly gid: string; readonly status: string } };

async function ask(
  method: string,
  path: string,
  body?: object,
  authorization = `Bearer ${TOKEN}`,
): Promise<Answer> {
  const response = await fetch(coordinator.url + path, {
    method,
    headers: { 'content-type': 'application/json', authorization },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Answer['body'] };
}

/** By its URL alone, at the address where the coordinator listens in this life. */
function complete(call: string, body: object): Promise<Answer> {
  const { pathname, search } = new URL(urls.get(call) ?? '');
  return ask('POST', pathname + search, body, '');
}

/** Accepts these ops of these branches, of which the first is called now. */
async function begin(...of: readonly [string, ...string[]]): Promise<string> {
  calls = [];
  urls.clear();
  accepted = new Set(of);
  const branches = ['approval', 'stock'].map((branchId) => ({
    branchId,
    participant: 'approvals',
    activity: 'approve',
  }));
  const { body } = await ask('POST', '/v1/transactions', { branches, timeoutMs: 3_600_000 });
  await until('the op is called', () => urls.has(of[0]));
  return body.gid;
}

const statusOf = async (gid: string) => (await ask('GET', `/v1/transactions/${gid}`)).body.status;

test(
  'a completion that was answered survives a kill, as does the URL of a call before it',
  async () => {
    const gid = await begin('try approval', 'confirm approval');
    await coordinator.kill();
    await coordinator.start();
    expect((await complete('try approval', { op: 'try', reply: 'succeeded' })).status).toBe(200);
    await coordinator.kill();
    await coordinator.start();
    await until('the confirm is called', () => urls.has('confirm approval'));
    expect(calls.slice(calls.indexOf('confirm approval'))).not.toContain('try approval');
    expect((await complete('try approval', { op: 'try', reply: 'succeeded' })).status).toBe(200);
    expect((await complete('try approval', { op: 'try', reply: 'refused' })).status).toBe(409);
    expect((await complete('confirm approval', { op: 'confirm', reply: 'succeeded' })).status).toBe(200);
    await until('it has ended', async () => (await statusOf(gid)) === 'confirmed');
  },
  LIMIT_MS,
);

test(
  'a refusal that was answered survives a kill, and cancels',
  async () => {
    const gid = await begin('try approval');
    const refusal = { op: 'try', reply: 'refused', reason: 'nobody approved it' };
    expect((await complete('try approval', refusal)).body.status).toMatch(/^cancell/);
    await coordinator.kill();
    await coordinator.start();
    await until('it has ended', async () => (await statusOf(gid)) === 'cancelled');
  },
  LIMIT_MS,
);

test(
  'the signature stands in no log line and no span, and the trace shows the completion',
  async () => {
    const gid = await begin('try approval');
    const url = urls.get('try approval') ?? '';
    const signature = new URL(url).searchParams.get('signature') ?? '';
    expect(signature).toMatch(/^[\w-]{43}$/);
    await complete('try approval', { op: 'confirm', reply: 'succeeded' });
    await complete('try approval', { op: 'try', reply: 'succeeded' });
    await until('it has ended', async () => (await statusOf(gid)) === 'confirmed');
    await until('the spans have come', () => spans.includes('tcc complete approvals'));
    await until('the request has its span', () => spans.includes('/complete"'));
    expect(spans).not.toContain(signature);
    expect(coordinator.printed).not.toContain(signature);
    expect(coordinator.printed).toContain('branch completed from outside');
  },
  LIMIT_MS,
);
