/** A problem document sent as the answer to a request. */
import type { Fault, ProblemDocument } from '../wire/index.ts';
import type { FastifyReply } from 'fastify';
import type { ErrorCode } from '../errors.ts';
import { traceIdOfRequest } from './plugins/trace-context.ts';
import {
  faultsProblem,
  type Particulars,
  problemOf,
  type Rejected,
  rejectionProblem,
} from './problem-document.ts';

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** How long a client is asked to wait when the store is away, in seconds. */
const RETRY_AFTER_SECONDS = 1;

export const sendProblem = (reply: FastifyReply, code: ErrorCode, particulars?: Particulars): FastifyReply =>
  send(reply, problemOf(code, particulars));

/** Places of the request that do not fit. */
export const sendFaults = (reply: FastifyReply, faults: readonly Fault[]): FastifyReply =>
  send(reply, faultsProblem(faults));

/** What the coordinator rejected. */
export const sendRejection = (reply: FastifyReply, rejected: Rejected): FastifyReply =>
  send(reply, rejectionProblem(rejected));

function send(reply: FastifyReply, { ...problem }: ProblemDocument): FastifyReply {
  const traceId = traceIdOfRequest(reply.request);
  if (traceId !== null) problem.traceId = traceId;
  if (problem.status === 503) reply.header('retry-after', String(RETRY_AFTER_SECONDS));
  return reply.code(problem.status).type(PROBLEM_MEDIA_TYPE).send(JSON.stringify(problem));
}
