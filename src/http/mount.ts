/** Mounts the routes of the API on Fastify, with its validation and serialisation. */
import type { FastifyContextConfig, FastifyReply, RouteOptions } from 'fastify';
import { PROBLEM_MEDIA_TYPE } from '../api/problem-document.ts';
import type { Answer, Route } from '../api/route.ts';
import { ProblemDocument } from '../wire/index.ts';
import { sendDocument } from './problem.ts';
import type { App } from './typed-app.ts';

/** What a hook reads of the route of a request: `request.routeOptions.config`. */
export type RouteConfig = FastifyContextConfig & Partial<Pick<Route, 'access'>>;

export function mountRoutes(app: App, routes: readonly Route[]): void {
  for (const route of routes) app.route(optionsOf(route) as never);
}

const optionsOf = (route: Route): RouteOptions => ({
  method: route.method,
  url: route.path,
  config: { access: route.access } as RouteConfig,
  schema: schemaOf(route),
  handler: async ({ params, query, headers, body }, reply) =>
    send(reply, await route.handle({ params, query, headers, body })),
});

function schemaOf({ operationId, tag, summary, description, schemas }: Route) {
  const { answers, query, ...parts } = schemas;
  return {
    operationId,
    tags: [tag],
    summary,
    ...(description !== undefined && { description }),
    ...parts,
    ...(query && { querystring: query }),
    response: { ...answers, ...problems },
  };
}

const problem = (description: string) => ({
  description,
  content: { [PROBLEM_MEDIA_TYPE]: { schema: ProblemDocument } },
});

/** For each route: whatever it refuses, and whatever fails, is a problem document. */
const problems = {
  '4xx': problem('The request was refused, and changed nothing.'),
  '5xx': problem('The coordinator failed or cannot serve now; the request may be sent again.'),
};

function send(reply: FastifyReply, answer: Answer): FastifyReply {
  if ('problem' in answer) return sendDocument(reply, answer.problem);
  return reply
    .code(answer.status)
    .headers((answer.headers ?? {}) as Record<string, string>)
    .send(answer.body);
}
