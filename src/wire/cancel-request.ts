/** The body of a cancel: none, or the note of who cancels. */
import { type Static, Type } from 'typebox';
import { nullable } from './vocabulary.ts';

/** In characters, as the coordinator stores it. */
export const MAX_NOTE_LENGTH = 500;

export const CancelRequest = nullable(
  Type.Object(
    {
      note: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: MAX_NOTE_LENGTH,
          description:
            'Why it is cancelled, for operators: stored with the decision, and shown in its explanation. Not sent to participants.',
        }),
      ),
    },
    { title: 'CancelRequest', additionalProperties: false, description: 'Asks to cancel.' },
  ),
);
export type CancelRequest = Static<typeof CancelRequest>;
