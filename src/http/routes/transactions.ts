/**
 * Beginning a transaction, and registering its branches. Each request can be repeated, and answers the truth.
 *
 * 201 made just now · 200 as it stands · 202 under way: look again at Location. The header `Idempotent-Replayed: true` says
 * that an earlier request like this one began it.
 */
import { BeginRequest, BranchRequest, Gid, TransactionView } from '../../wire/index.ts';
import { Type } from 'typebox';
import type { Coordinator } from '../../application/coordinator.ts';
import { answer, problems } from '../answers.ts';
import { prefer, type WaitForEnd, waitMsOf } from '../plugins/prefer-wait.ts';
import { traceOf } from '../../wire/trace-context.ts';
import { sendRejection } from '../problem.ts';
import { sendMade, sendWhenFinished } from '../send-transaction.ts';
import type { Annotate } from '../transaction-view.ts';
import type { App } from '../typed-app.ts';

const tags = ['transactions'];
const params = Type.Object({ gid: Gid });

const beginHeaders = Type.Object({
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

export function transactionRoutes(
  app: App,
  given: { coordinator: Coordinator; waitForEnd: WaitForEnd; annotate: Annotate },
): void {
  const { coordinator, waitForEnd, annotate } = given;
  app.post(
    '/v1/transactions',
    {
      schema: {
        tags,
        summary: 'Begin a transaction',
        description:
          'Declared when it names its branches, and then run by the coordinator; else interactive. A saga always names them.',
        headers: beginHeaders,
        body: BeginRequest,
        response: {
          200: answer(
            TransactionView,
            'It stood already, or it ended within the wait. Idempotent-Replayed: true, with any status, says that it stood.',
          ),
          201: answer(TransactionView, 'An interactive transaction began.'),
          202: answer(TransactionView, 'A declared transaction is under way.'),
          ...problems,
        },
      },
    },
    async ({ body, headers }, reply) => {
      const key = headers['idempotency-key'] ?? null;
      const outcome = await coordinator.begin(body, key, traceOf(headers));
      if (!outcome.accepted) return sendRejection(reply, outcome);
      // A declared one may have ended either way: its status does not tell who began it.
      if (!outcome.isChanged) reply.header('idempotent-replayed', 'true');
      if (body.branches === undefined) return sendMade(reply, outcome, annotate);
      const saved = await waitForEnd(outcome.saved, waitMsOf(headers.prefer));
      return sendWhenFinished(reply, saved, annotate);
    },
  );

  app.post(
    '/v1/transactions/:gid/branches',
    {
      schema: {
        tags,
        summary: 'Register a branch, before its try is called',
        params,
        body: BranchRequest,
        response: {
          200: answer(TransactionView, 'The branch was registered before.'),
          201: answer(TransactionView, 'The branch is registered.'),
          ...problems,
        },
      },
    },
    async ({ params, body, headers }, reply) => {
      const outcome = await coordinator.registerBranch(params.gid, body, traceOf(headers));
      return outcome.accepted ? sendMade(reply, outcome, annotate) : sendRejection(reply, outcome);
    },
  );
}
