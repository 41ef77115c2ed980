/** What is kept of an error's message: nothing that may be a value of the program. */
import { isThrownByPlatform, type Thrown } from './frames.ts';

export const WITHHELD = 'message withheld: it may carry values';

const MAX_MESSAGE_LENGTH = 500;

export const SQL_STATE = /^[0-9A-Z]{5}$/;
export const matching = (pattern: RegExp, value: unknown): string | undefined =>
  typeof value === 'string' && pattern.test(value) ? value : undefined;
export const isCode = (code: unknown): code is string | number =>
  typeof code === 'number' || matching(/^[A-Z][A-Z0-9_]{1,63}$/, code) !== undefined;

export function messageOf(error: Thrown): string {
  const { message, syscall, driverError } = error;
  // TypeORM repeats its driver's message.
  if (typeof driverError === 'object' && driverError !== null) return messageOfDriver(driverError);
  if (typeof message !== 'string') return WITHHELD;
  const ofDatabase = messageOfDatabase(error, message);
  if (ofDatabase !== null) return ofDatabase;
  // An error of the system names a file, a host or an address.
  if (typeof syscall === 'string') return shortened(message);
  return quotesInput(error, message) ? WITHHELD : shortened(withoutValues(message));
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
  const { name, code, sqlState, severity, routine } = error;
  if (name === 'SqliteError' || code === 'ERR_SQLITE_ERROR' || String(code).startsWith('SQLITE_'))
    return NAMES_ONLY_OF_SQLITE.test(message) && !isRaised(error) ? shortened(message) : answeredBy(error);
  // PostgreSQL: a function's RAISE can have any code, so that no message is known to be the server's own.
  if (typeof severity === 'string' || typeof routine === 'string') return answeredBy(error);
  if (typeof sqlState !== 'string' && !('sqlMessage' in error) && !String(code).startsWith('ER_'))
    return null;
  return namesOnly(error) ? shortened(message) : answeredBy(error);
}

function answeredBy({ code, errno, errcode }: Thrown): string {
  const known = [code, errno].find((one) => isCode(one) || matching(SQL_STATE, one) !== undefined);
  return `the database answered ${known ?? 'an error'}${typeof errcode === 'number' ? ` ${errcode}` : ''}`;
}

// ── The language and Node ────────────────────────────────────────────────────────────────────────────────────

/** Messages of Node's argument checks quote the argument; those of the language quote what was parsed or converted. */
const QUOTES_ARGUMENTS = /^ERR_(?:INVALID|OUT_OF_RANGE|UNKNOWN|HTTP_INVALID|ENCODING)/;
const QUOTES_INPUT = ['SyntaxError', 'RangeError', 'URIError'];

/** A TypeError of a built-in function quotes what it was given, but for these. */
const QUOTES_NOTHING =
  /^(?:fetch failed|terminated|Body is unusable|Converting circular structure|Do not know how to serialize|Cannot convert undefined or null)/;

function quotesInput(error: Thrown, message: string): boolean {
  const { name, code, generatedMessage } = error;
  if (QUOTES_INPUT.includes(String(name)) || QUOTES_ARGUMENTS.test(String(code))) return true;
  // An assertion without a text of its own shows both values.
  if (code === 'ERR_ASSERTION') return generatedMessage !== false;
  return (
    name === 'TypeError' && code === undefined && isThrownByPlatform(error) && !QUOTES_NOTHING.test(message)
  );
}

/** What precedes a value in messages of the language that do not quote it. */
const BEFORE_VALUE = new RegExp(
  `(${[
    ...['Failed to parse URL from', 'Cannot (?:add|define|redefine|delete) property', 'Class extends value'],
    ...['called on (?:incompatible receiver)?', 'Iterator value', 'Object prototype may only be[^:]*:'],
    '^(?:string|number|bigint|boolean|symbol)(?= .* is not (?:iterable|a function))',
  ].join('|')}) .*`,
  's',
);

/**
 * The first line, up to the first quoted text, and of a URL neither its user nor its query. A value may hold quotes itself,
 * and may be cut off, so that where it ends cannot be known. A quote within a word is an apostrophe.
 */
const withoutValues = (message: string): string =>
  message
    .replace(/[\r\n\u2028\u2029].*/s, '')
    .replaceAll(/\/\/[^/\s]*@/g, '//')
    .replaceAll(/(:\/\/[^\s?#]*)[?#]\S*/g, '$1')
    .replace(/, with args beginning with.*/s, '')
    .replace(BEFORE_VALUE, '$1 …')
    .replace(/(?:(?<!\w)['"]|[`‘“«]).*/s, '…');

const shortened = (message: string): string =>
  message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH).toWellFormed()}…` : message;
