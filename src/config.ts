/**
 * The settings: read once from the environment, checked, frozen. Nothing else reads the environment.
 *
 * One schema gives each setting its type, default, unit and meaning. Its variable is TERCET_ and its name, so
 * `callTimeoutMs` is TERCET_CALL_TIMEOUT_MS. What is wrong is told all at once, and an unknown TERCET_… variable is wrong
 * too: it is a misspelt one.
 */
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

export const Settings = Type.Object({
  host: Type.String({
    default: '127.0.0.1',
    minLength: 1,
    description: 'The address to listen on. Any but a loopback address needs TERCET_ALLOW_ANONYMOUS=true.',
  }),
  port: Type.Integer({
    default: 8080,
    minimum: 0,
    maximum: 65_535,
    description: 'The port to listen on; 0 takes a free one.',
  }),
  allowAnonymous: Type.Boolean({
    default: false,
    description: 'Whether everyone who reaches the address may use the coordinator: true or false.',
  }),
  databaseUrl: Type.String({
    default: 'sqlite:./tercet.sqlite',
    pattern: '^(?:sqlite:.+|(?:mysql|mariadb)://.+)$',
    description: 'The database: sqlite:PATH, mysql://USER:PASSWORD@HOST:PORT/NAME or mariadb://….',
  }),
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
};

const schemas = Settings.properties as unknown as Readonly<Record<Name, SettingSchema>>;
const names = Object.keys(schemas) as Name[];

const variableOf = (name: Name): string =>
  `TERCET_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;

/** Each setting for the page that lists them. */
export const settingsTable = names.map((name) => ({
  variable: variableOf(name),
  default: String(schemas[name].default),
  description: schemas[name].description,
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

/** @throws UnusableConfig */
export function readConfig(environment: Environment = process.env): Config {
  const config = Object.fromEntries(names.map((name) => [name, settingOf(name, environment)])) as Config;
  const faults = [
    ...names.flatMap((name) => faultOf(name, config[name], environment)),
    ...contradictions(config),
    ...unknownVariables(environment),
  ];
  if (faults.length > 0) throw new UnusableConfig(faults);
  return Object.freeze(config);
}

/** The text as the type that its schema asks for; left as text where it is none of it. An empty one is unset. */
function settingOf(name: Name, environment: Environment): unknown {
  const { type, default: standard } = schemas[name];
  const text = environment[variableOf(name)]?.trim();
  if (text === undefined || text === '') return standard;
  if (type === 'integer' && /^\d{1,15}$/.test(text)) return Number(text);
  if (type === 'boolean' && /^(?:true|false)$/.test(text)) return text === 'true';
  return text;
}

function faultOf(name: Name, value: unknown, environment: Environment): string[] {
  const [error] = Value.Errors(schemas[name], value);
  if (error === undefined) return [];
  // An address of a database holds a password, which belongs in no log.
  const given = name === 'databaseUrl' ? '' : ` “${environment[variableOf(name)]}”`;
  const { description, default: standard } = schemas[name];
  return [`${variableOf(name)}${given} ${wantedOf(name)}. ${description} Default: ${standard}`];
}

function wantedOf(name: Name): string {
  const { type, minimum, maximum, enum: words } = schemas[name];
  if (words) return `must be one of ${words.join(', ')}`;
  if (type === 'integer') return `must be a whole number from ${minimum} to ${maximum}`;
  return type === 'boolean' ? 'must be true or false' : 'does not have the right form';
}

function unknownVariables(environment: Environment): string[] {
  const known = new Set(names.map(variableOf));
  return Object.keys(environment)
    .filter((variable) => variable.startsWith('TERCET_') && !known.has(variable) && !FOREIGN.test(variable))
    .map((variable) => `${variable} is no setting: correct its name or remove it`);
}

// ── Settings that contradict each other ──────────────────────────────────────────────────────────────────────

const ORDERED: readonly (readonly [Name, Name])[] = [
  ['defaultTimeoutMs', 'maxTimeoutMs'],
  ['retryFirstDelayMs', 'retryMaxDelayMs'],
  ['pollFirstDelayMs', 'pollMaxDelayMs'],
];

const LOOPBACK = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|\[::1\])$/i;

/** What did not become a number compares as false, and was told of already. */
function contradictions(config: Config): string[] {
  const faults = ORDERED.filter(([less, more]) => config[less] > config[more]).map(
    ([less, more]) =>
      `${variableOf(less)} (${config[less]}) must not be more than ${variableOf(more)} (${config[more]})`,
  );
  if (!config.allowAnonymous && !LOOPBACK.test(config.host))
    faults.push(
      `TERCET_HOST “${config.host}” can be reached from other machines, and callers are not yet asked who they are: ` +
        'listen on 127.0.0.1, or set TERCET_ALLOW_ANONYMOUS=true where the network lets only friends in',
    );
  return faults;
}
