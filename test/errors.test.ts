// The catalogue of errors and its page say the same, so nobody reads words that the coordinator does not use.
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { errors, errorType } from '../src/errors.ts';

const page = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8');

type Row = { code: string; status: number; title: string; advice: string };

const rowsOfPage = (): Row[] =>
  [...page.matchAll(/^\| `([a-z_]+)` \| (\d+) \| (.+?) \| (.+?) \|$/gm)].map(
    ([, code = '', status, title = '', advice = '']) => ({ code, status: Number(status), title, advice }),
  );

test('docs/errors.md lists every code with its status, meaning and advice, in the order of the catalogue', () => {
  expect(rowsOfPage()).toEqual(Object.entries(errors).map(([code, words]) => ({ code, ...words })));
});

test('every status is an error that HTTP knows, and every sentence ends where it should', () => {
  for (const [code, { status, title, advice }] of Object.entries(errors)) {
    expect([400, 401, 404, 408, 409, 410, 413, 415, 421, 422, 431, 500, 503]).toContain(status);
    expect(`${code}: ${title}`).not.toMatch(/\.$/);
    expect(`${code}: ${advice}`).toMatch(/\.$/);
  }
});

test('the example on the page is a problem that the catalogue knows', () => {
  const example = JSON.parse(/```json\n([\s\S]*?)```/.exec(page)?.[1] ?? '');
  const { status, title, advice } = errors.invalid_request;
  expect(example).toMatchObject({ type: errorType('invalid_request'), status, title });
  expect(example.detail).toContain(advice);
});
