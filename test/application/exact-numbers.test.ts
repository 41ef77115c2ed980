// Numbers that a double cannot carry are found where they stand; which numbers these are is told by exact-json.test.ts too.
import { expect, test } from '@jest/globals';
import { inexactNumberIn } from '../../src/application/exact-numbers.ts';

const INEXACT = '12345678901234567890';

test('the first of several is found, with what holds it and all of the text', () => {
  const found = inexactNumberIn(`{"a":[0,{"b":${INEXACT}}],"c":1e400}`);
  expect(found).toMatchObject({ key: 'b', source: INEXACT, holder: { b: Number(INEXACT) } });
  expect(found?.root).toEqual({ a: [0, { b: Number(INEXACT) }], c: Infinity });
  const { a } = found?.root as { a: readonly [number, object] };
  expect(found?.holder).toBe(a[1]);
});

test('in an array its key is its index, and alone it is empty', () => {
  expect(inexactNumberIn(`[1,${INEXACT}]`)?.key).toBe('1');
  expect(inexactNumberIn(INEXACT)?.key).toBe('');
});

test.each([
  '{}',
  '0',
  '[0.1,-0,1e3,1.50,5e-324]',
  `"${INEXACT}"`,
  `{"${INEXACT}":"1e400"}`,
  '9007199254740992',
])('there is none in %s', (json) => {
  expect(inexactNumberIn(json)).toBeNull();
});

test.each([
  INEXACT,
  '9007199254740993',
  '0.1000000000000000055',
  '1e400',
  '1e-400',
  '-1.7976931348623159e308',
])('%s is one', (json) => {
  expect(inexactNumberIn(json)?.source).toBe(json);
});
