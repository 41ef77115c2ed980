/** What the alert webhook receives: an event of Standard Webhooks, signed, with one alert or more. */
import { type Static, Type } from 'typebox';
import { Gid, instant, nullable, Status } from './vocabulary.ts';

export const AlertView = Type.Object(
  {
    cause: Type.Enum(['needs_attention', 'callback_undelivered', 'compensation_failing'], {
      type: 'string',
      description:
        'needs_attention: a branch has waited too long for a required success. callback_undelivered: the callback has not ' +
        'been delivered for as long. compensation_failing: a cancel or compensate was called too often without success.',
    }),
    raisedAt: instant('When the alert was raised.'),
    gid: Gid,
    name: nullable(Type.String({ description: 'Name of the transaction; null without one.' })),
    status: Status,
    waitingSince: nullable(instant('Since when it waits; null if the wait has ended meanwhile.')),
    explanation: Type.String({ description: 'What the transaction waits for, in one sentence.' }),
    traceUrl: nullable(
      Type.String({ description: 'Link to its trace; null without TERCET_TRACE_URL_TEMPLATE.' }),
    ),
  },
  {
    title: 'AlertView',
    additionalProperties: false,
    description: 'One transaction that needs an operator, and why.',
  },
);
export type AlertView = Static<typeof AlertView>;

export const AlertPost = Type.Object(
  {
    type: Type.Literal('tercet.alerts'),
    timestamp: instant('When it was sent.'),
    data: Type.Object({ alerts: Type.Array(AlertView) }, { additionalProperties: false }),
  },
  {
    title: 'AlertPost',
    additionalProperties: false,
    description:
      'The body of a post to the alert webhook. Its webhook-id stays the same when it is repeated.',
  },
);
export type AlertPost = Static<typeof AlertPost>;
