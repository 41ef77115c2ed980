/**
 * Deciding, and retrying what is decided. Each may be asked again; asking for the opposite of the decision is refused
 * with the decision that stands.
 */
import { CancelRequest, ConfirmRequest, Gid, TransactionView } from '../../wire/index.ts';
import type { FastifyReply } from 'fastify';
import { type TSchema, Type } from 'typebox';
import type { Coordinator, Outcome } from '../../application/coordinator.ts';
import { answer, problems } from '../answers.ts';
import { noBody } from '../no-body.ts';
import { prefer, type WaitForEnd, waitMsOf } from '../plugins/prefer-wait.ts';
import { sendRejection } from '../problem.ts';
import { sendWhenFinished } from '../send-transaction.ts';
import { type Annotate, transactionView } from '../transaction-view.ts';
import type { App } from '../typed-app.ts';

const tags = ['transactions'];
const params = Type.Object({ gid: Gid });

export function decisionRoutes(
  app: App,
  given: { coordinator: Coordinator; waitForEnd: WaitForEnd; annotate: Annotate },
): void {
  const { coordinator, waitForEnd, annotate } = given;
  const sendDecided = async (reply: FastifyReply, outcome: Outcome, preferred: string | undefined) => {
    if (!outcome.accepted) return sendRejection(reply, outcome);
    const saved = await waitForEnd(outcome.saved, waitMsOf(preferred));
    return sendWhenFinished(reply, saved, annotate);
  };

  app.post(
    '/v1/transactions/:gid/confirm',
    { schema: deciding('Decide to confirm', ConfirmRequest) },
    async ({ params, body, headers }, reply) =>
      sendDecided(reply, await coordinator.confirm(params.gid, body?.branchIds), headers.prefer),
  );

  app.post(
    '/v1/transactions/:gid/cancel',
    {
      schema: {
        ...deciding('Decide to cancel', CancelRequest),
        description:
          'While only the answer of the pivot of a saga can decide, it is refused with pivot_in_flight, and the wish is shown ' +
          'as cancelAskedAt.',
      },
    },
    async ({ params, body, headers }, reply) =>
      sendDecided(reply, await coordinator.cancel(params.gid, body?.note), headers.prefer),
  );

  app.post(
    '/v1/transactions/:gid/retry',
    {
      schema: {
        tags,
        summary: 'Call every waiting and parked branch now, and who is still to hear of the end',
        params,
        body: noBody,
        response: { 200: answer(TransactionView, 'Its open calls are due now.'), ...problems },
      },
    },
    async ({ params }, reply) => {
      const outcome = await coordinator.retry(params.gid);
      return outcome.accepted ? transactionView(outcome.saved.tx, annotate) : sendRejection(reply, outcome);
    },
  );
}

const deciding = <Body extends TSchema>(summary: string, body: Body) => ({
  ...{ tags, summary, params, body },
  headers: Type.Object({ prefer }),
  response: {
    200: answer(TransactionView, 'The transaction has ended so.'),
    202: answer(TransactionView, 'It is decided, and not finished.'),
    ...problems,
  },
});
