/**
 * Turns whatever goes wrong into a problem document: what Fastify refuses, what the routes throw, what is not even
 * HTTP. Of an unexpected error the client learns nothing but that there was one; the log has the rest.
 */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { PROBLEM_MEDIA_TYPE, problemOf, problemOfError, schemaProblem } from '../../api/problem-document.ts';
import type { ErrorCode } from '../../errors.ts';
import { sendDocument, sendProblem } from '../problem.ts';
import { faultsOf } from './faults.ts';

export function answerProblems(app: FastifyInstance): void {
  app.setErrorHandler(answerError);
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, 'unknown_route', { about: `${request.method} ${pathOf(request)} is not known.` }),
  );
}

/** Also for the errors that Fastify meets before it knows a route. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const known = error instanceof Error ? (error as FastifyError) : null;
  if (known?.validation) {
    const { validation, validationContext } = known;
    sendDocument(reply, schemaProblem(faultsOf(validation, validationContext), validation[0]?.keyword));
    return;
  }
  const problem = problemOfError(error) ?? problemOf(codeOf(known));
  // Overload comes in thousands: to log each refusal would only add to it.
  if (problem.code === 'overloaded') request.log.debug(problem.title);
  else if (problem.status >= 500) request.log.error({ err: error }, problem.title);
  sendDocument(reply, problem);
}

const FRAMEWORK_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
};

function codeOf(error: FastifyError | null): ErrorCode {
  if (error === null) return 'internal_error';
  const { code = '', statusCode = 500 } = error;
  return FRAMEWORK_CODES[code] ?? (statusCode < 500 ? 'malformed_request' : 'internal_error');
}

const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0] ?? '';

// ── Before there is a request ────────────────────────────────────────────────────────────────────────────────

const CONNECTION_CODES: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

/** Answers what Node could not read as HTTP, and closes the connection: what follows on it cannot be trusted. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  // There is nothing to encrypt an answer by: to wait until it is sent would keep the socket open without end.
  if (socket instanceof TLSSocket && /^ERR_(?:SSL|TLS)_/.test(error.code ?? '')) {
    socket.destroy();
    return;
  }
  if (socket.writable) {
    const problem = problemOf(CONNECTION_CODES[error.code ?? ''] ?? 'malformed_request');
    const body = JSON.stringify(problem);
    socket.end(
      `HTTP/1.1 ${problem.status} ${problem.code}\r\nContent-Type: ${PROBLEM_MEDIA_TYPE}; charset=utf-8\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    );
  }
  socket.destroySoon();
}
