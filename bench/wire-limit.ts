/**
 * The wire limit, in a process of its own: what is left of a coordinator when store and protocol are cut out.
 *
 * The HTTP server with its routes, schemas and views, and the client that calls participants, are the coordinator's own.
 * Between them stands a double that calls both tries, then both confirms, or of a saga one action after the other, and
 * answers. It remembers nothing, so no coordinator that waits for a commit can be faster.
 */
import pino from 'pino';
import { NO_TRACE } from '../src/application/trace-context.ts';
import { v7 as uuidv7 } from 'uuid';
import { MemoryParticipantRegistry } from '../src/adapters/memory/participant-registry.ts';
import { HttpParticipantClient } from '../src/adapters/participant/http-client.ts';
import type { Coordinator, Outcome } from '../src/application/coordinator.ts';
import type { Saved } from '../src/application/ports.ts';
import type { BeginRequest, BranchRequest } from '../src/application/requests.ts';
import { readSettings } from '../src/environment.ts';
import type { Branch, Call, GlobalTransaction, Op } from '../src/domain/index.ts';
import { buildApp } from '../src/http/app.ts';
import { ApiTokens } from '../src/http/plugins/api-tokens.ts';

const settings = readSettings({ TERCET_LOG_LEVEL: 'warn' });

const registry = new MemoryParticipantRegistry();
const participants = new HttpParticipantClient({
  registry,
  ca: null,
  maxIdleConnections: settings.participantConcurrency,
});

type Asked = 'begin' | 'waitForEnd' | 'needsAttention' | 'explain' | 'registerParticipant';
const double: Pick<Coordinator, Asked> = {
  async registerParticipant(registration) {
    const { isNew } = await registry.put(registration);
    return { isNew, participant: { paths: {}, callTimeoutMs: null, ...registration } };
  },
  async begin(request, _beginKey, { traceparent } = NO_TRACE): Promise<Outcome> {
    const tx = confirmed(request, traceparent);
    if (tx.pattern === 'saga') await callInTurn(tx);
    else {
      await callAll(tx, 'try');
      await callAll(tx, 'confirm');
    }
    return { accepted: true, saved: { tx, seq: 3 }, isChanged: true };
  },
  waitForEnd: async (saved: Saved) => saved,
  needsAttention: () => false,
  explain: () => 'Confirmed at 2026-01-01T00:00:00Z, because every try succeeded.',
};

async function callAll(tx: GlobalTransaction, op: Op): Promise<void> {
  await Promise.all(tx.branches.map((branch) => callOne(tx, branch, op)));
}

async function callInTurn(tx: GlobalTransaction): Promise<void> {
  for (const branch of tx.branches) await callOne(tx, branch, 'action');
}

async function callOne(tx: GlobalTransaction, branch: Branch, op: Op): Promise<void> {
  const { gid, deadlineAt, traceparent, policy } = tx;
  const { branchId, participant, activity, payload } = branch;
  const { httpStatus, answer } = await participants.call({
    gid,
    branchId,
    op,
    participant,
    activity,
    payload,
    deadlineAt,
    ...NO_TRACE,
    traceparent,
    kind: op === 'action' ? 'step' : 'tcc',
    attempt: 1,
    timeoutMs: policy.callTimeoutMs,
    isResultWanted: false,
  });
  if (httpStatus !== 200) throw new Error(`a participant answered ${answer}`);
}

function confirmed(request: BeginRequest, traceparent: string | null): GlobalTransaction {
  const now = Date.now();
  const { pattern = 'tcc', name = null, businessKey = null, branches = [] } = request;
  const backoff = { firstDelayMs: 1, maxDelayMs: 1, budgetMs: 1 };
  const { callTimeoutMs, maxRetryAfterMs, defaultTimeoutMs } = settings;
  return {
    gid: uuidv7(),
    pattern,
    mode: 'declared',
    name,
    businessKey,
    bodyHash: '',
    traceparent,
    tracestate: null,
    policy: { callTimeoutMs, retry: backoff, poll: backoff, maxRetryAfterMs },
    pivotStartedAt: null,
    cancelAskedAt: null,
    callback: null,
    notification: null,
    beganAt: now,
    deadlineAt: now + (request.timeoutMs ?? defaultTimeoutMs),
    finishedAt: now,
    status: 'confirmed',
    decision: { decision: 'confirm', reason: 'all_tries_succeeded', at: now, branchId: null },
    branches: branches.map((branch) => branchOf(branch, now)),
  };
}

function branchOf({ payload = {}, ...named }: BranchRequest, now: number): Branch {
  const done: Call = {
    reply: 'succeeded',
    attemptCount: 1,
    spentMs: 0,
    dueAt: now,
    parkedAt: null,
    acceptedAt: null,
    answer: '200',
    durationMs: null,
    ongoing: null,
  };
  const text = JSON.stringify(payload);
  return {
    ...named,
    payload: text,
    bodyHash: '',
    policy: null,
    step: null,
    result: null,
    phaseOne: done,
    phaseTwo: done,
    waitingSince: null,
    lateSuccessCount: 0,
  };
}

const app = await buildApp({
  // The routes ask nothing else of it in this run.
  coordinator: double as Coordinator,
  checkReady: async () => 'ready',
  apiTokens: new ApiTokens([]),
  maxCallTimeoutMs: settings.maxCallTimeoutMs,
  participantConcurrency: settings.participantConcurrency,
  whyNeverCalled: () => null,
  metrics: async () => ({ contentType: 'text/plain', text: '' }),
  logger: pino({ level: settings.logLevel, name: 'wire-limit' }),
});
await app.listen({ host: '127.0.0.1', port: 0 });
process.send?.({ ports: [(app.server.address() as { port: number }).port] });
