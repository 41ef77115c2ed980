/**
 * The settings as one schema: each with its type, default, unit and meaning. `environment.ts` reads them from the environment;
 * the README's table of them follows this schema.
 */
import { type Static, type TSchema, Type } from 'typebox';
import { DEFAULT_POLL_BUDGET_MS, DEFAULT_RETRY_BUDGET_MS } from './domain/index.ts';

/** Beyond this a JavaScript timer fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Transactions may wait for people. Timers of such lengths are chains of timers. */
const MAX_TRANSACTION_MS = 366 * 86_400_000;

/** @param minimumMs 0 where 0 leaves it out */
const durationMs = (defaultMs: number, description: string, minimumMs = 1, maximumMs = MAX_TIMER_MS) =>
  Type.Integer({
    default: defaultMs,
    minimum: minimumMs,
    maximum: maximumMs,
    description: `${description}, in milliseconds.`,
  });

/** The form of Standard Webhooks. */
const WEBHOOK_SECRET = '^whsec_[A-Za-z0-9+/]+={0,2}$';

const REDIS_HOST = '(?:\\[[0-9A-Fa-f:.]+\\]|[^/?#@,:\\[\\]\\s]+)(?::\\d{1,5})?';
const REDIS_LOGIN = '(?:[^/?#@\\s]*@)?';
const REDIS_HOSTS = `${REDIS_HOST}(?:,${REDIS_HOST})*`;

/** One server, the nodes of a cluster, or sentinels and their name of the primary. */
const REDIS_URL_PATTERN =
  `^(?:rediss?://[^/?#,]+(?:/\\d{0,4})?|rediss?\\+cluster://${REDIS_LOGIN}${REDIS_HOSTS}/?|` +
  `rediss?\\+sentinel://${REDIS_LOGIN}${REDIS_HOSTS}/[A-Za-z0-9._-]+(?:/\\d{0,4})?(?:\\?sentinelPassword=[^&#\\s]+)?)?$`;

/** A secret is never repeated, not even in the message that refuses it; it may stand in a file. */
const secret = (description: string) => ({ isSecret: true, description });

const list = (item: TSchema, description: string, rest: object = {}) =>
  Type.Unsafe<readonly string[]>({ type: 'array', items: item, default: [], description, ...rest });

/** The setting names a file; its value is what the file holds, null when it names none. */
const pemFile = (description: string, pattern = '-----BEGIN CERTIFICATE-----') =>
  Type.Unsafe<string | null>({
    type: ['string', 'null'],
    default: null,
    pattern,
    isFile: true,
    description: `${description}: the path of a PEM file.`,
  });

/** An entry of `allowed-hosts.ts`. */
const HOST_ENTRY = Type.String({
  pattern: '^(?:\\*\\.)?[A-Za-z0-9.-]+(?::\\d{1,5})?$|^\\[[0-9A-Fa-f:.]+\\](?::\\d{1,5})?$',
});

export const Settings = Type.Object({
  host: Type.String({
    default: '127.0.0.1',
    minLength: 1,
    description:
      'Address to listen on. Any other than a loopback address requires TERCET_API_TOKENS, or TERCET_ALLOW_ANONYMOUS=true.',
  }),
  port: Type.Integer({
    default: 8080,
    minimum: 0,
    maximum: 65_535,
    description: 'Port to listen on; 0 picks a free one.',
  }),
  hostNames: list(
    Type.String({ pattern: '^[A-Za-z0-9.-]+$|^\\[[0-9A-Fa-f:.]+\\]$' }),
    'Names in the Host header that a listener on a loopback address serves next to localhost, 127.0.0.1, [::1] and the host of ' +
      'TERCET_PUBLIC_URL, separated by commas, without ports. Requests for others are refused.',
  ),
  tlsCertFile: pemFile(
    'Certificate of the listener, followed by intermediate ones. With it and TERCET_TLS_KEY_FILE the listener serves HTTPS',
  ),
  tlsKeyFile: pemFile(
    'Private key of the certificate, without a passphrase',
    '-----BEGIN (?:[A-Z]+ )?(?<!ENCRYPTED )PRIVATE KEY-----',
  ),
  apiTokens: list(
    Type.String({ pattern: '^[!-+\\--~]{16,}$' }),
    'Accepted API tokens, each of 16 or more printable characters, separated by commas or line breaks. Each request ' +
      'sends one as Authorization: Bearer TOKEN.',
    { isSecret: true },
  ),
  allowAnonymous: Type.Boolean({
    default: false,
    description: 'Accept requests without a token on any address: true or false. On a trusted network only.',
  }),
  databaseUrl: Type.String({
    default: 'sqlite:./tercet.sqlite',
    pattern: '^(?:sqlite:.+|(?:mysql|mariadb)://[^/?#]+/[^/?#]+)$',
    ...secret(
      'Database URL: sqlite:PATH, mysql://USER:PASSWORD@HOST:PORT/NAME or mariadb://…. It takes no parameters: TERCET_DATABASE_TLS sets TLS.',
    ),
  }),
  databaseTls: Type.Boolean({
    default: false,
    description: 'Connect to MySQL or MariaDB over TLS and verify its certificate: true or false.',
  }),
  databaseCaFile: pemFile('Additional CA certificates for the TLS connection to the database'),
  databaseWaitMs: durationMs(
    60_000,
    'How long start and `npm run migrate` wait for a database that cannot be reached yet',
    0,
  ),
  tablePrefix: Type.String({
    default: '',
    pattern: '^[A-Za-z0-9_]{0,20}$',
    description:
      'Prefix of the names of all tables: up to 20 letters, digits and underscores. Coordinators that share a database, but are ' +
      'not replicas of one system, need different prefixes. One next to tables of an application needs one too.',
  }),
  redisUrl: Type.String({
    default: '',
    pattern: REDIS_URL_PATTERN,
    ...secret(
      'Redis URL of the wake-up queue: redis://USER:PASSWORD@HOST:PORT/NUMBER, ' +
        'redis+cluster://USER:PASSWORD@HOST:PORT,HOST:PORT or redis+sentinel://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME; ' +
        'rediss for TLS. Without it, each replica uses timers of its own process.',
    ),
  }),
  redisCaFile: pemFile('Additional CA certificates for the TLS connection to Redis'),
  redisPrefix: Type.String({
    default: 'tercet',
    pattern: '^[A-Za-z0-9_-]{1,64}$',
    description: 'Prefix of the keys in Redis. Coordinators on different databases need different prefixes.',
  }),
  participantCaFile: pemFile('Additional CA certificates for TLS connections to participants'),
  participantCredentialsFile: Type.String({
    default: '',
    description:
      'Path of a JSON file with what calls of participants carry: headers, bearer tokens and client certificates from files, ' +
      'by the name of the participant. It and its files are read again while the process runs.',
  }),
  allowedHosts: list(
    HOST_ENTRY,
    'Hosts that a branch may name by URL instead of a registered participant: HOST, HOST:PORT or *.DOMAIN, separated ' +
      'by commas. Through a proxy, registered participants are called on these hosts only.',
  ),
  httpProxy: Type.String({
    default: '',
    pattern: '^(?:https?://[^\\s/?#]+/?)?$',
    ...secret(
      'Proxy for calls to participants: http://USER:PASSWORD@HOST:PORT or https://…. Requires TERCET_ALLOWED_HOSTS, ' +
        'since forbidden addresses cannot be noticed through a proxy.',
    ),
  }),
  noProxy: list(
    HOST_ENTRY,
    'Hosts that are called without the proxy: HOST, HOST:PORT or *.DOMAIN, separated by commas.',
  ),
  traceUrlTemplate: Type.String({
    default: '',
    pattern: '^(?:https?://\\S*\\{traceId\\}\\S*)?$',
    description:
      'Link to a trace, shown with each transaction: an http or https URL that contains {traceId}.',
  }),
  logLevel: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    type: 'string',
    default: 'info',
    description: 'Minimum level of log lines; debug and trace also log each request.',
  }),
  defaultTimeoutMs: durationMs(30_000, 'Default transaction timeout: how long it may stay undecided'),
  maxTimeoutMs: durationMs(
    86_400_000,
    'Maximum transaction timeout that a request may set; up to 366 days',
    1,
    MAX_TRANSACTION_MS,
  ),
  callTimeoutMs: durationMs(5000, 'Timeout of one call to a participant, including the connection'),
  retryFirstDelayMs: durationMs(200, 'Maximum delay before the first retry; it doubles with each retry'),
  retryMaxDelayMs: durationMs(30_000, 'Maximum delay before any retry'),
  retryBudgetMs: durationMs(
    DEFAULT_RETRY_BUDGET_MS,
    'Retry budget of a branch whose call must succeed. Once unanswered attempts have spent it, the branch is parked',
  ),
  pollFirstDelayMs: durationMs(
    500,
    'Maximum delay before the first poll after a 202 or 425; it doubles with each poll',
  ),
  pollMaxDelayMs: durationMs(10_000, 'Maximum delay between polls'),
  pollBudgetMs: durationMs(
    DEFAULT_POLL_BUDGET_MS,
    'Poll budget: how long a branch may stay accepted (202 or 425) before it is parked; up to 366 days',
    1,
    MAX_TRANSACTION_MS,
  ),
  maxRetryAfterMs: durationMs(300_000, 'Maximum Retry-After of a participant that is honoured'),
  maxCallTimeoutMs: durationMs(60_000, 'Maximum call timeout that a request may set'),
  maxRetryDelayMs: durationMs(3_600_000, 'Maximum retry delay that a request may set'),
  maxRetryBudgetMs: durationMs(7 * 86_400_000, 'Maximum retry budget that a request may set'),
  participantConcurrency: Type.Integer({
    default: 256,
    minimum: 1,
    maximum: 10_000,
    description: 'Concurrent calls to one participant from this process, in calls.',
  }),
  circuitFailureCount: Type.Integer({
    default: 10,
    minimum: 1,
    maximum: 10_000,
    description: 'Consecutive failures that open the circuit breaker of a participant, in calls.',
  }),
  circuitFirstOpenMs: durationMs(
    1000,
    'How long a circuit breaker first stays open; it doubles each time it reopens',
  ),
  circuitMaxOpenMs: durationMs(30_000, 'Maximum time that a circuit breaker stays open'),
  keepErrorBodies: Type.Boolean({
    default: false,
    description:
      'Keep the first 1024 bytes of 5xx bodies of participants in the journal, for the events view: true or false. They may have personal data.',
  }),
  maxActiveTransactions: Type.Integer({
    default: 10_000,
    minimum: 10,
    maximum: 1_000_000,
    description:
      'Transactions that this process drives concurrently, in transactions; further begins are answered 503.',
  }),
  commitTimeoutMs: durationMs(
    5000,
    'Commit timeout; part of the delay after which another replica takes over',
  ),
  retentionDays: Type.Integer({
    default: 30,
    minimum: 1,
    maximum: 3650,
    description: 'Retention of finished transactions before they are removed, in days.',
  }),
  attentionAfterMs: durationMs(
    600_000,
    'Wait for a required success (confirm, cancel, compensate, pivot, later step, callback) after which a transaction needs attention',
  ),
  alertWebhookUrl: Type.String({
    default: '',
    pattern: '^(?:https?://[^\\s/?#@]+(?:[/?]\\S*)?)?$',
    ...secret('URL of the alert webhook: http or https. Without it, no alerts are sent.'),
  }),
  alertWebhookSecrets: list(
    Type.String({ pattern: WEBHOOK_SECRET }),
    'Secrets that sign each post to the alert webhook: whsec_ and base64, two at most, for rotation.',
    { isSecret: true, maxItems: 2 },
  ),
  publicUrl: Type.String({
    default: '',
    pattern: '^(?:https?://[!"$-.0->A-[\\]-~]+(?:/[!"$->@-[\\]-~]*)?)?$',
    description:
      'Where participants and webhooks reach this coordinator: an http or https URL without query. With it, each call carries a ' +
      'signed completion URL. Requires TERCET_COMPLETION_SECRETS.',
  }),
  completionSecrets: list(
    Type.String({ pattern: WEBHOOK_SECRET }),
    'Secrets of completion URLs: whsec_ and base64, two at most, for rotation. The first signs, each is accepted.',
    { isSecret: true, maxItems: 2 },
  ),
  alertAfterAttempts: Type.Integer({
    default: 5,
    minimum: 1,
    maximum: 1_000_000,
    description: 'Calls of a cancel or compensate without success after which an alert is sent, in calls.',
  }),
  sweepIntervalMs: durationMs(1000, 'Interval of the recovery scan for overdue transactions'),
  keepAliveTimeoutMs: durationMs(
    620_000,
    'How long an idle client connection is kept open; longer than load balancers keep theirs',
  ),
  drainMs: durationMs(
    0,
    'Drain after SIGTERM: how long requests are still served while /readyz answers 503',
    0,
  ),
  shutdownTimeoutMs: durationMs(10_000, 'Time that a stopping process has to finish its work'),
});

export type Settings = Readonly<Static<typeof Settings>>;
