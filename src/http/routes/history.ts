/** Reading a transaction: as it stands, and how it came to stand so. */
import { EventsView, Gid, TransactionDetails } from '../../wire/index.ts';
import { Type } from 'typebox';
import type { Coordinator } from '../../application/coordinator.ts';
import { answer, problems } from '../answers.ts';
import { eventsView } from '../events-view.ts';
import { detailsView } from '../path-view.ts';
import { sendProblem } from '../problem.ts';
import type { Annotate } from '../transaction-view.ts';
import type { App } from '../typed-app.ts';

const tags = ['transactions'];
const params = Type.Object({ gid: Gid });

export function historyRoutes(
  app: App,
  { coordinator, annotate }: { coordinator: Coordinator; annotate: Annotate },
): void {
  app.get(
    '/v1/transactions/:gid',
    {
      schema: {
        tags,
        summary: 'Read a transaction, and the path that it has taken',
        params,
        response: {
          200: answer(TransactionDetails, 'The transaction as it is durable, and how it came to stand so.'),
          ...problems,
        },
      },
    },
    async ({ params }, reply) => {
      const saved = await coordinator.find(params.gid);
      // Its rows only grow, so those up to the change that was read are all there; or it was removed between the two looks.
      const rows = saved === null ? [] : await coordinator.journalOf(params.gid);
      return saved !== null && rows.length > 0
        ? detailsView(saved, rows, annotate)
        : sendProblem(reply, 'unknown_transaction');
    },
  );

  app.get(
    '/v1/transactions/:gid/events',
    {
      schema: {
        tags,
        summary: 'Read the journal of a transaction',
        params,
        response: { 200: answer(EventsView, 'Every durable change, oldest first.'), ...problems },
      },
    },
    async ({ params }, reply) => {
      const rows = await coordinator.journalOf(params.gid);
      return rows.length > 0 ? eventsView(params.gid, rows) : sendProblem(reply, 'unknown_transaction');
    },
  );
}
