/** A branch that is completed from outside: its participant reports how an op ended, before it is called again. */
import { type Static, Type } from 'typebox';
import { BranchId, Gid, Op, Status } from './vocabulary.ts';

/** In characters, on one line. */
export const MAX_REASON_LENGTH = 200;

const Completed = Type.Enum(['succeeded', 'refused'], { type: 'string', description: 'How the op ended.' });

/** One object and no union: validators then name the member at fault. */
export const CompletionRequest = Type.Object(
  {
    op: Op,
    reply: Completed,
    result: Type.Optional(
      Type.Unknown({
        description:
          'Only with succeeded: any JSON value, as the answer of the call would have it. Where later steps refer to it, it must ' +
          'have what they refer to, in at most 4096 bytes as JSON. Elsewhere it is not stored.',
      }),
    ),
    reason: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: MAX_REASON_LENGTH,
        pattern: '^[^\\p{Cc}\\p{Cs}\\u2028\\u2029]*$',
        description: `Only with refused: why, for operators. One line of 1 to ${MAX_REASON_LENGTH} characters.`,
      }),
    ),
  },
  {
    title: 'CompletionRequest',
    additionalProperties: false,
    description: 'Reports how an op of a branch ended.',
  },
);
export type CompletionRequest = Static<typeof CompletionRequest>;

/** Small on purpose: a signed URL must not show the transaction. */
export const CompletionView = Type.Object(
  { gid: Gid, branchId: BranchId, op: Op, reply: Completed, status: Status },
  {
    title: 'CompletionView',
    additionalProperties: false,
    description: 'The outcome of the op as it is durable, and the status of the transaction.',
  },
);
export type CompletionView = Static<typeof CompletionView>;
