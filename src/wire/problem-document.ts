/** How every error is told: an RFC 9457 problem document, `application/problem+json`, with a stable `code`. */
import { type Static, Type } from 'typebox';
import { Decision } from './vocabulary.ts';

const Fault = Type.Object(
  {
    pointer: Type.Optional(
      Type.String({
        description: 'The place in the body, as a JSON pointer in a URI fragment: #/branches/0.',
      }),
    ),
    header: Type.Optional(Type.String({ description: 'The request header that is at fault.' })),
    parameter: Type.Optional(
      Type.String({ description: 'The part of the path or of the query that is at fault.' }),
    ),
    detail: Type.String({ description: 'What is wrong there.' }),
  },
  { additionalProperties: false, description: 'One place of the request that is at fault.' },
);
export type Fault = Static<typeof Fault>;

export const ProblemDocument = Type.Object(
  {
    type: Type.String({ description: 'A URI that names the kind of the problem; it ends in the code.' }),
    title: Type.String({ description: 'The kind of the problem in words, always the same for a code.' }),
    status: Type.Integer({ description: 'The HTTP status.' }),
    detail: Type.String({ description: 'What is wrong this time, and what to do.' }),
    code: Type.String({ description: 'The stable name of the problem; docs/errors.md lists them all.' }),
    errors: Type.Optional(Type.Array(Fault, { description: 'The places at fault, where there are some.' })),
    decision: Type.Optional(Decision),
    traceId: Type.Optional(
      Type.String({
        description: 'The W3C trace id of the request; absent when it carried none and is not traced.',
      }),
    ),
  },
  { title: 'ProblemDocument', additionalProperties: false, description: 'An error, by RFC 9457.' },
);
export type ProblemDocument = Static<typeof ProblemDocument>;
