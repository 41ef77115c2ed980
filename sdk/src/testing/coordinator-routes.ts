/**
 * The requests that initiators and participants send to a coordinator, answered as it answers them over HTTP: the same
 * statuses, the same documents, and the same rejections in the same words. A test sends both the same requests and compares.
 *
 * What is for operators (lists, events, registration, metrics) is not here, and is answered 404 like all else. Numbers that
 * JSON cannot carry exactly are not looked for: no JavaScript client sends one.
 */
import { type Static, type TSchema, Type } from 'typebox';
import type { Coordinator, Ends, Outcome } from '../../../src/application/coordinator.ts';
import {
  Overloaded,
  type Participant,
  type ParticipantRegistry,
  type Saved,
  StoreUnavailable,
} from '../../../src/application/ports.ts';
import { type GlobalTransaction, isFinished } from '../../../src/domain/index.ts';
import type { ErrorCode } from '../../../src/errors.ts';
import { noBody } from '../../../src/http/no-body.ts';
import { detailsView } from '../../../src/http/path-view.ts';
import { traceOf } from '../../../src/wire/trace-context.ts';
import { faultsProblem, problemOf, rejectionProblem } from '../../../src/http/problem-document.ts';
import { iso, isoOrNull, transactionView } from '../../../src/http/transaction-view.ts';
import {
  BeginRequest,
  BranchRequest,
  CancelRequest,
  ConfirmRequest,
  FinalityRequest,
  type FinalityView,
  Gid,
  ParticipantName,
  type ParticipantView,
  type ProblemDocument,
} from '../../../src/wire/index.ts';
import { readBody } from './request-body.ts';
import { type Part, requestFault } from './request-faults.ts';

export type CoordinatorRequest = {
  readonly method: string;
  /** Without a query. */
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
};

export type Core = { readonly coordinator: Coordinator; readonly registry: ParticipantRegistry };

/** What a route is given; `name` is what the path has in the place of the colon. */
type Asked = {
  readonly core: Core;
  readonly name: string;
  readonly headers: Headers;
  readonly body: unknown;
};
type Route = (asked: Asked) => Promise<Response>;

const ROUTES: readonly (readonly [method: 'GET' | 'POST', path: string, route: Route])[] = [
  ['POST', '/v1/transactions', begin],
  ['POST', '/v1/transactions/finality', tellEnds],
  ['GET', '/v1/transactions/:', find],
  ['POST', '/v1/transactions/:/branches', register],
  ['POST', '/v1/transactions/:/confirm', confirm],
  ['POST', '/v1/transactions/:/cancel', cancel],
  ['POST', '/v1/transactions/:/retry', retry],
  ['GET', '/v1/participants/:', findParticipant],
];

export async function answerRequest(core: Core, request: CoordinatorRequest): Promise<Response> {
  const { method, path, headers } = request;
  const steps = stepsOf(path);
  if (steps === null) return problem('malformed_request');
  const read = method === 'GET' ? { value: null, problem: null } : readBody(request);
  if (read.problem !== null) return problemResponse(read.problem);
  const found = routeOf(method, steps);
  if (found === null) return problem('unknown_route', `${method} ${path} is not known.`);
  try {
    return await found.route({ core, name: found.name, headers, body: read.value });
  } catch (error) {
    if (error instanceof Invalid) return problemResponse(error.problem);
    if (error instanceof Overloaded) return problem('overloaded');
    if (error instanceof StoreUnavailable) return problem('store_unavailable');
    throw error;
  }
}

/** Null when they cannot be decoded. */
function stepsOf(path: string): readonly string[] | null {
  try {
    return path.split('/').map(decodeURIComponent);
  } catch {
    return null;
  }
}

function routeOf(
  method: string,
  steps: readonly string[],
): { readonly route: Route; readonly name: string } | null {
  for (const [routeMethod, pattern, route] of ROUTES) {
    const wanted = pattern.split('/');
    const fits =
      wanted.length === steps.length && wanted.every((step, at) => step === ':' || step === steps[at]);
    if (fits && method === routeMethod) return { route, name: steps[wanted.indexOf(':')] ?? '' };
  }
  return null;
}

// ── Routes ───────────────────────────────────────────────────────────────────────────────────────────────────

const BeginHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      pattern: '^[ -~]{1,255}$',
      description:
        'Names this beginning: the same request with the same key answers the same transaction. ' +
        '1 to 255 printable ASCII characters.',
    }),
  ),
});

async function begin({ core, headers, body }: Asked): Promise<Response> {
  const request = checked(BeginRequest, body, 'body');
  const { 'idempotency-key': key = null } = checked(BeginHeaders, Object.fromEntries(headers), 'headers');
  const outcome = await core.coordinator.begin(request, key, traceOf(Object.fromEntries(headers)));
  if (!outcome.accepted) return problemResponse(rejectionProblem(outcome));
  const answer =
    request.branches === undefined ? made(core, outcome) : await whenFinished(core, outcome.saved, headers);
  // A declared one may have ended either way: its status does not tell who began it.
  if (!outcome.isChanged) answer.headers.set('idempotent-replayed', 'true');
  return answer;
}

async function register({ core, name, body }: Asked): Promise<Response> {
  const gid = gidOf(name);
  const outcome = await core.coordinator.registerBranch(gid, checked(BranchRequest, body, 'body'));
  return outcome.accepted ? made(core, outcome) : problemResponse(rejectionProblem(outcome));
}

async function confirm({ core, name, headers, body }: Asked): Promise<Response> {
  const gid = gidOf(name);
  const request = checked(ConfirmRequest, body, 'body');
  return decided(core, await core.coordinator.confirm(gid, request?.branchIds ?? null), headers);
}

async function cancel({ core, name, headers, body }: Asked): Promise<Response> {
  const gid = gidOf(name);
  const request = checked(CancelRequest, body, 'body');
  return decided(core, await core.coordinator.cancel(gid, request?.note ?? null), headers);
}

async function retry({ core, name, body }: Asked): Promise<Response> {
  const gid = gidOf(name);
  checked(noBody, body, 'body');
  const outcome = await core.coordinator.retry(gid);
  return outcome.accepted ? shown(core, outcome.saved, 200) : problemResponse(rejectionProblem(outcome));
}

async function find({ core, name }: Asked): Promise<Response> {
  const { coordinator } = core;
  const saved = await coordinator.find(gidOf(name));
  if (saved === null) return problem('unknown_transaction');
  const rows = await coordinator.journalOf(saved.tx.gid);
  return json(200, detailsView(saved, rows, annotated(core)));
}

async function tellEnds({ core, body }: Asked): Promise<Response> {
  const { gids } = checked(FinalityRequest, body, 'body');
  return json(200, finalityView(await core.coordinator.endsOf(gids)));
}

async function findParticipant({ core, name }: Asked): Promise<Response> {
  const { name: known } = checked(Type.Object({ name: ParticipantName }), { name }, 'params');
  const participant = await core.registry.find(known);
  return participant === null
    ? problem('participant_not_registered')
    : json(200, participantView(participant));
}

// ── What requests say ────────────────────────────────────────────────────────────────────────────────────────

/** A request that does not fit its schema. */
class Invalid extends Error {
  readonly problem: ProblemDocument;

  constructor(invalid: ProblemDocument) {
    super(invalid.detail);
    this.problem = invalid;
  }
}

/** @throws Invalid */
function checked<Schema extends TSchema>(schema: Schema, value: unknown, part: Part): Static<Schema> {
  const fault = requestFault(schema, value, part);
  if (fault !== null) throw new Invalid(faultsProblem([fault]));
  return value as Static<Schema>;
}

const gidOf = (name: string): string => checked(Type.Object({ gid: Gid }), { gid: name }, 'params').gid;

const MAX_WAIT_SECONDS = 60;
const WAIT = /(?:^|,)\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:[,;]|$)/i;

/** `Prefer: wait=N`, in milliseconds; 0 when nothing is said of it. */
function waitMsOf(headers: Headers): number {
  const seconds = WAIT.exec(headers.get('prefer') ?? '')?.[1] ?? 0;
  return Math.min(Number(seconds), MAX_WAIT_SECONDS) * 1000;
}

// ── Answers ──────────────────────────────────────────────────────────────────────────────────────────────────

function made(core: Core, { saved, isChanged }: Extract<Outcome, { accepted: true }>): Response {
  return isChanged ? shown(core, saved, 201, addressOf(saved)) : shown(core, saved, 200);
}

const decided = async (core: Core, outcome: Outcome, headers: Headers): Promise<Response> =>
  outcome.accepted ? whenFinished(core, outcome.saved, headers) : problemResponse(rejectionProblem(outcome));

async function whenFinished(core: Core, from: Saved, headers: Headers): Promise<Response> {
  const saved = await core.coordinator.waitForEnd(from, waitMsOf(headers));
  return isFinished(saved.tx) ? shown(core, saved, 200) : shown(core, saved, 202, addressOf(saved));
}

const addressOf = ({ tx }: Saved) => ({ location: `/v1/transactions/${tx.gid}` });

const shown = (core: Core, { tx }: Saved, status: number, headers: Record<string, string> = {}) =>
  json(status, transactionView(tx, annotated(core)), headers);

/** The world has no traces to link to. */
const annotated =
  ({ coordinator }: Core) =>
  (tx: GlobalTransaction) => ({
    needsAttention: coordinator.needsAttention(tx),
    explanation: coordinator.explain(tx),
    traceUrl: null,
  });

const finalityView = ({ now, retentionMs, ends }: Ends): FinalityView => ({
  now: iso(now),
  retentionMs,
  transactions: ends.map(({ gid, isFinal, deadlineAt, finishedAt }) => ({
    ...{ gid, isFinal },
    ...{ deadlineAt: iso(deadlineAt), finishedAt: isoOrNull(finishedAt) },
  })),
});

const participantView = (participant: Participant): ParticipantView => ({
  name: participant.name,
  baseUrls: [...participant.baseUrls],
  paths: { ...participant.paths },
  activities: { ...participant.activities },
  callTimeoutMs: participant.callTimeoutMs,
  secretCount: participant.secrets?.length ?? 0,
});

const json = (status: number, body: object, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
  });

const problem = (code: ErrorCode, about?: string): Response => problemResponse(problemOf(code, { about }));

const problemResponse = (document: ProblemDocument): Response =>
  new Response(JSON.stringify(document), {
    status: document.status,
    headers: {
      'content-type': 'application/problem+json; charset=utf-8',
      ...(document.status === 503 && { 'retry-after': '1' }),
    },
  });
