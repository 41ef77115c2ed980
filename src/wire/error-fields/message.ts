/** What is kept of an error's message: nothing that may be a value of the program. */
import { framesOf, isThrownByPlatform, packageOf, type Thrown } from './frames.ts';

export const WITHHELD = 'message withheld: it may carry values';

const MAX_MESSAGE_LENGTH = 500;

export const SQL_STATE = /^[0-9A-Z]{5}$/;
export const matching = (pattern: RegExp, value: unknown): string | undefined =>
  typeof value === 'string' && pattern.test(value) ? value : undefined;
export const isCode = (code: unknown): code is string | number =>
  typeof code === 'number' || matching(/^[A-Z][A-Z0-9_]{1,63}$/, code) !== undefined;

export function messageOf(error: Thrown): string {
  const { message: given, syscall, driverError } = error;
  // TypeORM repeats its driver's message.
  if (typeof driverError === 'object' && driverError !== null) return messageOfDriver(driverError);
  if (typeof given !== 'string') return WITHHELD;
  const ofDatabase = messageOfDatabase(error, given) ?? messageOfRedis(error, given);
  if (ofDatabase !== null) return ofDatabase;
  const message = withoutStatement(given);
  if (isOfClass(error, SAYS_VALUES) || quotesInput(error, message)) return WITHHELD;
  if (typeof syscall === 'string') return messageOfSystem(error, message, syscall);
  return isOfUnknownPackage(error) && !FAILED_REQUEST.test(message)
    ? WITHHELD
    : shortened(withoutValues(message));
}

/**
 * Packages whose messages were looked through: values in them stand in quotes, or are cut by the rules below. The words of any
 * other package may hold a value anywhere, so that only a scope stands for all of its packages: anyone may publish a `redis-lock`.
 */
const LOOKED_THROUGH = new RegExp(
  `^(?:${[
    ...['@tercet/sdk', 'mysql2', 'better-sqlite3', 'typeorm', 'undici', 'typebox'],
    'pg(?:-(?:cloudflare|connection-string|cursor|int8|native|pool|protocol|query-stream|types))?',
    ...[
      'ioredis',
      '@ioredis/.*',
      'redis-(?:errors|parser)',
      'bullmq',
      'fastify',
      '@fastify/.*',
      'avvio',
      'find-my-way',
    ],
    ...['light-my-request', 'pino', 'prom-client', 'close-with-grace', 'env-schema', '@opentelemetry/.*'],
  ].join('|')})$`,
);

/** Without frames an error may be of any package: redis 4 removes the stack, and native code has none. */
function isOfUnknownPackage(error: Thrown): boolean {
  const { name: type, message, code } = error;
  const isOfPlatform = type === 'TypeError' && QUOTES_NOTHING.test(String(message));
  if (framesOf(error) === '') return !isOfPlatform && !SHOWS_NO_VALUE.test(String(code));
  const name = packageOf(error);
  return name !== null && !LOOKED_THROUGH.test(name);
}

/**
 * Classes whose messages are words about values: the reasons of a participant, and what TypeORM, Drizzle and Prisma were given.
 * Known by their names, since an application can hold two copies of a package, or have it bundled.
 */
const SAYS_VALUES = [
  ...['Refusal', 'InProgress', 'TypeORMError', 'DrizzleQueryError'],
  ...['PrismaClientKnownRequestError', 'PrismaClientUnknownRequestError', 'PrismaClientValidationError'],
];

function isOfClass(error: object, names: readonly string[]): boolean {
  for (let at = Object.getPrototypeOf(error); at !== null; at = Object.getPrototypeOf(at))
    if (names.includes(at.constructor?.name)) return true;
  return false;
}

/** The rules of a driver that is not known here are not known either. */
function messageOfDriver(error: Thrown): string {
  const { message, syscall } = error;
  if (typeof message !== 'string') return WITHHELD;
  if (typeof syscall === 'string' || /^Connection (?:terminated|lost|ended)/.test(message))
    return messageOf(error);
  return messageOfDatabase(error, message) ?? answeredBy(error);
}

// ── Databases ────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Errors of MySQL and MariaDB whose messages name only hosts, users, databases, tables and settings, each with its SQLSTATE:
 * a trigger can raise an error with any of these numbers and a message of its own.
 *
 * Not 1054, an unknown column: a value that was put into a statement without quotes is read as one.
 */
const NAMES_ONLY = new Set([
  // Access.
  ...['1044 42000', '1045 28000', '1049 42000', '1142 42000', '1143 42000', '1227 42000', '1698 28000'],
  // What does not exist.
  ...['1051 42S02', '1146 42S02'],
  // Limits of connections and time.
  ...['1040 08004', '1129 HY000', '1130 HY000', '1203 42000', '1205 HY000', '1213 40001', '1226 42000'],
  '3024 HY000',
  // Storage.
  ...['1021 HY000', '1030 HY000', '1114 HY000', '1153 08S01'],
  // A server that stops, or only reads.
  ...['1053 08S01', '1290 HY000', '1317 70100', '1792 25006', '1836 HY000', '1927 70100'],
]);

/** Before the handshake the server sends no SQLSTATE; a trigger runs after it. */
const namesOnly = ({ errno, sqlState }: Thrown): boolean =>
  sqlState === undefined
    ? [...NAMES_ONLY].some((one) => one.startsWith(`${errno} `))
    : NAMES_ONLY.has(`${errno} ${sqlState}`);

/** Of SQLite's messages those that name only what is in the schema. All others may quote the statement. */
const NAMES_ONLY_OF_SQLITE = new RegExp(
  `^(?:${[
    '(?:UNIQUE|NOT NULL|CHECK|FOREIGN KEY) constraint failed(?:: [^\\n]*)?',
    ...['no such table: \\S+', 'database (?:table )?is locked(?:: \\S+)?', 'datatype mismatch'],
    ...['attempt to write a readonly database', 'disk I/O error', 'database or disk is full'],
    ...['unable to open database file', 'database disk image is malformed', 'file is not a database'],
    ...['cannot (?:start|commit|rollback)[\\w -]*', 'no such savepoint: \\S+', 'interrupted'],
  ].join('|')})$`,
);

/** A trigger's RAISE has a message of its own. */
const isRaised = ({ code, errcode }: Thrown) => code === 'SQLITE_CONSTRAINT_TRIGGER' || errcode === 1811;

/** Null for an error of no database. */
function messageOfDatabase(error: Thrown, message: string): string | null {
  const { name, code, sqlState, sqlMessage, severity, routine } = error;
  if (name === 'SqliteError' || code === 'ERR_SQLITE_ERROR' || String(code).startsWith('SQLITE_'))
    return NAMES_ONLY_OF_SQLITE.test(message) && !isRaised(error) ? shortened(message) : answeredBy(error);
  // PostgreSQL: a function's RAISE can have any code, so that no message is known to be the server's own.
  if (typeof severity === 'string' || typeof routine === 'string') return answeredBy(error);
  if (typeof sqlState !== 'string' && !('sqlMessage' in error) && !String(code).startsWith('ER_'))
    return null;
  // A library may have put the statement before the message.
  return namesOnly(error) && typeof sqlMessage === 'string' ? shortened(sqlMessage) : answeredBy(error);
}

/** The words by which a statement begins, after blanks, parentheses and a comment. */
const STATEMENT = new RegExp(
  `^[\\s;({]*(?:/\\*|--|#|(?:${[
    ...['select', 'insert', 'update', 'delete', 'replace', 'merge', 'with', 'values', 'table', 'call', 'do'],
    ...['set', 'show', 'explain', 'describe', 'desc', 'analyze', 'create', 'alter', 'drop', 'truncate'],
    ...['rename', 'comment', 'begin', 'start', 'commit', 'end', 'rollback', 'abort', 'savepoint', 'release'],
    ...['lock', 'unlock', 'grant', 'revoke', 'use', 'load', 'copy', 'handler', 'prepare', 'execute'],
    ...['deallocate', 'declare', 'fetch', 'open', 'close', 'move', 'listen', 'notify', 'unlisten', 'vacuum'],
    ...[
      'reindex',
      'cluster',
      'refresh',
      'pragma',
      'attach',
      'detach',
      'optimize',
      'check',
      'repair',
      'flush',
    ],
    ...['reset', 'kill', 'xa', 'import', 'signal', 'get', 'help', 'cache', 'discard', 'reassign', 'security'],
  ].join('|')})\\b).* - `,
  'is',
);

const QUOTE_OR_LINE = /(?<!\w)['"]|[`‘“«\r\n\u2028\u2029]/;

/**
 * What remains of a message before which Knex put the statement, with its values. What failed said no value if it has no quotes; if
 * it has, where a value ends is not known.
 */
function withoutStatement(message: string): string {
  const said = message.replace(STATEMENT, '');
  return said === message || !(QUOTE_OR_LINE.test(said) || BEFORE_VALUE.test(message)) ? said : WITHHELD;
}

function answeredBy({ code, errno, errcode }: Thrown): string {
  const known = [code, errno].find((one) => isCode(one) || matching(SQL_STATE, one) !== undefined);
  return `the database answered ${known ?? 'an error'}${typeof errcode === 'number' ? ` ${errcode}` : ''}`;
}

/** What Redis says itself, and how far no value is in it. A script can answer any words of its own. */
const SAID_BY_REDIS = new RegExp(
  `^(?:${[
    ...['ERR unknown command', 'ERR max number of clients reached', 'ERR (?:invalid )?DB index'],
    ...['NOAUTH Authentication required', 'WRONGPASS invalid username-password pair', 'NOPERM'],
    ...[
      'LOADING Redis is loading the dataset in memory',
      "READONLY You can't write against a read only replica",
    ],
    ...[
      'OOM command not allowed',
      'MISCONF Redis is configured to save RDB snapshots',
      'BUSY Redis is busy running a script',
    ],
    ...[
      'CLUSTERDOWN The cluster is down',
      'MASTERDOWN Link with MASTER is down',
      'NOREPLICAS Not enough good replicas',
    ],
    ...[
      'EXECABORT Transaction discarded',
      'NOSCRIPT No matching script',
      'WRONGTYPE Operation against a key',
    ],
  ].join('|')})`,
);

/** The codes of Redis itself. The first word of a script's answer is its code, too, and may be a value. */
const CODES_OF_REDIS = new Set([
  ...['ERR', 'WRONGTYPE', 'OOM', 'BUSYKEY', 'BUSYGROUP', 'NOGROUP', 'UNBLOCKED', 'INVALIDOBJ'],
  ...['NOAUTH', 'WRONGPASS', 'NOPERM', 'DENIED', 'NOPROTO'],
  ...['NOSCRIPT', 'BUSY', 'NOTBUSY', 'UNKILLABLE', 'EXECABORT'],
  ...['LOADING', 'READONLY', 'MISCONF', 'IOERR', 'MASTERDOWN', 'NOMASTERLINK', 'NOREPLICAS'],
  ...['MOVED', 'ASK', 'TRYAGAIN', 'CROSSSLOT', 'CLUSTERDOWN'],
  ...['INPROG', 'NOGOODSLAVE', 'NOQUORUM', 'NOTREADY'],
]);

/** Of ioredis and redis 3 by its name, of later versions of redis by its class. */
const isOfRedis = (error: Thrown): boolean => error.name === 'ReplyError' || isOfClass(error, ['ErrorReply']);

/** Null for an error of no Redis. */
function messageOfRedis(error: Thrown, message: string): string | null {
  if (!isOfRedis(error)) return null;
  const [said] = SAID_BY_REDIS.exec(message) ?? [];
  const [code = ''] = message.split(' ', 1);
  return said ?? `Redis answered ${CODES_OF_REDIS.has(code) ? code : 'an error'}`;
}

/** As it may be shown; undefined for any other. redis 3 takes the first word of an answer for its code. */
export const codeOf = (error: Thrown): string | number | undefined => {
  const { code } = error;
  if (!isCode(code) || (isOfRedis(error) && !CODES_OF_REDIS.has(String(code)))) return undefined;
  return code;
};

// ── The system ───────────────────────────────────────────────────────────────────────────────────────────────

/** A socket in the file system has none, or -1. */
const isPort = (port: unknown): boolean => typeof port === 'number' && port > 0;
const FINDS_HOST = /^(?:getaddrinfo|getnameinfo|getHostByAddr|query[A-Z]\w*)$/;

/**
 * The host and the port of a connection are settings. A file, a socket and a program can be named by a value: those of files
 * stand in quotes, the others are left out.
 */
function messageOfSystem({ code, port }: Thrown, message: string, syscall: string): string {
  const isQuoted = isCode(code) && message.startsWith(`${code}: `);
  if (isQuoted || isPort(port) || FINDS_HOST.test(syscall)) return shortened(withoutValues(message));
  // Of a program the syscall is `spawn` and its name.
  const [call] = syscall.split(' ', 1);
  return [
    matching(/^\w{1,64}$/, call) ?? 'a call of the system failed',
    ...(isCode(code) ? [code] : []),
  ].join(' ');
}

// ── The language and Node ────────────────────────────────────────────────────────────────────────────────────

/**
 * Codes of Node whose messages show no value; others may show an argument, also without quotes. Other packages have such
 * codes too: of theirs the words of a failed request are kept.
 */
const SHOWS_NO_VALUE = new RegExp(
  `^ERR_(?:${[
    ...['TLS_', 'SSL_', 'OSSL_', 'STREAM_', 'SERVER_', 'IPC_', 'SOCKET_C', 'HTTP2_(?:STREAM|SESSION)_ERROR$'],
    ...['HTTP_HEADERS_SENT$', 'HTTP_REQUEST_TIMEOUT$', 'WORKER_OUT_OF_MEMORY$', 'USE_AFTER_CLOSE$'],
    'CHILD_PROCESS_STDIO_MAXBUFFER$',
  ].join('|')})`,
);
const FAILED_REQUEST = /^Request failed with status code \d{3}$/;

/** Messages of the language quote what was parsed, converted or cloned. */
const QUOTES_INPUT = ['SyntaxError', 'RangeError', 'URIError', 'DataCloneError'];

/** A TypeError of a built-in function quotes what it was given, but for these. */
const QUOTES_NOTHING =
  /^(?:fetch failed|terminated|Body is unusable|Converting circular structure|Do not know how to serialize|Cannot convert undefined or null)/;

/** What fetch says of an option: its stack begins in the program, as if that had thrown it. */
const OF_OPTION = /: .* is not an accepted type\. Expected one of |: Expected .* to be one of: /s;

function quotesInput(error: Thrown, message: string): boolean {
  const { name, code, generatedMessage } = error;
  if (QUOTES_INPUT.includes(String(name))) return true;
  // An assertion without a text of its own shows both values.
  if (code === 'ERR_ASSERTION') return generatedMessage !== false;
  if (String(code).startsWith('ERR_'))
    return !SHOWS_NO_VALUE.test(String(code)) && !FAILED_REQUEST.test(message);
  if (name !== 'TypeError' || code !== undefined) return false;
  return OF_OPTION.test(message) || (isThrownByPlatform(error) && !QUOTES_NOTHING.test(message));
}

/** What precedes a value in messages of the language and of Node that do not quote it. */
const BEFORE_VALUE = new RegExp(
  `(${[
    ...['Failed to parse URL from', 'Cannot (?:add|define|redefine|delete) property', 'Class extends value'],
    ...[
      'called on(?: incompatible receiver)?',
      'Cannot set property',
      'Iterator (?:value|result)',
      'Object prototype may only be[^:]*:',
    ],
    'Command (?:failed|was killed|timed out)[^:]*:',
    // mysql2: a typed parameter, and the file of LOAD DATA LOCAL.
    ...['parameter must be (?:an integer|a valid Date), got', 'server wants to read'],
    // prom-client: what is no number, and the answer of a push gateway.
    ...['(?:Value|Delta) is not a valid number:', '^push failed with status \\d+,'],
    // BullMQ: the id of a job, which the program may choose, and its name.
    ...[
      '(?:Missing (?:key|lock)|Lock mismatch|could not renew lock) for(?: parent)? job',
      '[Tt]he size of job',
    ],
    ...['Failed to add repeatable job[^:]*:', '^Unknown code -?\\d+ error for'],
    '^The parent job(?= .* cannot be replaced)',
    '^Job(?= .* (?:is not in the|has pending|belongs to a job scheduler|could not be removed) )',
    '^(?:string|number|bigint|boolean|symbol)(?= .* is not (?:iterable|a function))',
  ].join('|')}) .*`,
  's',
);

/** What is used as a function, a class or a list: in a message of the language its name, or the value itself. */
const NO_NAME =
  /^(?![A-Za-z_$][\w$]*(?:\.[\w$]+|\[[\w$.]*\]|\(\.{3}\))* is not ).*? (is not (?:iterable|a function|a constructor)\b)/s;

/**
 * The first line, up to the first quoted text, and of a URL its origin alone: a path may name an account or a customer. A value may hold quotes itself,
 * and may be cut off, so that where it ends cannot be known. A quote within a word is an apostrophe.
 */
const withoutValues = (message: string): string =>
  message
    .replace(/[\r\n\u2028\u2029].*/s, '')
    .replaceAll(/\/\/[^/\s]*@/g, '//')
    .replaceAll(/(:\/\/[^\s/?#]*)[/?#]\S*/g, '$1/…')
    .replace(NO_NAME, '… $1')
    .replace(/, with args beginning with.*/s, '')
    .replace(BEFORE_VALUE, '$1 …')
    .replace(/(?:(?<!\w)['"]|[`‘“«]).*/s, '…');

const shortened = (message: string): string =>
  message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH).toWellFormed()}…` : message;
