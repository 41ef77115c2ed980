/**
 * The words of the wire: every literal that a request or an answer may hold, and the form of every name in it.
 *
 * They stand on their own. The coordinator's domain has the same words, and its compiler checks that they agree.
 */
import { type Static, type TSchema, Type } from 'typebox';

/** An enum that says its type, so that validators and serializers need not try each case. */
const words = <const Words extends string[]>(title: string, values: [...Words], description: string) =>
  Type.Enum(values, { type: 'string', title, description });

/** The same schema, or null. A union would be tried case by case on each answer; a list of types is not. */
export const nullable = <Schema extends TSchema & { type?: unknown; enum?: unknown }>(schema: Schema) =>
  Type.Unsafe<Static<Schema> | null>({
    ...schema,
    type: [schema.type, 'null'],
    ...(Array.isArray(schema.enum) && { enum: [...schema.enum, null] }),
  } as TSchema);

/** Names go into paths, headers and SQL: nothing in them ever needs quoting. */
const NAME = '^[A-Za-z0-9_-]{1,64}$';
/** Printable ASCII: no @ in its host, so no user; no query, no fragment, and no backslash, which parsers take for a slash. */
const ADDRESS = '^https?://[!"$-.0->A-[\\]-~]+(?:/[!"$->@-[\\]-~]*)?$';
/** What people read: no control characters, and no halves of surrogate pairs, which no database can store. */
const TEXT = '^[^\\p{Cc}\\p{Cs}]*$';

export const name = (description: string, title?: string) =>
  Type.String({
    ...(title !== undefined && { title }),
    pattern: NAME,
    description: `${description} One to 64 of A-Z a-z 0-9 _ -.`,
  });

export const text = (description: string) =>
  Type.String({
    minLength: 1,
    maxLength: 128,
    pattern: TEXT,
    description: `${description} 1 to 128 characters.`,
  });

export const instant = (description: string) =>
  Type.String({
    format: 'date-time',
    description: `${description} An ISO 8601 instant in UTC, to the millisecond.`,
  });

/** The longest time from the beginning of a transaction to its deadline: 366 days. */
export const MAX_TIMEOUT_MS = 366 * 86_400_000;

/** What fits into an integer of any database and any timer. */
export const positive = (description: string) =>
  Type.Integer({ minimum: 1, maximum: 2_147_483_647, description });

export const count = (description: string) => Type.Integer({ minimum: 0, description });

export const Gid = Type.String({
  title: 'Gid',
  pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$',
  description: 'The id of a global transaction: a UUIDv7 in lower case.',
  examples: ['0198c5a2-7b1e-7d40-9f3a-5e2b8c1d4f60'],
});

export const BranchId = name(
  'The id of a branch, named by the initiator, unique in its transaction.',
  'BranchId',
);
export const ParticipantName = name('The name under which the participant is registered.', 'ParticipantName');
export const ParticipantOrAddress = Type.String({
  title: 'ParticipantOrAddress',
  pattern: `${NAME}|${ADDRESS}`,
  maxLength: 1024,
  description:
    'The name under which the participant is registered; or its http or https address, without user, query and ' +
    'fragment, where the coordinator allows its host.',
  examples: ['inventory'],
});

export const Pattern = words(
  'Pattern',
  ['tcc', 'saga'],
  'The protocol that the transaction follows: try, confirm and cancel; or steps with action and compensate.',
);
export type Pattern = Static<typeof Pattern>;

export const Mode = words(
  'Mode',
  ['declared', 'interactive'],
  'Who calls the tries: the coordinator (declared), or the initiator (interactive). A saga is declared.',
);
export type Mode = Static<typeof Mode>;

export const Status = words(
  'Status',
  ['trying', 'confirming', 'confirmed', 'cancelling', 'cancelled'],
  'How far the transaction is: trying, then confirming and confirmed, or cancelling and cancelled.',
);
export type Status = Static<typeof Status>;

export const Op = words(
  'Op',
  ['try', 'confirm', 'cancel', 'action', 'compensate'],
  'What a participant is asked to do with its branch: try, confirm and cancel in a tcc, action and compensate in a saga.',
);
export type Op = Static<typeof Op>;

export const CallOp = words(
  'CallOp',
  ['try', 'confirm', 'cancel', 'action', 'compensate', 'notify'],
  'What a call was for: an op of a branch, or notify, which tells of the end.',
);
export type CallOp = Static<typeof CallOp>;

export const Kind = words(
  'Kind',
  ['tcc', 'step', 'step_uncompensated', 'pivot', 'final'],
  'What a branch is to its transaction: a branch of a tcc; a step that is compensated; a step before the pivot with nothing ' +
    'to undo; the pivot; or a step after it, which is retried until it succeeds.',
);
export type Kind = Static<typeof Kind>;

export const Decision = words('Decision', ['confirm', 'cancel'], 'Taken once, and never changed.');
export type Decision = Static<typeof Decision>;

export const DecisionReason = words(
  'DecisionReason',
  [
    'all_tries_succeeded',
    'confirm_requested',
    'try_refused',
    'all_actions_succeeded',
    'pivot_succeeded',
    'action_refused',
    'cancel_requested',
    'deadline_passed',
  ],
  'Why the decision is what it is.',
);
export type DecisionReason = Static<typeof DecisionReason>;

export const Reply = words(
  'Reply',
  ['succeeded', 'refused', 'unknown'],
  'What the last call came to; unknown is asked again. Null before the first answer.',
);
export type Reply = Static<typeof Reply>;
