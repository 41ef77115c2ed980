/**
 * The history of a transaction: its journal rows, oldest first. Each row is one durable change, told in the words of
 * the transaction view: the fields that changed, with the values that they changed to; and the calls that led to it.
 */
import { type Static, Type } from 'typebox';
import { nextCursor, pageQuery } from './page.ts';
import { BranchView, TransactionView } from './transaction-view.ts';
import { BranchId, CallOp, count, Gid, instant, nullable } from './vocabulary.ts';

const TransactionChanges = Type.Partial(
  Type.Pick(TransactionView, [
    'pattern',
    'mode',
    'name',
    'businessKey',
    'status',
    'decision',
    'beganAt',
    'deadlineAt',
    'finishedAt',
    'pivotStartedAt',
    'cancelAskedAt',
    'callback',
    'traceId',
  ]),
  { additionalProperties: false, description: 'Fields of the transaction that have a new value.' },
);

const { branchId: _branchId, ...branchFields } = BranchView.properties;

const BranchChanges = Type.Object(
  { branchId: BranchId, ...Type.Partial(Type.Object(branchFields)).properties },
  { additionalProperties: false, description: 'A branch, and its fields that have a new value.' },
);

export const AttemptView = Type.Object(
  {
    branchId: nullable(BranchId),
    op: CallOp,
    at: instant('When its answer came, or was given up.'),
    durationMs: count('How long it took, in milliseconds.'),
    httpStatus: nullable(
      Type.Integer({ description: 'The status of the answer; null when no complete one came.' }),
    ),
    reply: Type.Enum(['succeeded', 'refused', 'ongoing', 'unknown'], {
      type: 'string',
      description: 'What the call came to; after ongoing and unknown the participant is asked again.',
    }),
    error: nullable(
      Type.String({
        description:
          'What came instead of a complete answer, what it lacks, or why it refuses, in words; null when there is nothing to add.',
      }),
    ),
    isCompletion: Type.Optional(
      Type.Boolean({
        description:
          'True where the op was completed from outside instead of by an answer; absent for a call.',
      }),
    ),
    errorBody: Type.Optional(
      Type.String({
        description:
          'The first 1024 bytes of the body of a 5xx; absent unless the coordinator keeps them (TERCET_KEEP_ERROR_BODIES), ' +
          'and where it is no UTF-8.',
      }),
    ),
  },
  {
    title: 'AttemptView',
    additionalProperties: false,
    description: 'One call to a participant, as it went, or its completion from outside.',
  },
);
export type AttemptView = Static<typeof AttemptView>;

export const EventView = Type.Object(
  {
    seq: Type.Integer({ minimum: 1, description: 'The number of the row, from 1 without gaps.' }),
    at: instant('When the change was made.'),
    writer: Type.String({ description: 'The run of the replica that wrote it.' }),
    changes: Type.Object(
      {
        transaction: Type.Optional(TransactionChanges),
        branches: Type.Optional(Type.Array(BranchChanges, { description: 'In the order of registration.' })),
      },
      { additionalProperties: false, description: 'What changed, and to which values.' },
    ),
    attempts: Type.Array(AttemptView, {
      description: 'The calls that led to the change, by the time of their answers; the newest 200 of them.',
    }),
  },
  { title: 'EventView', additionalProperties: false, description: 'One journal row.' },
);
export type EventView = Static<typeof EventView>;

/** Everything in a query is text. */
export const EventsQuery = Type.Object(
  {
    ...pageQuery('rows', 200),
  },
  { title: 'EventsQuery', additionalProperties: false, description: 'Which page of the journal to read.' },
);
export type EventsQuery = Static<typeof EventsQuery>;

export const EventsView = Type.Object(
  {
    gid: Gid,
    events: Type.Array(EventView, { description: 'Oldest first.' }),
    nextCursor,
  },
  {
    title: 'EventsView',
    additionalProperties: false,
    description: 'One page of the journal of a transaction.',
  },
);
export type EventsView = Static<typeof EventsView>;
