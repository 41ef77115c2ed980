/**
 * A route of the API, without a framework. Fastify serves it over HTTP (src/http), and the coordinator in memory of the SDK's
 * tests.
 *
 * Whatever serves it finds the route by method and path, checks each part of the request by its schema, and sends the answer as
 * JSON. Sign-in and body limits belong to HTTP. Problems are answered in one form: problem-document.ts.
 */
import type { Static, TSchema } from 'typebox';
import type { ProblemDocument } from '../wire/index.ts';

export type Headers = Readonly<Record<string, string | readonly string[]>>;

export type Success = { readonly status: number; readonly headers?: Headers; readonly body: object };
export type Problem = { readonly problem: ProblemDocument };
export type Answer = Success | Problem;

/** What a route checks of a request, and what it answers by status. A part without a schema is not read. */
export type RouteSchemas = {
  readonly params?: TSchema;
  readonly query?: TSchema;
  readonly headers?: TSchema;
  readonly body?: TSchema;
  readonly answers: Readonly<Record<number, TSchema>>;
};

export type Route = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `:name` stands for one step of the path, which is a parameter. */
  readonly path: string;
  /** The name of the operation in generated clients. */
  readonly operationId: string;
  /** `open` routes are served without a token: probes. `token-or-signature` also by a signed URL, which the route verifies. */
  readonly access: 'open' | 'token' | 'token-or-signature';
  readonly tag: 'transactions' | 'participants' | 'health';
  readonly summary: string;
  readonly description?: string;
  readonly schemas: RouteSchemas;
  /** @param request whose parts fit their schemas */
  readonly handle: (request: UntypedRequest) => Promise<Answer>;
};

export type UntypedRequest = {
  readonly params: unknown;
  readonly query: unknown;
  /** In lower case. */
  readonly headers: unknown;
  /** Undefined or null for none. */
  readonly body: unknown;
};

type PartOf<Schemas, Part extends string> =
  Schemas extends Readonly<Record<Part, infer Schema extends TSchema>> ? Static<Schema> : unknown;

export type RequestOf<Schemas> = {
  readonly params: PartOf<Schemas, 'params'>;
  readonly query: PartOf<Schemas, 'query'>;
  readonly headers: PartOf<Schemas, 'headers'>;
  readonly body: PartOf<Schemas, 'body'>;
};

type SuccessOf<Answers> = {
  [Status in keyof Answers]: Answers[Status] extends TSchema
    ? { readonly status: Status; readonly headers?: Headers; readonly body: Static<Answers[Status]> }
    : never;
}[keyof Answers];

/** The compiler holds the handler against the schemas of its route. */
export const route = <const Schemas extends RouteSchemas>(
  given: Omit<Route, 'schemas' | 'handle'> & {
    readonly schemas: Schemas;
    readonly handle: (request: RequestOf<Schemas>) => Promise<SuccessOf<Schemas['answers']> | Problem>;
  },
): Route => ({
  ...given,
  handle: (request) => given.handle(request as RequestOf<Schemas>) as Promise<Answer>,
});

/** A successful answer of a route. */
export const success = <const Status extends number, Body extends object>(
  status: Status,
  body: Body,
  headers: Headers = {},
): { readonly status: Status; readonly headers: Headers; readonly body: Body } => ({ status, headers, body });

/** A schema of an answer, with a description of its own. */
export const answer = <Schema extends TSchema>(schema: Schema, description: string): Schema => ({
  ...schema,
  description,
});
