/**
 * The coordinator's API inside a test, without HTTP: the same list of routes that Fastify serves, with the same statuses,
 * documents and problems. A test sends both the same requests and compares.
 *
 * Not here: sign-in, limits on time and connections, `/metrics` and the description of the API.
 */
import { type TSchema, Type } from 'typebox';
import {
  problemHeaders,
  PROBLEM_MEDIA_TYPE,
  problemOf,
  problemOfError,
} from '../../../src/api/problem-document.ts';
import type { Answer, Route } from '../../../src/api/route.ts';
import { apiRoutes } from '../../../src/api/routes.ts';
import type { Coordinator } from '../../../src/application/coordinator.ts';
import type { Log } from '../../../src/application/ports.ts';
import type { ProblemDocument } from '../../../src/wire/index.ts';
import { readBody } from './request-body.ts';
import { type Part, requestProblem } from './request-faults.ts';

export type CoordinatorRequest = {
  readonly method: string;
  /** Without a query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  readonly body: string;
};

/** Answers one request. Rejects only for a defect. */
export type CoordinatorApi = (request: CoordinatorRequest) => Promise<Response>;

type Given = {
  readonly coordinator: Coordinator;
  readonly maxCallTimeoutMs: number;
  readonly participantConcurrency: number;
  readonly log: Log;
};

type PathParameters = Readonly<Record<string, string>>;

export function coordinatorApi(given: Given): CoordinatorApi {
  const routes = apiRoutes({
    ...given,
    // A world is never closed, and it has no traces to link to.
    closing: new AbortController().signal,
    traceUrlTemplate: '',
    checkReady: async () => 'ready',
    isDraining: () => false,
    // Calls go by the name of the participant, whatever its address.
    whyNeverCalled: () => null,
    completionUrls: null,
  });
  return async (request) => {
    const steps = stepsOf(request.path);
    if (steps === null) return problem('malformed_request');
    const read = request.method === 'GET' ? { value: null, problem: null } : readBody(request);
    if (read.problem !== null) return problemResponse(read.problem);
    const found = routeOf(routes, request.method, steps);
    if (found === null) return problem('unknown_route', `${request.method} ${request.path} is not known.`);
    try {
      return responseOf(await answerOf(found, request, read.value));
    } catch (error) {
      const expected = problemOfError(error);
      if (expected === null) throw error;
      return problemResponse(expected);
    }
  };
}

/** Null when they cannot be decoded. */
function stepsOf(path: string): readonly string[] | null {
  try {
    return path.split('/').map(decodeURIComponent);
  } catch {
    return null;
  }
}

type Found = { readonly route: Route; readonly params: PathParameters };

/** Steps that are written out go before parameters: `finality` is no gid. */
function routeOf(routes: readonly Route[], method: string, steps: readonly string[]): Found | null {
  const fitting = routes.flatMap((route) => {
    const params = route.method === method ? paramsIn(route.path.split('/'), steps) : null;
    return params === null ? [] : [{ route, params }];
  });
  fitting.sort((one, other) => Object.keys(one.params).length - Object.keys(other.params).length);
  return fitting[0] ?? null;
}

/** Null when the path is another one. */
function paramsIn(pattern: readonly string[], steps: readonly string[]): PathParameters | null {
  if (pattern.length !== steps.length) return null;
  const params: Record<string, string> = {};
  for (const [at, wanted] of pattern.entries()) {
    const step = steps[at] ?? '';
    if (wanted.startsWith(':')) params[wanted.slice(1)] = step;
    else if (wanted !== step) return null;
  }
  return params;
}

/** The parts are checked in the order in which Fastify checks them. */
function answerOf({ route, params }: Found, request: CoordinatorRequest, body: unknown): Promise<Answer> {
  const query = queryOf(request.query);
  const headers = Object.fromEntries(request.headers);
  const { schemas } = route;
  const parts: readonly (readonly [Part, TSchema | undefined, unknown])[] = [
    ['params', schemas.params, params],
    ['body', schemas.body, body],
    ['query', schemas.query, query],
    ['headers', schemas.headers, headers],
  ];
  for (const [part, schema = Type.Unknown(), value] of parts) {
    const unfit = requestProblem(schema, value, part);
    if (unfit !== null) return Promise.resolve({ problem: unfit });
  }
  return route.handle({ params, query, headers, body });
}

/** A name that comes several times has all of its values. */
function queryOf(query: URLSearchParams): Readonly<Record<string, string | readonly string[]>> {
  const values = new Map<string, string[]>();
  for (const [name, value] of query) values.set(name, [...(values.get(name) ?? []), value]);
  return Object.fromEntries(
    [...values].map(([name, all]) => [name, all.length > 1 ? all : (all[0] as string)]),
  );
}

function responseOf(answer: Answer): Response {
  if ('problem' in answer) return problemResponse(answer.problem);
  const headers = new Headers({ 'content-type': 'application/json; charset=utf-8' });
  for (const [name, value] of Object.entries(answer.headers ?? {}))
    for (const one of [value].flat()) headers.append(name, one);
  return new Response(JSON.stringify(answer.body), { status: answer.status, headers });
}

const problem = (code: Parameters<typeof problemOf>[0], about?: string): Response =>
  problemResponse(problemOf(code, { about }));

const problemResponse = (document: ProblemDocument): Response =>
  new Response(JSON.stringify(document), {
    status: document.status,
    headers: { 'content-type': `${PROBLEM_MEDIA_TYPE}; charset=utf-8`, ...problemHeaders(document) },
  });
