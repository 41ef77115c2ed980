/** Reading a transaction: as it stands, and how it came to stand so. */
import { Type } from 'typebox';
import type { Coordinator } from '../application/coordinator.ts';
import { EventsView, Gid, TransactionDetails } from '../wire/index.ts';
import { eventsView } from './events-view.ts';
import { detailsView } from './path-view.ts';
import { problem } from './problem-document.ts';
import { answer, type Route, route, success } from './route.ts';
import type { Annotate } from './transaction-view.ts';

const params = Type.Object({ gid: Gid });
const reading = { method: 'GET', access: 'token', tag: 'transactions' } as const;

export const historyRoutes = ({
  coordinator,
  annotate,
}: {
  readonly coordinator: Coordinator;
  readonly annotate: Annotate;
}): readonly Route[] => [
  route({
    ...reading,
    path: '/v1/transactions/:gid',
    operationId: 'getTransaction',
    summary: 'Read a transaction, and the path that it has taken',
    schemas: {
      params,
      answers: {
        200: answer(TransactionDetails, 'The transaction as it is durable, and how it came to stand so.'),
      },
    },
    async handle({ params }) {
      const saved = await coordinator.find(params.gid);
      // Its rows only grow, so those up to the change that was read are all there; or it was removed between the two reads.
      const rows = saved === null ? [] : await coordinator.journalOf(params.gid);
      return saved !== null && rows.length > 0
        ? success(200, detailsView(saved, rows, annotate))
        : problem('unknown_transaction');
    },
  }),
  route({
    ...reading,
    path: '/v1/transactions/:gid/events',
    operationId: 'getTransactionEvents',
    summary: 'Read the journal of a transaction',
    schemas: { params, answers: { 200: answer(EventsView, 'Every durable change, oldest first.') } },
    async handle({ params }) {
      const rows = await coordinator.journalOf(params.gid);
      return rows.length > 0 ? success(200, eventsView(params.gid, rows)) : problem('unknown_transaction');
    },
  }),
];
