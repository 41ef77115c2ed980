/** Reading a transaction: as it stands, and how it came to stand so. */
import { Type } from 'typebox';
import type { Coordinator } from '../application/coordinator.ts';
import type { JournalRow, Saved } from '../application/ports.ts';
import { EventsQuery, EventsView, Gid, TransactionDetails } from '../wire/index.ts';
import { eventCursorOf, readEventCursor, START } from './event-cursor.ts';
import { eventsView } from './events-view.ts';
import { detailsView } from './path-view.ts';
import { faultsProblem, problem } from './problem-document.ts';
import { answer, type Route, route, success } from './route.ts';
import type { Annotate } from './transaction-view.ts';

/** Rows of one answer. */
const MAX_EVENTS = 200;
const PATH_ROWS = 200;

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
      const rows = saved === null ? [] : await rowsOfPath(coordinator, saved);
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
    schemas: {
      params,
      query: EventsQuery,
      answers: { 200: answer(EventsView, 'Its durable changes, oldest first, page by page.') },
    },
    async handle({ params: { gid }, query }) {
      const cursor = query.cursor === undefined ? START : readEventCursor(query.cursor);
      if (cursor === null)
        return {
          problem: faultsProblem([{ parameter: 'cursor', detail: 'is not the nextCursor of a page' }]),
        };
      const limit = Number(query.limit ?? MAX_EVENTS);
      // One more than a page tells whether another page follows.
      const rows = await coordinator.journalOf(gid, { after: cursor.seq, limit: limit + 1 });
      const [first] = cursor.seq === 0 ? rows : await coordinator.journalOf(gid, { after: 0, limit: 1 });
      if (first === undefined) return problem('unknown_transaction');
      const shown = rows.slice(0, limit);
      const start = cursor.seq === 0 ? null : { first, decision: cursor.decision };
      const { events, decision } = eventsView(shown, start);
      const last = rows.length > limit ? shown.at(-1) : undefined;
      const nextCursor = last === undefined ? null : eventCursorOf({ seq: last.seq, decision });
      return success(200, { gid, events, nextCursor });
    },
  }),
];

/** The first and the last rows: a page of 60,000 would hold up all other requests for seconds. */
async function rowsOfPath(coordinator: Coordinator, { tx, seq }: Saved): Promise<readonly JournalRow[]> {
  const head = await coordinator.journalOf(tx.gid, { after: 0, limit: PATH_ROWS });
  const read = head.at(-1)?.seq ?? seq;
  if (read >= seq) return head;
  const after = Math.max(read, seq - PATH_ROWS);
  return [...head, ...(await coordinator.journalOf(tx.gid, { after, limit: PATH_ROWS }))];
}
