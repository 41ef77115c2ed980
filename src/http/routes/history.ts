/** Reading a transaction: as it stands, and how it came to stand so. */
import { EventsView, Gid, TransactionView } from '@tercet/sdk/wire';
import { Type } from 'typebox';
import type { Coordinator } from '../../application/coordinator.ts';
import { answer, problems } from '../answers.ts';
import { eventsView } from '../events-view.ts';
import { sendProblem } from '../problem.ts';
import { type Explain, transactionView } from '../transaction-view.ts';
import type { App } from '../typed-app.ts';

const tags = ['transactions'];
const params = Type.Object({ gid: Gid });

export function historyRoutes(
  app: App,
  { coordinator, explain }: { coordinator: Coordinator; explain: Explain },
): void {
  app.get(
    '/v1/transactions/:gid',
    {
      schema: {
        tags,
        summary: 'Read a transaction',
        params,
        response: { 200: answer(TransactionView, 'The transaction as it is durable.'), ...problems },
      },
    },
    async ({ params }, reply) => {
      const saved = await coordinator.find(params.gid);
      return saved ? transactionView(saved.tx, explain) : sendProblem(reply, 'unknown_transaction');
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
