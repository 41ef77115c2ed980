// Bodies are read without loss, or not at all.
import { describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { readExactJson, UnreadableBody } from '../../src/api/exact-json.ts';

const read = (text: string): unknown => readExactJson(Buffer.from(text));

function codeOf(text: string): string | null {
  try {
    read(text);
    return null;
  } catch (error) {
    if (error instanceof UnreadableBody) return error.code;
    throw error;
  }
}

test('whatever JavaScript writes as JSON is read as it was', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      expect(JSON.stringify(read(JSON.stringify(value)))).toBe(JSON.stringify(value));
    }),
  );
});

test('every number of up to 15 digits is carried', () => {
  const digits = fc.integer({ min: 1, max: 999_999_999_999_999 });
  fc.assert(
    fc.property(digits, fc.integer({ min: 0, max: 14 }), (number, point) => {
      const text = String(number).padStart(point + 1, '0');
      const decimal = point === 0 ? text : `${text.slice(0, -point)}.${text.slice(-point)}`;
      expect(codeOf(decimal)).toBeNull();
    }),
  );
});

test('a whole number is carried exactly when it is written as the same number again', () => {
  const wholeOf = (written: string): bigint => {
    const [mantissa = '', exponent = '0'] = written.split('e');
    const [whole = '', fraction = ''] = mantissa.split('.');
    return BigInt(whole + fraction) * 10n ** BigInt(Number(exponent) - fraction.length);
  };
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), (number) => {
      const isCarried = wholeOf(JSON.stringify(Number(number))) === number;
      expect(codeOf(String(number))).toBe(isCarried ? null : 'inexact_number');
    }),
  );
});

describe('carried exactly:', () => {
  test.each([
    '0',
    '-0',
    '-0.0',
    '0e0',
    '1e5',
    '1E+2',
    '1.50e2',
    '1e21',
    '1.0000000000000000000000',
    '100000000000000000000000000',
    '9007199254740992',
    '5e-324',
    '1.7976931348623157e308',
    '0.30000000000000004',
    '"12345678901234567890 and 1e999"',
    '{"a, 12345678901234567890":", 1e999"}',
  ])('%s', (text) => {
    expect(codeOf(text)).toBeNull();
  });
});

describe('refused as inexact:', () => {
  test.each([
    '9007199254740993',
    '12345678901234567890',
    '-12345678901234567890',
    '0.1000000000000000055',
    '0.30000000000000001',
    '3.141592653589793238',
    '1e400',
    '-1e400',
    '1e-400',
    '4e-324',
    '[1,2,12345678901234567]',
    '{"a":{"b":\t12345678901234567}}',
    '1e999999999999999999999',
  ])('%s', (text) => {
    expect(codeOf(text)).toBe('inexact_number');
  });
});

test('the place of an inexact number is told, whatever its keys hold', () => {
  const text = '{"a":[0,{"x/y~z \\ud800 %":12345678901234567890}]}';
  expect(() => read(text)).toThrow(expect.objectContaining({ pointer: '#/a/1/x~1y~0z%20%EF%BF%BD%20%25' }));
});

describe('depth', () => {
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  test('of 64 is read, of 65 refused', () => {
    expect(codeOf(nested(64))).toBeNull();
    expect(codeOf(nested(65))).toBe('nested_too_deep');
  });

  test('is not what many brackets side by side make', () => {
    expect(codeOf(`[${'[],'.repeat(1000)}"${'['.repeat(1000)}"]`)).toBeNull();
  });

  test('cannot be hidden behind closing brackets in a string', () => {
    expect(codeOf(`["${']'.repeat(1000)}",${nested(100)}]`)).toBe('nested_too_deep');
  });

  test('of a million ends no process, also with an inexact number inside', () => {
    const depth = 100_000;
    expect(codeOf(`${'['.repeat(depth)}12345678901234567890${']'.repeat(depth)}`)).toBe('nested_too_deep');
  });
});

test.each(['', '{', "{'a':1}", '[1,]', '01', 'NaN', '1 2'])('%j is not JSON', (text) => {
  expect(codeOf(text)).toBe('broken_json');
});

test('a number of a million zeros ends no process either', () => {
  const zeros = '0'.repeat(1_000_000);
  for (const number of [`0.1${zeros}1`, `1${zeros}`, `1${zeros}1e-${zeros}1`])
    expect(codeOf(`[${number}]`)).toBe('inexact_number');
});

describe('a body full of numbers that have to be compared with their text', () => {
  test.each([
    '1e1',
    '1.5E-3',
    '1234567890123456',
    '"',
    '-0.10000000000000000',
  ])('%s is read without a visit of each value', (one) => {
    const number = one === '"' ? '"\\"1e1,"' : one;
    const parse = jest.spyOn(JSON, 'parse');
    const count = Math.floor(1_400_000 / (number.length + 1));
    try {
      expect(codeOf(`[${Array(count).fill(number)}]`)).toBeNull();
      expect(codeOf(`[${Array(count).fill(number)},1e999]`)).toBe('inexact_number');
      expect(parse.mock.calls.map(({ length }) => length)).toEqual([1, 1]);
    } finally {
      parse.mockRestore();
    }
  });
});
