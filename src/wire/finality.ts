/**
 * Which transactions are final: what a participant asks before it removes the records of its barrier.
 *
 * As long as a transaction is not final, another call of it may come, and the record of its branch has to answer it.
 */
import { type Static, Type } from 'typebox';
import { Gid, instant, nullable } from './vocabulary.ts';

export const FinalityRequest = Type.Object(
  {
    gids: Type.Array(Gid, {
      minItems: 1,
      maxItems: 500,
      uniqueItems: true,
      description: 'The transactions that are asked about.',
    }),
  },
  {
    title: 'FinalityRequest',
    additionalProperties: false,
    description: 'Asks which transactions are final.',
  },
);
export type FinalityRequest = Static<typeof FinalityRequest>;

const TransactionEndView = Type.Object(
  {
    gid: Gid,
    isFinal: Type.Boolean({
      description: 'True once it is finished and the coordinator owes no participant another call of it.',
    }),
    deadlineAt: instant('When it is cancelled if nothing was decided; a try that comes later is refused.'),
    finishedAt: nullable(instant('When the last branch answered; null until then.')),
  },
  { additionalProperties: false, description: 'Whether one transaction is final.' },
);

export const FinalityView = Type.Object(
  {
    now: instant("The time by the coordinator's clock, which all other instants are by."),
    retentionMs: Type.Integer({
      minimum: 1,
      description:
        'How long after their end finished transactions stay known, in milliseconds; then they are removed.',
    }),
    transactions: Type.Array(TransactionEndView, {
      description: 'By gid. Those that the coordinator does not have are left out: never begun, or removed.',
    }),
  },
  { title: 'FinalityView', additionalProperties: false, description: 'Which of the transactions are final.' },
);
export type FinalityView = Static<typeof FinalityView>;
