// Which answers of actions later steps can refer to, and what is said of the others.
import { expect, test } from '@jest/globals';
import { MAX_RESULT_BYTES, resultFault } from '../../src/application/results.ts';

const RESULT = '{"id":"r-1","none":null,"seats":[{"row":7}],"":1,"__proto__":{"own":true}}';

test.each([
  'a',
  'a.id',
  'a.none',
  'a.seats',
  'a.seats.0',
  'a.seats.0.row',
  'a.__proto__.own',
])('what %s refers to is there', (reference) => {
  expect(resultFault(RESULT, [reference])).toBeNull();
});

test.each([
  'a.no',
  'a.id.length',
  'a.id.0',
  'a.none.id',
  'a.seats.1',
  'a.seats.-1',
  'a.seats.length',
  'a.seats.0.row.x',
  'a.toString',
  'a.constructor.name',
])('what %s refers to is not there', (reference) => {
  expect(resultFault(RESULT, ['a.id', reference])).toBe(
    `its result lacks what a later step refers to: ${reference}`,
  );
});

test.each(['null', '0', '""', '[]', 'false'])('%s is a result, as a whole', (body) => {
  expect(resultFault(body, ['a'])).toBeNull();
  expect(resultFault(body, ['a.id'])).toMatch(/lacks/);
});

test.each(['', ' ', 'ok', '{"id":1', '{"id":1}x', "{'id':1}"])('%j is no JSON', (body) => {
  expect(resultFault(body, ['a'])).toBe('its result is not JSON');
});

test('a number that a double cannot carry is refused, wherever it stands, and not shown', () => {
  expect(resultFault('{"id":1,"deep":[{"card":4111111111111111111}]}', ['a.id'])).toBe(
    'its result has a number that JSON cannot carry exactly: it must be a string',
  );
  expect(resultFault('{"id":9007199254740992,"price":0.1}', ['a.id'])).toBeNull();
});

test('no body is one that was too long, or no UTF-8', () => {
  expect(resultFault(null, ['a'])).toBe(`its result is over ${MAX_RESULT_BYTES} bytes, or no UTF-8`);
});

test('a long reference is shown in short', () => {
  const reference = `a.${'x'.repeat(200)}`;
  expect(resultFault('{}', [reference])).toBe(
    `its result lacks what a later step refers to: ${reference.slice(0, 80)}`,
  );
});

test('a result is measured as it is written out where it is referred to', () => {
  const powers = JSON.stringify({ v: Array.from({ length: 600 }, () => 0) }).replaceAll('0', '1e20');
  expect(powers.length).toBeLessThan(MAX_RESULT_BYTES);
  expect(resultFault(powers, ['a.v'])).toBe('its result is over 4096 bytes when it is written out');
});

test('what is told of a missing part ends in no half of a character', () => {
  const fault = resultFault('{}', [`a.${'x'.repeat(77)}🙂🙂`]) ?? '';
  expect(fault).toContain('lacks');
  expect(fault.isWellFormed()).toBe(true);
});
