/** A problem document sent over HTTP. */
import type { FastifyReply } from 'fastify';
import {
  faultsProblem,
  type Particulars,
  PROBLEM_MEDIA_TYPE,
  problemHeaders,
  problemOf,
} from '../api/problem-document.ts';
import type { ErrorCode } from '../errors.ts';
import type { Fault, ProblemDocument } from '../wire/index.ts';
import { traceIdOfRequest } from './plugins/trace-context.ts';

export const sendProblem = (reply: FastifyReply, code: ErrorCode, particulars?: Particulars): FastifyReply =>
  sendDocument(reply, problemOf(code, particulars));

/** Places of the request that do not fit. */
export const sendFaults = (reply: FastifyReply, faults: readonly Fault[]): FastifyReply =>
  sendDocument(reply, faultsProblem(faults));

export function sendDocument(reply: FastifyReply, { ...problem }: ProblemDocument): FastifyReply {
  const traceId = traceIdOfRequest(reply.request);
  if (traceId !== null) problem.traceId = traceId;
  return reply
    .code(problem.status)
    .headers(problemHeaders(problem))
    .type(PROBLEM_MEDIA_TYPE)
    .send(JSON.stringify(problem));
}
