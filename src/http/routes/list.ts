/**
 * Looking for transactions, the newest gid first, page by page. A page starts behind the last gid of the one before, so
 * none is left out or told twice, however many begin meanwhile.
 */
import { type Fault, Gid, TransactionsPage, TransactionsQuery } from '../../wire/index.ts';
import { Value } from 'typebox/value';
import type { Coordinator, ListRequest } from '../../application/coordinator.ts';
import { answer, problems } from '../answers.ts';
import { sendFaults } from '../problem.ts';
import { type Annotate, transactionView } from '../transaction-view.ts';
import type { App } from '../typed-app.ts';

const DEFAULT_LIMIT = 50;

export function listRoutes(
  app: App,
  { coordinator, annotate }: { coordinator: Coordinator; annotate: Annotate },
): void {
  app.get(
    '/v1/transactions',
    {
      schema: {
        tags: ['transactions'],
        summary: 'List transactions',
        querystring: TransactionsQuery,
        response: { 200: answer(TransactionsPage, 'What was asked for, the newest gid first.'), ...problems },
      },
    },
    async ({ query }, reply) => {
      const limit = Number(query.limit ?? DEFAULT_LIMIT);
      const beganAfter = query.beganAfter === undefined ? null : instantOf(query.beganAfter);
      const before = query.cursor === undefined ? null : gidOf(query.cursor);
      const faults: Fault[] = [];
      if (Number.isNaN(beganAfter)) faults.push({ parameter: 'beganAfter', detail: 'is no instant' });
      if (before === '') faults.push({ parameter: 'cursor', detail: 'is not the nextCursor of a page' });
      if (faults.length > 0) return sendFaults(reply, faults);
      // One more than a page tells whether another page follows.
      const found = await coordinator.list({ ...filterOf(query), beganAfter, before, limit: limit + 1 });
      const shown = found.slice(0, limit);
      const last = found.length > limit ? shown.at(-1) : undefined;
      return {
        transactions: shown.map((tx) => transactionView(tx, annotate)),
        nextCursor: last === undefined ? null : cursorOf(last.gid),
      };
    },
  );
}

type Plain = Omit<ListRequest, 'beganAfter' | 'before' | 'limit'>;

const filterOf = (query: TransactionsQuery): Plain => ({
  status: query.status ?? null,
  isParked: query.parked === undefined ? null : query.parked === 'true',
  needsAttention: query.needsAttention === undefined ? null : query.needsAttention === 'true',
  participant: query.participant ?? null,
  name: query.name ?? null,
  businessKey: query.businessKey ?? null,
});

/** What databases can hold; nothing began before or after. */
const [FIRST, LAST] = [0, Date.UTC(9999, 11, 31)];

/** NaN where the text has the right form and is no instant all the same: the 61st second of a minute. */
const instantOf = (text: string): number => Math.min(Math.max(Date.parse(text), FIRST), LAST);

/** Opaque to clients, so that what a page starts behind may change. */
const cursorOf = (gid: string): string => Buffer.from(gid).toString('base64url');

/** Empty for a text that is no cursor. */
function gidOf(cursor: string): string {
  const gid = Buffer.from(cursor, 'base64url').toString('latin1');
  return Value.Check(Gid, gid) && cursorOf(gid) === cursor ? gid : '';
}
