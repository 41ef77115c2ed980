/** Looking for transactions: what may be asked for, in the query of the address, and what is found, page by page. */
import { type Static, Type } from 'typebox';
import { pageQuery } from './page.ts';
import { TransactionView } from './transaction-view.ts';
import { Gid, instant, nullable, ParticipantOrAddress, Status, text } from './vocabulary.ts';

/** Everything in a query is text. */
export const TransactionsQuery = Type.Object(
  {
    status: Type.Optional(Status),
    parked: Type.Optional(
      Type.Enum(['true', 'false'], {
        type: 'string',
        description: 'true for those that wait for an operator, false for all others.',
      }),
    ),
    needsAttention: Type.Optional(
      Type.Enum(['true', 'false'], {
        type: 'string',
        description: 'true for those that need attention, false for all others.',
      }),
    ),
    quarantined: Type.Optional(
      Type.Enum(['true', 'false'], {
        type: 'string',
        description: 'true for those in quarantine, false for all others.',
      }),
    ),
    participant: Type.Optional(ParticipantOrAddress),
    name: Type.Optional(text('What kind of transaction it is, to the letter.')),
    businessKey: Type.Optional(text("The initiator's own key, to the letter.")),
    beganAfter: Type.Optional(
      Type.String({
        format: 'date-time',
        description: 'Those that began then or later: an ISO 8601 instant with its zone, + written as %2B.',
        examples: ['2026-01-01T00:00:00Z'],
      }),
    ),
    ...pageQuery('transactions', 50),
  },
  {
    title: 'TransactionsQuery',
    additionalProperties: false,
    description: 'Which transactions to list: those that all of it applies to.',
  },
);
export type TransactionsQuery = Static<typeof TransactionsQuery>;

export const QuarantinedView = Type.Object(
  {
    gid: Gid,
    fault: Type.String({ description: 'What does not add up, for operators.' }),
    quarantinedAt: nullable(
      instant('When it was found; null where this list found it, and no one has read it since.'),
    ),
  },
  {
    title: 'QuarantinedView',
    additionalProperties: false,
    description:
      'A transaction in quarantine: its stored rows do not add up, and it cannot be shown as it stands.',
  },
);
export type QuarantinedView = Static<typeof QuarantinedView>;

export const TransactionsPage = Type.Object(
  {
    transactions: Type.Array(TransactionView, { description: 'The newest gid first.' }),
    quarantined: Type.Array(QuarantinedView, {
      description: 'Those of this page that are in quarantine, the newest gid first.',
    }),
    nextCursor: nullable(
      Type.String({
        description:
          'Names the next page, for the same query with it as cursor; null on the last page. A page may have fewer transactions than the limit, or none, and still name the next one: its search ended before all were searched.',
      }),
    ),
  },
  { title: 'TransactionsPage', additionalProperties: false, description: 'One page of a list.' },
);
export type TransactionsPage = Static<typeof TransactionsPage>;
