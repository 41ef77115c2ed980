/**
 * The settings as one schema: each with its type, default, unit and meaning. `config.ts` reads them from the environment, and the
 * README's table of them is made from here.
 */
import { type Static, type TSchema, Type } from 'typebox';

/** Beyond this a JavaScript timer fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const durationMs = (defaultMs: number, description: string) =>
  Type.Integer({
    default: defaultMs,
    minimum: 1,
    maximum: MAX_TIMER_MS,
    description: `${description}, in milliseconds.`,
  });

const budget = (defaultCount: number, description: string) =>
  Type.Integer({ default: defaultCount, minimum: 1, maximum: 1_000_000, description });

/** A secret is never repeated, not even in the message that refuses it; it may stand in a file. */
const secret = (description: string) => ({ isSecret: true, description });

const list = (item: TSchema, description: string, rest: object = {}) =>
  Type.Unsafe<readonly string[]>({ type: 'array', items: item, default: [], description, ...rest });

/** The setting names a file; its value is what the file holds, null when it names none. */
const pemFile = (description: string) =>
  Type.Unsafe<string | null>({
    type: ['string', 'null'],
    default: null,
    pattern: '-----BEGIN CERTIFICATE-----',
    isFile: true,
    description: `${description}: the path of a PEM file.`,
  });

export const Settings = Type.Object({
  host: Type.String({
    default: '127.0.0.1',
    minLength: 1,
    description:
      'The address to listen on. Any but a loopback address needs TERCET_API_TOKENS, or TERCET_ALLOW_ANONYMOUS=true.',
  }),
  port: Type.Integer({
    default: 8080,
    minimum: 0,
    maximum: 65_535,
    description: 'The port to listen on; 0 takes a free one.',
  }),
  apiTokens: list(
    Type.String({ pattern: '^[!-+\\--~]{16,}$' }),
    'Who may use the coordinator: tokens of 16 or more printable characters, separated by commas or line breaks, ' +
      'one of which each request brings as Authorization: Bearer TOKEN.',
    { isSecret: true },
  ),
  allowAnonymous: Type.Boolean({
    default: false,
    description: 'Whether everyone who reaches the address may use the coordinator: true or false.',
  }),
  databaseUrl: Type.String({
    default: 'sqlite:./tercet.sqlite',
    pattern: '^(?:sqlite:.+|(?:mysql|mariadb)://[^/?#]+/[^/?#]+)$',
    ...secret('The database: sqlite:PATH, mysql://USER:PASSWORD@HOST:PORT/NAME or mariadb://….'),
  }),
  databaseTls: Type.Boolean({
    default: false,
    description: 'Whether MySQL or MariaDB is spoken to by TLS, its certificate checked: true or false.',
  }),
  databaseCaFile: pemFile('Whom to trust for the certificate of the database, beside the usual authorities'),
  redisUrl: Type.String({
    default: '',
    pattern: '^(?:rediss?://[^/?#]+(?:/\\d{0,4})?)?$',
    ...secret(
      'The Redis that wakes transactions: redis://USER:PASSWORD@HOST:PORT/NUMBER, or rediss://… for TLS. Without one ' +
        'each replica wakes its own.',
    ),
  }),
  redisCaFile: pemFile('Whom to trust for the certificate of Redis, beside the usual authorities'),
  redisPrefix: Type.String({
    default: 'tercet',
    pattern: '^[A-Za-z0-9_-]{1,64}$',
    description: 'What the keys in Redis begin with: one for each database of transactions.',
  }),
  participantCaFile: pemFile(
    'Whom to trust for the certificates of participants, beside the usual authorities',
  ),
  allowedHosts: list(
    Type.String({
      pattern: '^(?:\\*\\.)?[A-Za-z0-9.-]+(?::\\d{1,5})?$|^\\[[0-9A-Fa-f:.]+\\](?::\\d{1,5})?$',
    }),
    'The hosts that a branch may name by an address in place of a registered participant: HOST, HOST:PORT or ' +
      '*.DOMAIN, separated by commas.',
  ),
  logLevel: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    type: 'string',
    default: 'info',
    description: 'The least severity that is logged; debug and trace also log each request.',
  }),
  defaultTimeoutMs: durationMs(30_000, 'The time to decide of a transaction that names none'),
  maxTimeoutMs: durationMs(86_400_000, 'The longest time to decide that a transaction may name'),
  callTimeoutMs: durationMs(5000, 'How long one call of a participant may take, connecting included'),
  retryFirstDelayMs: durationMs(200, 'The longest delay before a first retry; it doubles with each'),
  retryMaxDelayMs: durationMs(30_000, 'The longest delay before any retry'),
  retryBudget: budget(15, 'How many calls of a branch may go unanswered before it is parked, in calls.'),
  pollFirstDelayMs: durationMs(
    500,
    'The longest delay before asking again after a first 202 or 425; it doubles',
  ),
  pollMaxDelayMs: durationMs(10_000, 'The longest delay between two such questions'),
  pollBudget: budget(100, 'How often a branch may answer 202 or 425 before it is parked, in answers.'),
  maxRetryAfterMs: durationMs(300_000, 'The longest Retry-After of a participant that is honoured'),
  maxCallTimeoutMs: durationMs(60_000, 'The longest time for one call that a request may name'),
  maxRetryDelayMs: durationMs(3_600_000, 'The longest delay between retries that a request may name'),
  maxRetryBudget: budget(1000, 'The largest retry budget that a request may name, in calls.'),
  participantConcurrency: Type.Integer({
    default: 256,
    minimum: 1,
    maximum: 10_000,
    description: 'How many calls of one participant may be under way at once from this process, in calls.',
  }),
  circuitFailureCount: Type.Integer({
    default: 10,
    minimum: 1,
    maximum: 10_000,
    description: 'After how many failed calls in a row a participant is given a rest, in calls.',
  }),
  circuitFirstOpenMs: durationMs(1000, 'The first rest of a failing participant; it doubles with each'),
  circuitMaxOpenMs: durationMs(30_000, 'The longest rest of a failing participant'),
  maxActiveTransactions: Type.Integer({
    default: 10_000,
    minimum: 10,
    maximum: 1_000_000,
    description:
      'How many transactions this process carries out at once, in transactions; beginning more is answered 503.',
  }),
  commitTimeoutMs: durationMs(5000, 'How long a commit may take before another replica may look'),
  retentionDays: Type.Integer({
    default: 30,
    minimum: 1,
    maximum: 3650,
    description: 'How long finished transactions stay, in days; then they are removed.',
  }),
  sweepIntervalMs: durationMs(1000, 'The pause between two looks for transactions that nobody carries on'),
  shutdownTimeoutMs: durationMs(10_000, 'How long a stopping process may finish what it does'),
});

export type Config = Readonly<Static<typeof Settings>>;
