/**
 * The path that a transaction has taken: what happened to it, oldest first. Beside the plan, which is the `step` of each
 * branch, it tells what became of it: the refusal that led to a cancel, the decision, and each compensation in the order in
 * which they were done.
 *
 * It is read off the journal, up to the very change after which the transaction is shown: so both agree.
 */
import { type Static, Type } from 'typebox';
import { AttemptView } from './journal-view.ts';
import { TransactionView } from './transaction-view.ts';
import {
  BranchId,
  CallOp,
  count,
  Decision,
  DecisionReason,
  instant,
  nullable,
  Status,
} from './vocabulary.ts';

const what = <Word extends string>(word: Word, description: string) =>
  Type.Enum([word], { type: 'string', description });

const closed = { additionalProperties: false } as const;

const Began = Type.Object(
  { what: what('began', 'The transaction began.'), at: instant('When it began.') },
  closed,
);

const Registered = Type.Object(
  {
    what: what('registered', 'The initiator registered a branch; in an interactive transaction only.'),
    at: instant('When it was registered.'),
    branchId: BranchId,
  },
  closed,
);

/** Bodies of errors are in the events alone. */
const { branchId: _branchId, op: _op, errorBody: _errorBody, ...attemptFields } = AttemptView.properties;
const PathAttempt = Type.Object(attemptFields, {
  ...closed,
  description: 'One call to the participant, as it went.',
});

const Called = Type.Object(
  {
    what: what('called', 'A participant was called: all calls of one op for one branch, as one entry.'),
    at: instant('When the last of these calls was answered, or given up.'),
    firstAt: instant('When the first of them was answered, or given up.'),
    branchId: nullable(BranchId),
    op: CallOp,
    attemptCount: count(
      'How many calls it were, those after a retry by hand and those answered 202 included; of a long row of the same answers only the ' +
        'newest 200 are known.',
    ),
    reply: attemptFields.reply,
    attempts: Type.Array(PathAttempt, { description: 'These calls, oldest first; the newest 20 of them.' }),
  },
  closed,
);

const PivotStarted = Type.Object(
  {
    what: what('pivot_started', 'All before the pivot had succeeded: from here on only its answer decided.'),
    at: instant('When it was started.'),
    branchId: BranchId,
  },
  closed,
);

const CancelAsked = Type.Object(
  {
    what: what(
      'cancel_asked',
      'Somebody asked to cancel while only the pivot could decide: it changed nothing.',
    ),
    at: instant('When it was first asked for.'),
  },
  closed,
);

const Decided = Type.Object(
  {
    what: what('decided', 'The decision was taken.'),
    at: instant('When it was taken.'),
    decision: Decision,
    reason: DecisionReason,
    branchId: nullable(BranchId),
    cause: nullable(
      Type.Object(AttemptView.properties, {
        ...closed,
        description: 'The call whose refusal led to the decision; null where none did.',
      }),
    ),
  },
  closed,
);

const Ended = Type.Object(
  {
    what: what(
      'ended',
      'The last branch answered. What is called later tells of the end, or undoes what came late.',
    ),
    at: instant('When it ended.'),
    status: Status,
  },
  closed,
);

export const PathEntry = Type.Union([Began, Registered, Called, PivotStarted, CancelAsked, Decided, Ended], {
  title: 'PathEntry',
  description: 'One thing that happened; `what` says which, and with it which fields there are.',
});
export type PathEntry = Static<typeof PathEntry>;

export const TransactionDetails = Type.Object(
  {
    ...TransactionView.properties,
    path: Type.Array(PathEntry, {
      description:
        'What has happened to it so far, oldest first; calls stand where the last of them was answered.',
    }),
  },
  {
    title: 'TransactionDetails',
    additionalProperties: false,
    description: 'A global transaction, as it is durable, and the path that it has taken.',
  },
);
export type TransactionDetails = Static<typeof TransactionDetails>;
