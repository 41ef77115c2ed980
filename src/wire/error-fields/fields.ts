/**
 * What may be logged or printed of an error: chosen fields, and never what an initiator or a participant sent.
 *
 * - Drivers put the complete statement on their errors (`sql`, `query`, `parameters`, `command.args`), and values into
 *   their messages (`Duplicate entry 'order-42' for key …`). So only known fields are copied, and a message only where
 *   it cannot carry values. Where it can, the error code takes its place.
 * - The stack is given without the message that it begins with.
 * - The chain of causes and the errors of an AggregateError are treated alike, and bounded.
 *
 * The coordinator and the SDK share it: every log line that either of them writes goes through here. What is kept of a
 * message is decided in `message.ts`.
 */
import { types } from 'node:util';
import { framesOf, type Thrown } from './frames.ts';
import { codeOf, matching, messageOf, SQL_STATE, WITHHELD } from './message.ts';

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

/** Never throws: anything can be thrown, also what throws when it is read. */
export function errorFields(thrown: unknown, depth = 1): ErrorFields {
  try {
    return fieldsOf(thrown, depth);
  } catch {
    return { type: 'unreadable', message: WITHHELD };
  }
}

/** Its type as it may be shown, also as `error.type` of a span; of what is no error, that of the language. Never throws. */
export function typeOf(thrown: unknown): string {
  try {
    return isError(thrown) ? (matching(TYPE, thrown.name) ?? 'Error') : typeof thrown;
  } catch {
    return 'unreadable';
  }
}

/** A name of a class. Anything can be set as the name of an error, also a sentence with values. */
const TYPE = /^[\w$]{1,64}$/;

/** The messages of an error and its causes in one line, for what is printed without a logger. Never throws. */
export function reasonOf(thrown: unknown): string {
  const messages: string[] = [];
  for (let fields: ErrorFields | undefined = errorFields(thrown); fields; fields = fields.cause) {
    // An error of ours often quotes its cause.
    if (!messages.some((message) => message.includes(fields?.message ?? ''))) messages.push(fields.message);
  }
  return messages.join(': ');
}

function fieldsOf(thrown: unknown, depth: number): ErrorFields {
  if (!isError(thrown)) return { type: typeof thrown, message: WITHHELD };
  const error: Thrown = thrown;
  const { errno, sqlState, cause, errors } = error;
  const code = codeOf(error);
  const stack = framesOf(error);
  const isDeeper = depth < MAX_DEPTH;
  return {
    type: typeOf(error),
    message: messageOf(error),
    ...(code !== undefined && { code }),
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

/** All of it in one line, for a log that has no fields: the type, the message, the codes and the stack. Never throws. */
export const errorLine = (thrown: unknown): string => lineOf(errorFields(thrown));

function lineOf({ type, message, code, stack, cause, errors = [] }: ErrorFields): string {
  const isSaid = code === undefined || message.includes(String(code));
  const own = [`${type}: ${message}${isSaid ? '' : ` (${code})`}`, ...(stack?.split('\n') ?? [])].join(' | ');
  const others = [...(cause === undefined ? [] : [cause]), ...errors];
  return [own, ...others.map(lineOf)].join(' | caused by ');
}
