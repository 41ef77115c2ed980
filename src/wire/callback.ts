/**
 * Who hears of the end of a transaction: a registered participant, by POST {baseUrl}/{activity}/notify, signed as its other
 * calls are, until it answers with a 2xx. It may hear twice.
 */
import { type Static, Type } from 'typebox';
import {
  Decision,
  DecisionReason,
  Gid,
  instant,
  name,
  nullable,
  ParticipantName,
  Pattern,
} from './vocabulary.ts';

export const CallbackRequest = Type.Object(
  {
    participant: ParticipantName,
    activity: name('A part of the called path, as for a branch.'),
  },
  {
    title: 'CallbackRequest',
    additionalProperties: false,
    description:
      'Who is to hear of the end: POST {baseUrl}/{activity}/notify, repeated until it is answered with a 2xx.',
  },
);
export type CallbackRequest = Static<typeof CallbackRequest>;

/** The body of the call. */
export const EndingNotice = Type.Object(
  {
    gid: Gid,
    pattern: Pattern,
    name: nullable(Type.String({ description: 'As given at the beginning; null when none was.' })),
    businessKey: nullable(Type.String({ description: 'As given at the beginning; null when none was.' })),
    status: Type.Enum(['confirmed', 'cancelled'], { type: 'string', description: 'How it ended.' }),
    decision: Decision,
    reason: DecisionReason,
    beganAt: instant('When the transaction began.'),
    finishedAt: instant('When the last branch answered.'),
  },
  { title: 'EndingNotice', additionalProperties: false, description: 'How a transaction ended.' },
);
export type EndingNotice = Static<typeof EndingNotice>;
