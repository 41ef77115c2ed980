/** Participants: services that take part under a name, called at the address that stands behind it at the time. */
import { type Static, Type } from 'typebox';
import { ParticipantName } from './vocabulary.ts';

const baseUrl = Type.String({
  // Printable ASCII; no user, query or fragment: paths are appended to it, and it is shown to everyone.
  pattern: '^https?://[!-~]+$',
  maxLength: 1024,
  description: 'The http or https address to which the paths are appended; no user, query or fragment.',
  examples: ['http://inventory.internal:8080/tcc'],
});

const paths = Type.Unsafe<Record<string, string>>({
  type: 'object',
  additionalProperties: false,
  maxProperties: 300,
  patternProperties: {
    '^[A-Za-z0-9_-]{1,64}/(?:try|confirm|cancel)$': {
      type: 'string',
      pattern: '^/[!-"$-~]*$',
      maxLength: 1024,
      description: 'An absolute path, appended to the base URL.',
    },
  },
  description: 'Paths that differ from /{activity}/{op}, by activity/op.',
  examples: [{ 'reserve/try': '/stock/reservations' }],
});

export const ParticipantRequest = Type.Object(
  { baseUrl, paths: Type.Optional(paths) },
  { additionalProperties: false, description: 'Where a participant is called.' },
);
export type ParticipantRequest = Static<typeof ParticipantRequest>;

/** Paths are not limited by the key's form when they are shown: what is stored is shown. */
const shownPaths = Type.Unsafe<Record<string, string>>({
  type: 'object',
  additionalProperties: { type: 'string' },
  description: 'Paths that differ from /{activity}/{op}, by activity/op.',
});

export const ParticipantView = Type.Object(
  { name: ParticipantName, baseUrl, paths: shownPaths },
  { additionalProperties: false, description: 'A registered participant.' },
);
export type ParticipantView = Static<typeof ParticipantView>;

export const ParticipantsView = Type.Object(
  { participants: Type.Array(ParticipantView, { description: 'By name.' }) },
  { additionalProperties: false, description: 'All registered participants.' },
);
export type ParticipantsView = Static<typeof ParticipantsView>;
