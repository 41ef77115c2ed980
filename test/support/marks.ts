/**
 * Marks that tests plant in what must never be logged: payloads, business keys, idempotency keys, results and secrets.
 * Each mark names its field, so that a failing check says what leaked.
 */
import { expect } from '@jest/globals';

const FIELDS = [
  ...(['payload', 'businessKey', 'idempotencyKey', 'result', 'detail'] as const),
  ...(['secret', 'token', 'password', 'query', 'header'] as const),
];

const PREFIX = 'mark4111';

/** By field, a text that occurs nowhere else; it also passes as a key, a token and a part of a URL. */
export const MARKS = Object.fromEntries(FIELDS.map((field) => [field, `${PREFIX}${field}`])) as Readonly<
  Record<(typeof FIELDS)[number], string>
>;

/** The marks that a text holds, whole or cut off, with what is around them. */
export const marksIn = (text: string): readonly string[] =>
  [...text.matchAll(new RegExp(`.{0,80}${PREFIX}\\w*`, 'gi'))].map(([excerpt]) => excerpt);

/** What processes printed holds none of the marks. */
export function expectNoMarks(printed: readonly string[]): void {
  expect(printed.flatMap(marksIn)).toEqual([]);
}
