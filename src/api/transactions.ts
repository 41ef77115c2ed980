/**
 * Beginning a transaction, and registering its branches. Each request can be repeated, and answers the truth.
 *
 * 201 made just now · 200 as it stands · 202 active: read it again at Location. The header `Idempotent-Replayed: true` says
 * that an earlier request like this one began it.
 */
import { Type } from 'typebox';
import type { Coordinator } from '../application/coordinator.ts';
import { BeginRequest, BranchRequest, Gid, TransactionView } from '../wire/index.ts';
import { traceOf } from '../wire/trace-context.ts';
import { prefer, type WaitForEnd, waitMsOf } from './prefer-wait.ts';
import { rejection } from './problem-document.ts';
import { answer, type Route, route } from './route.ts';
import { endAnswer, madeAnswer } from './transaction-answer.ts';
import type { Annotate } from './transaction-view.ts';

const tag = 'transactions';

const BeginHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      pattern: '^[ -~]{1,255}$',
      description:
        'Names this beginning: the same request with the same key answers the same transaction. ' +
        '1 to 255 printable ASCII characters.',
    }),
  ),
  traceparent: Type.Optional(
    Type.String({ description: 'W3C trace context, continued in every call; ignored when malformed.' }),
  ),
  tracestate: Type.Optional(
    Type.String({ description: 'W3C tracestate of at most 512 bytes, sent with traceparent in every call.' }),
  ),
  baggage: Type.Optional(
    Type.String({ description: 'W3C baggage of at most 8192 bytes, sent in the calls of the first minute.' }),
  ),
  prefer,
});

export const transactionRoutes = (given: {
  readonly coordinator: Coordinator;
  readonly waitForEnd: WaitForEnd;
  readonly annotate: Annotate;
}): readonly Route[] => [begin(given), register(given)];

type Given = Parameters<typeof transactionRoutes>[0];

const begin = ({ coordinator, waitForEnd, annotate }: Given): Route =>
  route({
    method: 'POST',
    path: '/v1/transactions',
    operationId: 'beginTransaction',
    access: 'token',
    tag,
    summary: 'Begin a transaction',
    description:
      'Declared when it names its branches, and then run by the coordinator; else interactive. A saga always names them.',
    schemas: {
      headers: BeginHeaders,
      body: BeginRequest,
      answers: {
        200: answer(
          TransactionView,
          'It stood already, or it ended within the wait. Idempotent-Replayed: true, with any status, says that it stood.',
        ),
        201: answer(TransactionView, 'An interactive transaction began.'),
        202: answer(TransactionView, 'A declared transaction is active.'),
      },
    },
    async handle({ headers, body }) {
      const key = headers['idempotency-key'] ?? null;
      const outcome = await coordinator.begin(body, key, traceOf(headers));
      if (!outcome.accepted) return rejection(outcome);
      const begun =
        body.branches === undefined
          ? madeAnswer(outcome, annotate)
          : endAnswer(await waitForEnd(outcome.saved, waitMsOf(headers.prefer)), annotate);
      // A declared one may have ended either way: its status does not say who began it.
      return outcome.isChanged
        ? begun
        : { ...begun, headers: { ...begun.headers, 'idempotent-replayed': 'true' } };
    },
  });

const register = ({ coordinator, annotate }: Given): Route =>
  route({
    method: 'POST',
    path: '/v1/transactions/:gid/branches',
    operationId: 'registerBranch',
    access: 'token',
    tag,
    summary: 'Register a branch, before its try is called',
    schemas: {
      params: Type.Object({ gid: Gid }),
      body: BranchRequest,
      answers: {
        200: answer(TransactionView, 'The branch was registered before.'),
        201: answer(TransactionView, 'The branch is registered.'),
      },
    },
    async handle({ params, headers, body }) {
      const outcome = await coordinator.registerBranch(
        params.gid,
        body,
        traceOf(headers as Record<string, unknown>),
      );
      return outcome.accepted ? madeAnswer(outcome, annotate) : rejection(outcome);
    },
  });
