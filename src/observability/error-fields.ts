/**
 * What may be logged or printed of an error: chosen fields, and never what an initiator or a participant sent.
 *
 * - Drivers put the complete statement on their errors (`sql`, `query`, `parameters`, `command.args`), and values into
 *   their messages (`Duplicate entry 'order-42' for key …`). So only known fields are copied, and a message only where
 *   it cannot carry values. Where it can, the error code takes its place.
 * - The stack is given without the message that it begins with.
 * - The chain of causes and the errors of an AggregateError are treated alike, and bounded.
 *
 * Every logger is made by `logger.ts`, which applies this; what is printed without a logger goes through `reasonOf`.
 */
import { types } from 'node:util';

export type ErrorFields = {
  readonly type: string;
  readonly message: string;
  readonly code?: string | number;
  readonly errno?: number;
  readonly sqlState?: string;
  readonly stack?: string;
  readonly cause?: ErrorFields;
  readonly errors?: readonly ErrorFields[];
};

const MAX_DEPTH = 5;
const MAX_ERRORS = 5;
const MAX_FRAMES = 20;
const MAX_MESSAGE_LENGTH = 500;

/** Never throws: anything can be thrown, also what throws when it is read. */
export function errorFields(thrown: unknown, depth = 1): ErrorFields {
  try {
    return fieldsOf(thrown, depth);
  } catch {
    return { type: 'unreadable', message: WITHHELD };
  }
}

/** The messages of an error and its causes in one line, for what is printed without a logger. */
export function reasonOf(thrown: unknown): string {
  const messages: string[] = [];
  for (let fields: ErrorFields | undefined = errorFields(thrown); fields; fields = fields.cause) {
    // An error of ours often quotes its cause.
    if (!messages.some((message) => message.includes(fields?.message ?? ''))) messages.push(fields.message);
  }
  return messages.join(': ');
}

type Thrown = {
  readonly [field in
    | 'name'
    | 'message'
    | 'code'
    | 'errno'
    | 'sqlState'
    | 'syscall'
    | 'stack'
    | 'cause'
    | 'errors'
    | 'driverError']?: unknown;
};

function fieldsOf(thrown: unknown, depth: number): ErrorFields {
  if (!isError(thrown)) return { type: typeof thrown, message: WITHHELD };
  const error: Thrown = thrown;
  const { code, errno, sqlState, cause, errors } = error;
  const stack = framesOf(error);
  const isDeeper = depth < MAX_DEPTH;
  return {
    type: matching(/^[\w$]{1,64}$/, error.name) ?? 'Error',
    message: messageOf(error),
    ...(isCode(code) && { code }),
    ...(typeof errno === 'number' && { errno }),
    ...(matching(SQL_STATE, sqlState) && { sqlState: String(sqlState) }),
    ...(stack !== '' && { stack }),
    ...(isDeeper && cause != null && { cause: errorFields(cause, depth + 1) }),
    ...(isDeeper &&
      Array.isArray(errors) && {
        errors: errors.slice(0, MAX_ERRORS).map((one) => errorFields(one, depth + 1)),
      }),
  };
}

/** Also of another realm. */
export const isError = (value: unknown): value is Error =>
  value instanceof Error || types.isNativeError(value);

const SQL_STATE = /^[0-9A-Z]{5}$/;
const matching = (pattern: RegExp, value: unknown): string | undefined =>
  typeof value === 'string' && pattern.test(value) ? value : undefined;
const isCode = (code: unknown): code is string | number =>
  typeof code === 'number' || matching(/^[A-Z][A-Z0-9_]{1,63}$/, code) !== undefined;

// ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────

const WITHHELD = 'message withheld: it may carry values';

/**
 * Errors of MySQL and MariaDB whose messages name only hosts, users, databases, tables and settings: access (1044, 1045,
 * 1049, 1142, 1143, 1227, 1698), what does not exist (1051, 1054, 1146), limits of connections and time (1040, 1129, 1130,
 * 1203, 1205, 1213, 1226, 3024), storage (1021, 1030, 1114, 1153), and a server that stops or only reads (1053, 1290, 1317,
 * 1792, 1836, 1927).
 */
const NAMES_ONLY: ReadonlySet<unknown> = new Set([
  ...[
    1021, 1030, 1040, 1044, 1045, 1049, 1051, 1053, 1054, 1114, 1129, 1130, 1142, 1143, 1146, 1153, 1203,
    1205,
  ],
  ...[1213, 1226, 1227, 1290, 1317, 1698, 1792, 1836, 1927, 3024],
]);

/** Messages of Node's argument checks quote the argument; those of the language quote what was parsed or converted. */
const QUOTES_ARGUMENTS = /^ERR_(?:INVALID|OUT_OF_RANGE|UNKNOWN|HTTP_INVALID|ENCODING)/;
const QUOTES_INPUT = ['SyntaxError', 'RangeError', 'URIError'];

function messageOf(error: Thrown): string {
  const { name, message, code, errno, sqlState, syscall, driverError } = error;
  // TypeORM repeats its driver's message.
  if (typeof driverError === 'object' && driverError !== null) return messageOf(driverError);
  if (typeof message !== 'string') return WITHHELD;
  const isOfServer = typeof sqlState === 'string' || String(code).startsWith('ER_');
  if (isOfServer && !NAMES_ONLY.has(errno)) return `the database answered ${isCode(code) ? code : errno}`;
  if (QUOTES_INPUT.includes(String(name)) || QUOTES_ARGUMENTS.test(String(code))) return WITHHELD;
  // An error of the system names a file, a host or an address.
  const isPlain = isOfServer || typeof syscall === 'string';
  return shortened(isPlain ? message : withoutQuotes(message));
}

/**
 * Up to the first quoted text, and without a user in a URL. A value may hold quotes itself, and may be cut off, so that
 * where it ends cannot be known. A quote within a word is an apostrophe.
 */
const withoutQuotes = (message: string): string =>
  message
    .replaceAll(/\/\/[^/\s]*@/g, '//')
    .replace(/, with args beginning with.*/s, '')
    .replace(/(?<!\w)['"].*/s, '…');

const shortened = (message: string): string =>
  message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH).toWellFormed()}…` : message;

// ── Stack ────────────────────────────────────────────────────────────────────────────────────────────────────

const FRAME = /^ {4}at [^\n]*(?::\d+:\d+\)?|\(<anonymous>\)|\(native\))$/;

/** The frames below the message: the last lines of the stack, since a message may have lines that look like frames. */
function framesOf({ stack, message }: Thrown): string {
  if (typeof stack !== 'string') return '';
  const bare = typeof message === 'string' && message !== '' ? stack.replace(message, () => '') : stack;
  const lines = bare.split('\n');
  const from = lines.findLastIndex((line) => !FRAME.test(line)) + 1;
  return lines
    .slice(from, from + MAX_FRAMES)
    .map((line) => line.trim())
    .join('\n');
}
