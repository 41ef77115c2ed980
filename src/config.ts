/**
 * The settings: read once from the environment, checked, frozen. Nothing else reads the environment.
 *
 * One schema gives each setting its type, default, unit and meaning. Its variable is TERCET_ and its name, so
 * `callTimeoutMs` is TERCET_CALL_TIMEOUT_MS. A secret may stand in a file instead, named by its variable and _FILE. What
 * is wrong is told all at once, and an unknown TERCET_… variable is wrong too: it is a misspelt one.
 */
import { readFileSync } from 'node:fs';
import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';

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
    pattern: '^(?:rediss?://.+)?$',
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
  circuitFirstRestMs: durationMs(1000, 'The first rest of a failing participant; it doubles with each'),
  circuitMaxRestMs: durationMs(30_000, 'The longest rest of a failing participant'),
  maxActiveCount: Type.Integer({
    default: 10_000,
    minimum: 10,
    maximum: 1_000_000,
    description:
      'How many transactions this process carries out at once, in transactions; beginning more is answered 503.',
  }),
  commitTimeoutMs: durationMs(5000, 'How long a commit may take before another replica may look'),
  sweepIntervalMs: durationMs(1000, 'The pause between two looks for transactions that nobody carries on'),
  shutdownTimeoutMs: durationMs(10_000, 'How long a stopping process may finish what it does'),
});

export type Config = Readonly<Static<typeof Settings>>;

type Name = keyof Config;

type SettingSchema = TSchema & {
  readonly type: string;
  readonly default: unknown;
  readonly description: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly string[];
  readonly items?: TSchema;
  readonly isSecret?: boolean;
  readonly isFile?: boolean;
};

const schemas = Settings.properties as unknown as Readonly<Record<Name, SettingSchema>>;
const names = Object.keys(schemas) as Name[];

const variableOf = (name: Name): string =>
  `TERCET_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;

const fileVariableOf = (name: Name): string => `${variableOf(name)}_FILE`;

/** Each setting for the page that lists them. */
export const settingsTable = names.map((name) => ({
  variable: variableOf(name),
  default: String(schemas[name].default ?? ''),
  description: schemas[name].description,
  /** The variable that may name a file with the value instead; null where the value is no secret. */
  fileVariable: schemas[name].isSecret ? fileVariableOf(name) : null,
}));

/** Variables of tests and examples, which share the prefix and are none of ours. */
const FOREIGN = /^TERCET_(?:TEST_|SERVER_CACHE|DEMO_)/;

/** The settings cannot be used; `faults` has one line for each reason. */
export class UnusableConfig extends Error {
  override readonly name = 'UnusableConfig';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(['The settings cannot be used:', ...faults].join('\n- '));
    this.faults = faults;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/** A setting as it was found: its value, and what was wrong with the finding. */
type Found = { readonly value: unknown; readonly faults: readonly string[] };

/** @throws UnusableConfig */
export function readConfig(environment: Environment = process.env): Config {
  const found = names.map((name) => [name, settingOf(name, environment)] as const);
  const config = Object.fromEntries(found.map(([name, { value }]) => [name, value])) as Config;
  const faults = [
    ...found.flatMap(([name, { value, faults }]) =>
      faults.length > 0 ? faults : faultOf(name, value, environment),
    ),
    ...contradictions(config),
    ...unknownVariables(environment),
  ];
  if (faults.length > 0) throw new UnusableConfig(faults);
  return Object.freeze(config);
}

/** An empty variable is an unset one. */
function settingOf(name: Name, environment: Environment): Found {
  const text = environment[variableOf(name)]?.trim();
  const { isSecret, isFile } = schemas[name];
  if (isFile && text) return inFile(name, variableOf(name), text);
  const path = isSecret ? environment[fileVariableOf(name)]?.trim() : undefined;
  if (!path) return { value: typedValueOf(name, text), faults: [] };
  if (!text) return inFile(name, fileVariableOf(name), path);
  const fault = `${variableOf(name)} and ${fileVariableOf(name)} are both set: remove one of them`;
  return { value: schemas[name].default, faults: [fault] };
}

function inFile(name: Name, variable: string, path: string): Found {
  try {
    return { value: typedValueOf(name, readFileSync(path, 'utf8').trim()), faults: [] };
  } catch (error) {
    const fault = `${variable} “${path}” cannot be read: ${(error as Error).message}`;
    return { value: schemas[name].default, faults: [fault] };
  }
}

/** The text as the type that its schema asks for; left as text where it is none of it. */
function typedValueOf(name: Name, text: string | undefined): unknown {
  const { type, default: standard } = schemas[name];
  if (text === undefined || text === '') return standard;
  if (type === 'integer' && /^\d{1,15}$/.test(text)) return Number(text);
  if (type === 'boolean' && /^(?:true|false)$/.test(text)) return text === 'true';
  if (type === 'array') return text.split(/[\s,]+/).filter((part) => part !== '');
  return text;
}

function faultOf(name: Name, value: unknown, environment: Environment): string[] {
  const [error] = Value.Errors(schemas[name], value);
  if (error === undefined) return [];
  const { description, default: standard, isSecret } = schemas[name];
  const given = isSecret ? '' : ` “${environment[variableOf(name)]}”`;
  return [`${variableOf(name)}${given} ${wantedOf(name)}. ${description} Default: ${standard}`];
}

function wantedOf(name: Name): string {
  const { type, minimum, maximum, enum: words } = schemas[name];
  if (words) return `must be one of ${words.join(', ')}`;
  if (type === 'integer') return `must be a whole number from ${minimum} to ${maximum}`;
  return type === 'boolean' ? 'must be true or false' : 'does not have the right form';
}

function unknownVariables(environment: Environment): string[] {
  const secrets = names.filter((name) => schemas[name].isSecret);
  const known = new Set([...names.map(variableOf), ...secrets.map(fileVariableOf)]);
  return Object.keys(environment)
    .filter((variable) => variable.startsWith('TERCET_') && !known.has(variable) && !FOREIGN.test(variable))
    .map((variable) => `${variable} is no setting: correct its name or remove it`);
}

/** How the database is spoken to over TLS; null for not at all. */
export const databaseTlsOf = ({
  databaseTls,
  databaseCaFile,
}: Config): { readonly ca: string | null } | null =>
  databaseTls || databaseCaFile !== null ? { ca: databaseCaFile } : null;

// ── Settings that contradict each other ──────────────────────────────────────────────────────────────────────

type Duration = Extract<Name, `${string}Ms` | `${string}Budget`>;

const ORDERED: readonly (readonly [Duration, Duration])[] = [
  ['defaultTimeoutMs', 'maxTimeoutMs'],
  ['retryFirstDelayMs', 'retryMaxDelayMs'],
  ['pollFirstDelayMs', 'pollMaxDelayMs'],
  ['circuitFirstRestMs', 'circuitMaxRestMs'],
  ['callTimeoutMs', 'maxCallTimeoutMs'],
  ['retryMaxDelayMs', 'maxRetryDelayMs'],
  ['retryBudget', 'maxRetryBudget'],
];

const LOOPBACK = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|\[::1\])$/i;

/** What did not become a number compares as false, and was told of already. */
function contradictions(config: Config): string[] {
  const faults = ORDERED.filter(([less, more]) => config[less] > config[more]).map(
    ([less, more]) =>
      `${variableOf(less)} (${config[less]}) must not be more than ${variableOf(more)} (${config[more]})`,
  );
  const asksNobody = config.apiTokens.length === 0 && !config.allowAnonymous;
  if (asksNobody && !LOOPBACK.test(config.host))
    faults.push(
      `TERCET_HOST “${config.host}” can be reached from other machines, and nobody is asked who they are: set ` +
        'TERCET_API_TOKENS, or listen on 127.0.0.1, or set TERCET_ALLOW_ANONYMOUS=true where the network lets only friends in',
    );
  if (config.apiTokens.length > 0 && config.allowAnonymous)
    faults.push(
      'TERCET_API_TOKENS and TERCET_ALLOW_ANONYMOUS=true contradict each other: remove one of them',
    );
  return faults;
}
