/**
 * What `helm test` runs: this process is two participants. It registers them, begins a declared transaction that reserves at
 * both, and ends well once the coordinator has confirmed it and both were called for their try and their confirm.
 *
 * It has no dependencies, so any image with Node runs it. Environment: COORDINATOR_URL, POD_IP (where the coordinator
 * reaches this process), NAME_PREFIX of the participants, TIMEOUT_SECONDS, PORT, LISTEN_ON (every address unless set),
 * API_TOKENS_FILE (the first token is sent).
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

const { COORDINATOR_URL, POD_IP, NAME_PREFIX = 'helm-test', API_TOKENS_FILE } = process.env;
const port = Number(process.env.PORT ?? 8080);
const timeoutMs = Number(process.env.TIMEOUT_SECONDS ?? 60) * 1000;
const endsAtMs = performance.now() + timeoutMs;
const POLL_MS = 250;
/** A replica may use the former addresses of a participant for so long. */
const REGISTRATION_MS = 1500;

const names = ['one', 'two'].map((part) => `${NAME_PREFIX}-${part}`);
/** What the coordinator called: `participant branch op`, by gid. */
const calls = new Map();

// ── The participants ────────────────────────────────────────────────────────────────────────────────────────

const server = createServer((request, response) => {
  request.resume();
  const [, participant, , op] = new URL(request.url, 'http://pod').pathname.split('/');
  const { 'tcc-transaction-id': gid, 'tcc-branch-id': branchId } = request.headers;
  const seen = calls.get(gid) ?? new Set();
  calls.set(gid, seen);
  const has = (earlier) => seen.has(`${participant} ${branchId} ${earlier}`);
  // Docs/participants.md, duties (b) to (d): no try after its cancel, no confirm without a try.
  const isRefused = (op === 'try' && has('cancel')) || (op === 'confirm' && !has('try'));
  if (!isRefused) seen.add(`${participant} ${branchId} ${op}`);
  response.writeHead(isRefused ? 409 : 200, { 'content-type': 'application/json' }).end('{}');
});

// ── The initiator ───────────────────────────────────────────────────────────────────────────────────────────

class Failure extends Error {}

/** Every request can be repeated. So a connection that fails and a 503 are tried again until the time is over. */
async function ask(method, path, body, headers = {}) {
  for (;;) {
    const { status, answer } = await attempt(method, path, body, headers);
    if (status >= 200 && status < 300) return answer;
    const what = `${method} ${path}: ${status ?? 'no answer'} ${JSON.stringify(answer)}`;
    if (status !== null && status !== 429 && status !== 503) throw new Failure(what);
    if (performance.now() > endsAtMs) throw new Failure(`${what}, for ${timeoutMs / 1000} s`);
    await pause(POLL_MS);
  }
}

async function attempt(method, path, body, headers) {
  try {
    const response = await fetch(new URL(path, COORDINATOR_URL), {
      method,
      headers: { ...authorization(), ...(body && { 'content-type': 'application/json' }), ...headers },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
    const text = await response.text();
    return { status: response.status, answer: jsonOf(text) };
  } catch (error) {
    return { status: null, answer: String(error.cause?.message ?? error.message) };
  }
}

function jsonOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text.slice(0, 500);
  }
}

function authorization() {
  if (!API_TOKENS_FILE) return {};
  const [token] = readFileSync(API_TOKENS_FILE, 'utf8')
    .split(/[\s,]+/)
    .filter((part) => part !== '');
  return { authorization: `Bearer ${token}` };
}

async function run() {
  await ask('GET', '/readyz');
  console.log(`ready: ${COORDINATOR_URL}`);
  const address = `http://${POD_IP.includes(':') ? `[${POD_IP}]` : POD_IP}:${server.address().port}`;
  for (const name of names) {
    await ask('PUT', `/v1/participants/${name}`, { baseUrl: `${address}/${name}` });
    console.log(`registered: ${name} at ${address}/${name}`);
  }
  await pause(REGISTRATION_MS);
  const begin = {
    name: 'helm-test',
    // An answer before this test gives up, even if no call comes through.
    timeoutMs: Math.ceil(timeoutMs / 2),
    branches: names.map((participant) => ({ branchId: participant, participant, activity: 'reserve' })),
  };
  let tx = await ask('POST', '/v1/transactions', begin, {
    'idempotency-key': `${NAME_PREFIX}-${randomUUID()}`,
  });
  console.log(`began: transaction ${tx.gid}`);
  while (!['confirmed', 'cancelled'].includes(tx.status) && performance.now() < endsAtMs) {
    await pause(POLL_MS);
    tx = await ask('GET', `/v1/transactions/${tx.gid}`);
  }
  if (tx.status !== 'confirmed')
    throw new Failure(`the transaction is ${tx.status}: ${tx.explanation}${hintOf(tx)}`);
  const missing = names
    .flatMap((name) => [`${name} ${name} try`, `${name} ${name} confirm`])
    .filter((call) => !calls.get(tx.gid)?.has(call));
  if (missing.length > 0)
    throw new Failure(`confirmed, but these calls did not arrive here: ${missing.join(', ')}`);
  console.log(`confirmed: both participants were called for try and confirm`);
  console.log(`trace: ${tx.traceUrl ?? tx.traceId ?? 'none, since tracing is off'}`);
}

const hintOf = ({ gid }) =>
  calls.has(gid)
    ? ''
    : `. No call arrived here: may the coordinator connect to ${POD_IP}:${server.address().port}?`;

server.listen(port, process.env.LISTEN_ON);
await once(server, 'listening');
try {
  if (!COORDINATOR_URL || !POD_IP) throw new Failure('COORDINATOR_URL and POD_IP are required');
  await run();
} catch (error) {
  console.error(`failed: ${error instanceof Failure ? error.message : error.stack}`);
  process.exitCode = 1;
}
server.close();
server.closeAllConnections();
