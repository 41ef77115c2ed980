/**
 * Why a participant refused, in its own words: the `detail` or `title` of a problem document (RFC 9457), the `message` or
 * `error` of common frameworks, or a short text. It is kept for operators, and nothing is ever judged by it: the status alone is
 * the reply.
 */

/** With the status before it, it fits where answers are kept. */
const MAX_LENGTH = 180;
/** A longer text is a page or a stack trace. */
const MAX_TEXT_LENGTH = 1024;

const SEPARATOR = ': ';

/** An answer with that reason after its status. */
export const withReason = (answer: string, reason: string): string => `${answer}${SEPARATOR}${reason}`;

/**
 * An answer without that reason, which may name what the payload names: for what is logged or sent elsewhere. It is kept after
 * the status, or after how it was refused.
 */
export const withoutReason = (answer: string): string =>
  answer.replace(/^(\d{3}|refused from outside): .*$/s, '$1');

/** The reason in an answer; null where it has none. */
export const reasonIn = (answer: string): string | null =>
  withoutReason(answer) === answer ? null : answer.slice(withoutReason(answer).length + SEPARATOR.length);

/**
 * One short line; null where there is none.
 * @param isText the body is declared as text/plain
 */
export function refusalReason(body: string, isText = false): string | null {
  const json = jsonIn(body);
  if (json !== undefined) return wordsOf(json);
  return isText && body.length <= MAX_TEXT_LENGTH ? line(body) : null;
}

/** So far ahead, no delay on the way and no rounding explains it. */
const CLOCK_TOLERANCE_MS = 1000;

/**
 * What is wrong where a participant refuses as too late what is not: the barriers of the SDK say so by this code, and judge by
 * the clock of their database. It has no words of the participant. Null where nothing is wrong.
 * @param leftMs until the deadline that the call carried
 */
export function clockFault(body: string, leftMs: number): string | null {
  if (leftMs <= CLOCK_TOLERANCE_MS || memberOf(jsonIn(body), 'code') !== 'deadline_passed') return null;
  return `although the deadline is ${Math.floor(leftMs / 1000)} s ahead: check the clock of its database`;
}

/** From the most specific to the least: many frameworks give the name of the status as `error` or `title`. */
const MEMBERS = ['detail', 'message', 'title', 'error'];
/** As in `{"error": {"message": "…"}}` and `{"detail": [{"msg": "…"}]}`. */
const INNER_MEMBERS = ['message', 'msg'];

function wordsOf(body: unknown): string | null {
  if (typeof body === 'string') return line(body);
  return firstOf(MEMBERS, (name) => firstOf([memberOf(body, name)].flat(), innerTextOf));
}

const innerTextOf = (value: unknown): string | null =>
  textOf(value) ?? firstOf(INNER_MEMBERS, (name) => textOf(memberOf(value, name)));

const textOf = (value: unknown): string | null => (typeof value === 'string' ? line(value) : null);

function memberOf(value: unknown, name: string): unknown {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
}

function firstOf<Value>(values: readonly Value[], read: (value: Value) => string | null): string | null {
  for (const value of values) {
    const text = read(value);
    if (text !== null) return text;
  }
  return null;
}

/** Null where nothing is left of it. */
function line(words: string): string | null {
  const whole = words
    .toWellFormed()
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  if (whole === '') return null;
  return whole.length > MAX_LENGTH ? `${whole.slice(0, MAX_LENGTH - 1).toWellFormed()}…` : whole;
}

function jsonIn(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
