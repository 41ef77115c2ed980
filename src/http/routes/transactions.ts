/**
 * Transactions: begin, register a branch, decide, retry. Every request can be repeated, and answers the truth.
 *
 * 201 made just now · 200 as it stands · 202 decided or running, and not finished: look again at Location.
 */
import { BeginRequest, BranchRequest, Gid, TransactionView } from '@tercet/sdk/wire';
import type { FastifyReply } from 'fastify';
import { Type } from 'typebox';
import type { Coordinator, Outcome } from '../../application/coordinator.ts';
import type { Saved } from '../../application/ports.ts';
import { isFinished } from '../../domain/index.ts';
import { answer, problems } from '../answers.ts';
import { type WaitForEnd, waitMsOf } from '../plugins/prefer-wait.ts';
import { traceparentOf } from '../plugins/trace-context.ts';
import { sendRefusal } from '../problem.ts';
import { transactionView } from '../transaction-view.ts';
import type { App } from '../typed-app.ts';

const tags = ['transactions'];
const params = Type.Object({ gid: Gid });

const prefer = Type.Optional(
  Type.String({
    description: 'wait=N waits up to N seconds, at most 60, for the transaction to end.',
    examples: ['wait=5'],
  }),
);

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
  prefer,
});

/** `{}`, `null` or nothing at all. */
const nothing = Type.Unsafe<null | undefined | Record<string, never>>({
  type: ['object', 'null'],
  additionalProperties: false,
  description: 'Empty.',
});

export function transactionRoutes(
  app: App,
  given: { coordinator: Coordinator; waitForEnd: WaitForEnd },
): void {
  const { coordinator, waitForEnd } = given;

  app.post(
    '/v1/transactions',
    {
      schema: {
        tags,
        summary: 'Begin a transaction',
        description:
          'Declared when it names its branches, and then run by the coordinator; else interactive.',
        headers: beginHeaders,
        body: BeginRequest,
        response: {
          200: answer(TransactionView, 'It stood already, or it ended within the wait.'),
          201: answer(TransactionView, 'An interactive transaction began.'),
          202: answer(TransactionView, 'A declared transaction is under way.'),
          ...problems,
        },
      },
    },
    async ({ body, headers }, reply) => {
      const key = headers['idempotency-key'] ?? null;
      const outcome = await coordinator.begin(body, key, traceparentOf(headers.traceparent));
      if (!outcome.accepted) return sendRefusal(reply, outcome);
      if (body.branches === undefined) return sendMade(reply, outcome);
      return sendWhenFinished(reply, await waitForEnd(outcome.saved, waitMsOf(headers.prefer)));
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
    async ({ params, body }, reply) => {
      const outcome = await coordinator.registerBranch(params.gid, body);
      return outcome.accepted ? sendMade(reply, outcome) : sendRefusal(reply, outcome);
    },
  );

  for (const decision of ['confirm', 'cancel'] as const) {
    app.post(
      `/v1/transactions/:gid/${decision}`,
      {
        schema: {
          tags,
          summary: `Decide to ${decision}`,
          params,
          headers: Type.Object({ prefer }),
          body: nothing,
          response: {
            200: answer(TransactionView, 'The transaction has ended so.'),
            202: answer(TransactionView, 'It is decided, and not finished.'),
            ...problems,
          },
        },
      },
      async ({ params, headers }, reply) => {
        const outcome = await coordinator[decision](params.gid);
        if (!outcome.accepted) return sendRefusal(reply, outcome);
        return sendWhenFinished(reply, await waitForEnd(outcome.saved, waitMsOf(headers.prefer)));
      },
    );
  }

  app.post(
    '/v1/transactions/:gid/retry',
    {
      schema: {
        tags,
        summary: 'Call every waiting and parked branch now',
        params,
        body: nothing,
        response: { 200: answer(TransactionView, 'Its open branches are due now.'), ...problems },
      },
    },
    async ({ params }, reply) => {
      const outcome = await coordinator.retry(params.gid);
      return outcome.accepted ? transactionView(outcome.saved.tx) : sendRefusal(reply, outcome);
    },
  );
}

type Accepted = Extract<Outcome, { accepted: true }>;

/** What the request made just now, or what an earlier one like it had made. */
function sendMade(reply: FastifyReply, { saved, isChanged }: Accepted): FastifyReply {
  if (isChanged) reply.header('location', `/v1/transactions/${saved.tx.gid}`);
  return reply.code(isChanged ? 201 : 200).send(transactionView(saved.tx));
}

function sendWhenFinished(reply: FastifyReply, { tx }: Saved): FastifyReply {
  if (isFinished(tx)) return reply.code(200).send(transactionView(tx));
  return reply.code(202).header('location', `/v1/transactions/${tx.gid}`).send(transactionView(tx));
}
