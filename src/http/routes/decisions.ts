/**
 * Deciding, and retrying what is decided. Each may be asked again; asking for the opposite of the decision is refused
 * with the decision that stands.
 */
import { Gid, TransactionView } from '@tercet/sdk/wire';
import { Type } from 'typebox';
import type { Coordinator } from '../../application/coordinator.ts';
import { answer, problems } from '../answers.ts';
import { prefer, type WaitForEnd, waitMsOf } from '../plugins/prefer-wait.ts';
import { sendRefusal } from '../problem.ts';
import { sendWhenFinished } from '../send-transaction.ts';
import { transactionView } from '../transaction-view.ts';
import type { App } from '../typed-app.ts';

const tags = ['transactions'];
const params = Type.Object({ gid: Gid });

/** `{}`, `null` or nothing at all. */
const nothing = Type.Unsafe<null | undefined | Record<string, never>>({
  type: ['object', 'null'],
  additionalProperties: false,
  description: 'Empty.',
});

export function decisionRoutes(app: App, given: { coordinator: Coordinator; waitForEnd: WaitForEnd }): void {
  const { coordinator, waitForEnd } = given;

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
