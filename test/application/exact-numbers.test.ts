// Numbers that a double cannot carry are found where they stand; which numbers these are is told by exact-json.test.ts too.
import { expect, test } from '@jest/globals';
import { inexactNumberIn } from '../../src/application/exact-numbers.ts';

const INEXACT = '12345678901234567890';

test('the first of several is found, with the place where it stands', () => {
  expect(inexactNumberIn(`{"a":[0,{"b":${INEXACT}}],"c":1e400}`)).toEqual({ source: INEXACT, at: 13 });
  expect(inexactNumberIn(INEXACT)).toEqual({ source: INEXACT, at: 0 });
  expect(inexactNumberIn(`["${INEXACT}", -${INEXACT}]`)).toEqual({ source: `-${INEXACT}`, at: 25 });
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
