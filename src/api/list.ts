/**
 * Looking for transactions, the newest gid first, page by page. A page starts behind the last gid of the one before, so
 * none is left out or shown twice, however many begin meanwhile. A page may hold fewer than its limit, or none, and name the next
 * one all the same: it has searched as many transactions as one request may.
 */
import { Value } from 'typebox/value';
import type { Coordinator, ListRequest } from '../application/coordinator.ts';
import { isQuarantined, type QuarantinedTransaction } from '../application/ports.ts';
import { type Fault, Gid, type QuarantinedView, TransactionsPage, TransactionsQuery } from '../wire/index.ts';
import { cursorOf, placeIn } from './cursor.ts';
import { faultsProblem } from './problem-document.ts';
import { answer, type Route, route, success } from './route.ts';
import { type Annotate, isoOrNull, transactionView } from './transaction-view.ts';

const DEFAULT_LIMIT = 50;

export const listRoutes = ({
  coordinator,
  annotate,
}: {
  readonly coordinator: Coordinator;
  readonly annotate: Annotate;
}): readonly Route[] => [
  route({
    method: 'GET',
    path: '/v1/transactions',
    operationId: 'listTransactions',
    access: 'token',
    tag: 'transactions',
    summary: 'List transactions',
    schemas: {
      query: TransactionsQuery,
      answers: { 200: answer(TransactionsPage, 'The matching transactions, the newest gid first.') },
    },
    async handle({ query }) {
      const limit = Number(query.limit ?? DEFAULT_LIMIT);
      const beganAfter = query.beganAfter === undefined ? null : instantOf(query.beganAfter);
      const before = query.cursor === undefined ? null : gidOf(query.cursor);
      const faults: Fault[] = [];
      if (Number.isNaN(beganAfter)) faults.push({ parameter: 'beganAfter', detail: 'is no instant' });
      if (before === '') faults.push({ parameter: 'cursor', detail: 'is not the nextCursor of a page' });
      if (faults.length > 0) return { problem: faultsProblem(faults) };
      // One more than a page tells whether another page follows.
      const { found, searchedTo } = await coordinator.list({
        ...filterOf(query),
        beganAfter,
        before,
        limit: limit + 1,
      });
      const shown = found.slice(0, limit);
      const last = found.length > limit ? shown.at(-1)?.gid : searchedTo;
      return success(200, {
        transactions: shown.flatMap((tx) => (isQuarantined(tx) ? [] : transactionView(tx, annotate))),
        quarantined: shown.filter(isQuarantined).map(quarantinedView),
        nextCursor: last == null ? null : cursorOf(last),
      });
    },
  }),
];

const quarantinedView = ({ gid, fault, quarantinedAt }: QuarantinedTransaction): QuarantinedView => ({
  gid,
  fault,
  quarantinedAt: isoOrNull(quarantinedAt),
});

type Plain = Omit<ListRequest, 'beganAfter' | 'before' | 'limit'>;

const filterOf = (query: TransactionsQuery): Plain => ({
  status: query.status ?? null,
  isQuarantined: query.quarantined === undefined ? null : query.quarantined === 'true',
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

/** Empty for a text that is no cursor. */
function gidOf(cursor: string): string {
  const gid = placeIn(cursor);
  return Value.Check(Gid, gid) ? gid : '';
}
