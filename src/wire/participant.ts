/** Participants: services that take part under a name, called at the address that stands behind it at the time. */
import { type Static, Type } from 'typebox';
import { nextCursor, pageQuery } from './page.ts';
import { count, Kind, nullable, ParticipantName, positive } from './vocabulary.ts';

const baseUrl = Type.String({
  // Printable ASCII; no user, query or fragment: paths are appended to it, and it is shown to everyone.
  pattern: '^https?://[!-~]+$',
  maxLength: 1024,
  description: 'The http or https address to which the paths are appended; no user, query or fragment.',
  examples: ['http://inventory.internal:8080/tcc'],
});

const baseUrls = Type.Array(baseUrl, {
  minItems: 1,
  maxItems: 16,
  uniqueItems: true,
  description: 'All addresses of the participant; calls go round those that answer.',
});

const paths = Type.Unsafe<Record<string, string>>({
  type: 'object',
  additionalProperties: false,
  maxProperties: 300,
  patternProperties: {
    '^[A-Za-z0-9_-]{1,64}/(?:try|confirm|cancel|action|compensate|notify)$': {
      type: 'string',
      pattern: '^/[!-"$-~]*$',
      maxLength: 1024,
      description: 'An absolute path, appended to the base URL.',
    },
  },
  description:
    'Paths that differ from /{activity}/{op}, by activity/op. When absent, those that are stored are kept; {} removes them.',
  examples: [{ 'reserve/try': '/stock/reservations' }],
});

const callTimeoutMs = positive('How long one call may take, in milliseconds.');

const MAX_CALLS = 10_000;

const callCount = (description: string) =>
  nullable(Type.Integer({ minimum: 1, maximum: MAX_CALLS, description }));

const maxConcurrentCalls = (end: string) =>
  callCount(
    `Concurrent calls that each replica of the coordinator makes at most; further ones are deferred. ${end}`,
  );

const maxCallsPerSecond = (end: string) =>
  callCount(
    'Calls per second that each replica of the coordinator makes at most; further ones are deferred. After a pause the ' +
      `calls of one second may be sent immediately. ${end}`,
  );

const activities = Type.Unsafe<Record<string, Kind>>({
  type: 'object',
  additionalProperties: false,
  maxProperties: 100,
  patternProperties: { '^[A-Za-z0-9_-]{1,64}$': Kind },
  description:
    'The kind of each activity. A transaction that uses one of them as another kind is refused when it begins. Activities ' +
    'that are not named are not compared. When absent, those that are stored are kept; {} removes them.',
  examples: [{ reserve: 'step', charge: 'pivot' }],
});

/** The coordinator says in clearer words than a pattern what is wrong with one, and never repeats it. */
const secrets = Type.Array(Type.String({ maxLength: 128, format: 'password', writeOnly: true }), {
  maxItems: 2,
  uniqueItems: true,
  writeOnly: true,
  description:
    'What its calls are signed with, by Standard Webhooks: up to two secrets, each whsec_ and the base64 of 24 to 64 ' +
    'bytes; two while one replaces the other. They are never shown. When absent, those that stand are kept; [] ' +
    'removes them, and calls are not signed.',
});

const WHEN_ABSENT = 'When absent, what is stored is kept; null removes it.';

/** Of `baseUrl` and `baseUrls` exactly one is given: the coordinator says so in clearer words than a schema can. */
export const ParticipantRequest = Type.Object(
  {
    baseUrl: Type.Optional(baseUrl),
    baseUrls: Type.Optional(baseUrls),
    paths: Type.Optional(paths),
    activities: Type.Optional(activities),
    callTimeoutMs: Type.Optional({
      ...nullable(callTimeoutMs),
      description:
        'How long one call may take, in milliseconds, for transactions that begin from now on. When absent, what is ' +
        'stored is kept; null removes it, and the default of the coordinator applies.',
    }),
    maxConcurrentCalls: Type.Optional(maxConcurrentCalls(WHEN_ABSENT)),
    maxCallsPerSecond: Type.Optional(maxCallsPerSecond(WHEN_ABSENT)),
    secrets: Type.Optional(secrets),
  },
  {
    title: 'ParticipantRequest',
    additionalProperties: false,
    description:
      'Where a participant is called: baseUrl for one address, or baseUrls for several; at most 16 KiB. What else is left ' +
      'out is kept as it is stored.',
  },
);
export type ParticipantRequest = Static<typeof ParticipantRequest>;

/** Paths are not limited by the key's form when they are shown: what is stored is shown. */
const shownPaths = Type.Unsafe<Record<string, string>>({
  type: 'object',
  additionalProperties: { type: 'string' },
  description: 'Paths that differ from /{activity}/{op}, by activity/op.',
});

/** What is stored is shown, whatever the form of its keys. */
const shownActivities = Type.Unsafe<Record<string, Kind>>({
  type: 'object',
  additionalProperties: Kind,
  description: 'The kind of each activity that the participant declared; empty when it declared none.',
});

export const ParticipantView = Type.Object(
  {
    name: ParticipantName,
    baseUrls,
    paths: shownPaths,
    activities: shownActivities,
    callTimeoutMs: {
      ...nullable(callTimeoutMs),
      description:
        'How long one call may take, in milliseconds, for transactions that begin from now on; null for the default of ' +
        'the coordinator.',
    },
    maxConcurrentCalls: maxConcurrentCalls('Null for the limit of the coordinator alone.'),
    maxCallsPerSecond: maxCallsPerSecond('Null for no limit.'),
    secretCount: count('How many secrets its calls are signed with; 0 when they are not signed.'),
  },
  { title: 'ParticipantView', additionalProperties: false, description: 'A registered participant.' },
);
export type ParticipantView = Static<typeof ParticipantView>;

/** Everything in a query is text. */
export const ParticipantsQuery = Type.Object(
  {
    ...pageQuery('participants', 50),
  },
  {
    title: 'ParticipantsQuery',
    additionalProperties: false,
    description: 'Which page of the participants to read.',
  },
);
export type ParticipantsQuery = Static<typeof ParticipantsQuery>;

export const ParticipantsView = Type.Object(
  {
    participants: Type.Array(ParticipantView, { description: 'By name.' }),
    nextCursor,
  },
  {
    title: 'ParticipantsView',
    additionalProperties: false,
    description: 'One page of the registered participants.',
  },
);
export type ParticipantsView = Static<typeof ParticipantsView>;

export const ParticipantRemovalQuery = Type.Object(
  {
    successor: Type.Optional({
      ...ParticipantName,
      description:
        'Another registered participant. While something waits for the one to remove, its name gets a copy of the ' +
        'registration of this one.',
    }),
  },
  {
    title: 'ParticipantRemovalQuery',
    additionalProperties: false,
    description: 'What happens to what waits for the participant.',
  },
);
export type ParticipantRemovalQuery = Static<typeof ParticipantRemovalQuery>;

export const ParticipantRemovalView = Type.Object(
  {
    participant: ParticipantName,
    isRemoved: Type.Boolean({ description: 'False while something waits for it.' }),
    successor: nullable({
      ...ParticipantName,
      description: 'Whose registration its name has, while something waits for it; null once it is removed.',
    }),
  },
  {
    title: 'ParticipantRemovalView',
    additionalProperties: false,
    description: 'What became of the removal of a participant.',
  },
);
export type ParticipantRemovalView = Static<typeof ParticipantRemovalView>;

export const ParticipantRetryView = Type.Object(
  {
    participant: ParticipantName,
    retriedCount: count('Transactions whose branches of this participant are due now, with a new budget.'),
  },
  {
    title: 'ParticipantRetryView',
    additionalProperties: false,
    description: 'What a retry of all that waits for a participant came to.',
  },
);
export type ParticipantRetryView = Static<typeof ParticipantRetryView>;
