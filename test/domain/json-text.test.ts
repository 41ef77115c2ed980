// Positions in texts of JSON agree with what a parser reads there.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { eachKey, endOfString, endOfValue, type Key, nameOf, pathTo } from '../../src/domain/index.ts';

const written = fc
  .tuple(fc.jsonValue({ maxDepth: 5 }), fc.constantFrom(undefined, 1, '\t'))
  .map(([value, indent]) => JSON.stringify(value, null, indent));

test('each name stands where it is said to stand, with its value, its object and its depth', () => {
  fc.assert(
    fc.property(written, (text) => {
      const root = JSON.parse(text);
      const at = (path: readonly (string | number)[]) =>
        path.reduce((value, step) => (value as Record<string, unknown>)[step], root as unknown);
      eachKey(text, (key) => {
        const path = pathTo(text, key.valueAt);
        expect(path.at(-1)).toBe(nameOf(text, key));
        expect(path).toHaveLength(key.depth);
        expect(JSON.parse(text.slice(key.valueAt, endOfValue(text, key.valueAt)))).toEqual(at(path));
        const object = JSON.parse(text.slice(key.objectAt, endOfValue(text, key.objectAt)));
        expect(object).toEqual(at(path.slice(0, -1)));
      });
    }),
  );
});

test('a name may hold whatever a string may hold', () => {
  const text = String.raw`{"a\"b\\" : 1, "\\\"": {"\u0063,:{": [2]}}`;
  const names: string[] = [];
  eachKey(text, (key: Key) => names.push(nameOf(text, key)));
  expect(names).toEqual(['a"b\\', '\\"', 'c,:{']);
  expect(pathTo(text, text.indexOf('2'))).toEqual(['\\"', 'c,:{', 0]);
  expect(endOfString(text, 1)).toBe(9);
});

test.each(['1', '-1.5e3', 'true', '"a"', '[]', '[[],{"a":"]"}]', '{}'])('%s ends where it ends', (value) => {
  for (const after of ['', ',', ' ', '\n', '}', ']']) expect(endOfValue(value + after, 0)).toBe(value.length);
});
