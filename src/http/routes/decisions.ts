/**
 * Deciding, and retrying what is decided. Each may be asked again; asking for the opposite of the decision is refused
 * with the decision that stands.
 */
import { Gid, TransactionView } from '@tercet/sdk/wire';
import { Type } from 'typebox';
import type { Coordinator } from '../../application/coordinator.ts';
import { answer, problems } from '../answers.ts';
import { noBody } from '../no-body.ts';
import { prefer, type WaitForEnd, waitMsOf } from '../plugins/prefer-wait.ts';
import { sendRefusal } from '../problem.ts';
import { sendWhenFinished } from '../send-transaction.ts';
import { type Explain, transactionView } from '../transaction-view.ts';
import type { App } from '../typed-app.ts';

const tags = ['transactions'];
const params = Type.Object({ gid: Gid });

export function decisionRoutes(
  app: App,
  given: { coordinator: Coordinator; waitForEnd: WaitForEnd; explain: Explain },
): void {
  const { coordinator, waitForEnd, explain } = given;
  for (const decision of ['confirm', 'cancel'] as const) {
    app.post(
      `/v1/transactions/:gid/${decision}`,
      {
        schema: {
          tags,
          summary: `Decide to ${decision}`,
          params,
          headers: Type.Object({ prefer }),
          body: noBody,
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
        const saved = await waitForEnd(outcome.saved, waitMsOf(headers.prefer));
        return sendWhenFinished(reply, saved, explain);
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
        body: noBody,
        response: { 200: answer(TransactionView, 'Its open branches are due now.'), ...problems },
      },
    },
    async ({ params }, reply) => {
      const outcome = await coordinator.retry(params.gid);
      return outcome.accepted ? transactionView(outcome.saved.tx, explain) : sendRefusal(reply, outcome);
    },
  );
}
