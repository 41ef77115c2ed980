/** How participants are called, where a request has wishes of its own: for a whole transaction, or for one branch. */
import { Type } from 'typebox';
import { positive } from './vocabulary.ts';

const Retry = Type.Object(
  {
    firstDelayMs: Type.Optional(
      positive('The longest wait before the second call, in milliseconds; it doubles with each call.'),
    ),
    maxDelayMs: Type.Optional(positive('The longest wait before any call, in milliseconds.')),
    budgetMs: Type.Optional(
      positive(
        'Retry budget of what must succeed, in milliseconds: after it the branch is parked, and called about hourly.',
      ),
    ),
  },
  {
    additionalProperties: false,
    description: 'How calls are repeated whose outcome is unknown. What is absent is as without it.',
  },
);

/** Fields of the requests that begin a transaction and that name a branch. The nearest wish counts. */
export const callSettings = {
  callTimeoutMs: Type.Optional(
    positive(
      'How long one call may take, in milliseconds. When absent, as for the participant, the transaction or the ' +
        'coordinator.',
    ),
  ),
  retry: Type.Optional(Retry),
};
