// References in payloads: which there are, what they are replaced by, and that nothing else is ever touched.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { has, type Reference, referencesIn, resolved } from '../../src/definition/references.ts';

const inPayload = (payload: unknown): readonly Reference[] => referencesIn(JSON.stringify(payload));
/** Each result is any JSON value. */
const resolve = (payload: unknown, results: Readonly<Record<string, unknown>> = {}): unknown =>
  JSON.parse(resolvedText(payload, results));

function resolvedText(payload: unknown, results: Readonly<Record<string, unknown>> = {}): string {
  const texts = Object.entries(results).map(([step, result]) => [step, JSON.stringify(result)]);
  return resolved(JSON.stringify(payload), Object.fromEntries(texts));
}

/** Like JSON.parse: a key `__proto__` is a key like any other. */
const json = (text: string): unknown => JSON.parse(text);

describe('the references in a payload', () => {
  test('are found wherever they stand, in the order of the text, each with its place', () => {
    const payload = [{ $from: 'a' }, { x: { y: [1, { $from: 'b.c' }] } }, { $from: 'a' }];
    expect(inPayload(payload)).toEqual([
      { to: 'a', place: '/0' },
      { to: 'b.c', place: '/1/x/y/1' },
      { to: 'a', place: '/2' },
    ]);
    expect(inPayload({ $from: 'a.0.b' })).toEqual([{ to: 'a.0.b', place: '' }]);
  });

  test('are none in what has no such key', () => {
    for (const payload of [
      null,
      7,
      true,
      '$from',
      '"$from"',
      [],
      {},
      ['$from'],
      { from: 'a' },
      { $From: 'a' },
    ])
      expect(inPayload(payload)).toEqual([]);
  });

  test('have their place as a JSON pointer, with / and ~ escaped', () => {
    const payload = { 'a/b': { '~': { '~1': { '': { $from: 'a' } } } } };
    expect(inPayload(payload)).toEqual([{ to: 'a', place: '/a~1b/~0/~01/' }]);
  });

  test.each<[string, unknown]>([
    ['beside other keys', { $from: 'a', other: 1 }],
    ['a number', { $from: 7 }],
    ['null', { $from: null }],
    ['a list', { $from: ['a'] }],
    ['an object', { $from: { $from: 'a' } }],
    ['nothing', { $from: '' }],
    ['a dot', { $from: '.' }],
    ['a part before no step', { $from: '.id' }],
    ['a step with a dot behind it', { $from: 'a.' }],
    ['a part that is empty', { $from: 'a..b' }],
    ['a name that no step can have', { $from: 'a b.id' }],
    ['a name that no step can have, in brackets', { $from: 'a[0]' }],
    ['a name longer than a step can have', { $from: `${'a'.repeat(65)}.id` }],
    ['257 characters', { $from: `a.${'b'.repeat(255)}` }],
    ['a line break before a step', { $from: '\na' }],
    ['a line break behind a step', { $from: 'a\n' }],
  ])('are malformed when they are %s', (_what, payload) => {
    expect(inPayload({ at: payload })).toEqual([{ to: null, place: '/at' }]);
  });

  test('may have 256 characters, and any but a dot in the names of parts', () => {
    for (const to of [`a.${'b'.repeat(254)}`, 'A-Z_9.ä ö', 'a.$from', 'a.__proto__', 'a.0', 'a.-1', 'a."'])
      expect(inPayload({ $from: to })).toEqual([{ to, place: '' }]);
  });

  test('are none where the key has more than one sign', () => {
    expect(inPayload({ $$from: 'a', $$$from: 7 })).toEqual([]);
    expect(inPayload({ $$from: { $from: 'a' } })).toEqual([{ to: 'a', place: '/$$from' }]);
  });

  test('are found behind keys that an object has by nature', () => {
    expect(referencesIn('{"__proto__":{"$from":"a"},"constructor":[{"$from":"b"}]}')).toEqual([
      { to: 'a', place: '/__proto__' },
      { to: 'b', place: '/constructor/0' },
    ]);
    expect(referencesIn('{"__proto__":{"$from":7}}')).toEqual([{ to: null, place: '/__proto__' }]);
  });

  test('are found 64 deep', () => {
    const deep = Array.from({ length: 63 }).reduce<unknown>((inner) => ({ a: inner }), { $from: 'a' });
    expect(inPayload(deep)).toEqual([{ to: 'a', place: '/a'.repeat(63) }]);
    expect(resolve(deep, { a: 1 })).toEqual(
      Array.from({ length: 63 }).reduce<unknown>((inner) => ({ a: inner }), 1),
    );
  });
});

describe('a payload is resolved', () => {
  const hotel = { id: 'h-7', rooms: [{ beds: 2 }, { beds: 1 }], empty: {}, none: null, no: false, zero: 0 };

  test.each<[string, unknown]>([
    ['hotel', hotel],
    ['hotel.id', 'h-7'],
    ['hotel.rooms', hotel.rooms],
    ['hotel.rooms.1.beds', 1],
    ['hotel.empty', {}],
    ['hotel.none', null],
    ['hotel.no', false],
    ['hotel.zero', 0],
  ])('%s', (reference, part) => {
    expect(resolve({ in: [{ $from: reference }], beside: 1 }, { hotel })).toEqual({ in: [part], beside: 1 });
  });

  test('as a whole, when the whole is a reference', () => {
    expect(resolvedText({ $from: 'hotel' }, { hotel: 'a "b"' })).toBe('"a \\"b\\""');
  });

  test('by results that are no objects', () => {
    for (const result of [null, true, 0, '', [], 'text'])
      expect(resolve({ $from: 'hotel' }, { hotel: result })).toEqual(result);
  });

  test('once: what stands in a result is never looked into', () => {
    const result = { id: { $from: 'secret' }, key: { $$from: 1 } };
    expect(resolve([{ $from: 'hotel' }, { $$$from: 2 }], { hotel: result, secret: 's' })).toEqual([
      result,
      { $$from: 2 },
    ]);
  });

  test('with one sign less for each key that has two or more', () => {
    expect(resolve({ $$from: 1, $$$from: 2, $$$$from: { $$from: 3 } })).toEqual({
      $from: 1,
      $$from: 2,
      $$$from: { $from: 3 },
    });
  });

  test('and keys that only look alike stay', () => {
    const payload = {
      $fromx: 1,
      x$$from: 2,
      $$From: 3,
      '$$from ': 4,
      from: 5,
      $: 6,
      $$: 7,
      at: { $$from: 0 },
    };
    expect(resolve(payload)).toEqual({ ...payload, at: { $from: 0 } });
  });

  test('and keys that an object has by nature are keys like any other', () => {
    const payload = '{"__proto__":{"$from":"a"},"b":{"__proto__":{"$$from":1}},"constructor":2}';
    expect(resolved(payload, { a: '{"__proto__":3}' })).toBe(
      '{"__proto__":{"__proto__":3},"b":{"__proto__":{"$from":1}},"constructor":2}',
    );
    expect(Object.keys({})).toEqual([]);
  });

  test('and is left as it is, to the letter, where there is nothing to resolve', () => {
    for (const payload of ['{ "b": 1.0, "a": 2 }', '{"a":"$from"}', '1e3', '"{\\"$from\\": 1}"'])
      expect(resolved(payload, {})).toBe(payload);
  });

  test('to the same text each time', () => {
    const payload = { z: { $from: 'hotel.rooms' }, a: [{ $from: 'hotel' }], 9: 1, 1: { $$from: 'x' } };
    const texts = new Set(Array.from({ length: 5 }, () => resolvedText(payload, { hotel })));
    expect(texts.size).toBe(1);
  });

  test('or not at all, when a result lacks what is referred to: no part of it is ever left out', () => {
    for (const [reference, results] of [
      ['hotel.name', { hotel }],
      ['hotel.id.0', { hotel }],
      ['nobody.id', { hotel }],
      ['constructor.name', { hotel }],
    ] as const)
      expect(() => resolve({ at: [{ $from: reference }] }, results)).toThrow();
  });
});

describe('a result has', () => {
  const result = json('{"list":[1,[2]],"text":"abc","0":"zero","__proto__":{"own":1},"nothing":null}');

  test.each([
    ...['s', 's.list', 's.list.0', 's.list.1.0', 's.text', 's.0', 's.nothing'],
    ...['s.__proto__', 's.__proto__.own'],
  ])('%s', (reference) => {
    expect(has(result, reference)).toBe(true);
  });

  // Whatever an object, a list or a text has by nature is nothing that was answered.
  test.each([
    ...[
      's.other',
      's.list.2',
      's.list.-1',
      's.list.01',
      's.list.1e0',
      's.list.length',
      's.list.99999999999999',
    ],
    ...['s.list.map', 's.list.constructor', 's.text.length', 's.text.0', 's.nothing.x'],
    ...['s.constructor', 's.toString', 's.hasOwnProperty', 's.__proto__.toString', 's.list.__proto__'],
    ...['s.list. 0', 's.list.+0', 's.list.٠'],
  ])('no %s', (reference) => {
    expect(has(result, reference)).toBe(false);
  });

  test('itself, whatever it is', () => {
    for (const whole of [null, 0, '', false, [], {}]) expect(has(whole, 's')).toBe(true);
    expect(has(null, 's.id')).toBe(false);
  });
});

describe('for any payload', () => {
  const keys = fc.constantFrom(
    '$from',
    '$$from',
    '$$$from',
    '__proto__',
    'constructor',
    'length',
    '1',
    '0',
    'a',
    '',
  );
  const values = [
    fc.string(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
  ];
  const anyJson = fc.oneof(
    fc.jsonValue({ maxDepth: 5 }),
    fc.object({ key: keys, values, maxDepth: 5, maxKeys: 5 }),
    fc.array(fc.object({ key: keys, values, maxDepth: 3 }), { maxLength: 3 }),
  );
  /** As JSON carries it. */
  const carried = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

  test('what was escaped is resolved to what it was, and refers to nothing', () => {
    fc.assert(
      fc.property(anyJson, (any) => {
        const value = carried(any);
        const payload = escaped(value);
        expect(inPayload(payload)).toEqual([]);
        expect(resolvedText(payload)).toBe(JSON.stringify(value));
      }),
    );
  });

  test('without the sign resolving changes nothing, however often', () => {
    fc.assert(
      fc.property(anyJson, (any) => {
        const value = renamed(carried(any), (key) => key.replaceAll('$', 'S'));
        const once = resolvedText([value, { $$from: 0 }]);
        expect(once).toBe(JSON.stringify([value, { $from: 0 }]));
        expect(resolvedText(value)).toBe(JSON.stringify(value));
        expect(resolved(resolvedText(value), {})).toBe(resolvedText(value));
      }),
    );
  });

  test('each reference has a place at which an object with the sign stands', () => {
    fc.assert(
      fc.property(anyJson, (any) => {
        const value = carried(any);
        for (const { to, place } of inPayload(value)) {
          const at = partAt(value, place);
          expect(Object.keys(at as object)).toContain('$from');
          if (to !== null) expect(at).toEqual({ $from: to });
        }
      }),
    );
  });

  test('results take the place of references, and nothing else is touched', () => {
    fc.assert(
      fc.property(anyJson, anyJson, (any, result) => {
        const [value, part] = [carried(any), carried(result)];
        const payload = { before: escaped(value), at: { $from: 'a.b' }, behind: [escaped(value)] };
        expect(resolvedText(payload, { a: { b: part } })).toBe(
          JSON.stringify({ before: value, at: part, behind: [value] }),
        );
      }),
    );
  });
});

/** What an initiator does whose data may have such keys. */
const escaped = (value: unknown): unknown =>
  renamed(value, (key) => (/^\$+from$/.test(key) ? `$${key}` : key));

function renamed(value: unknown, rename: (key: string) => string): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((part) => renamed(part, rename));
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [rename(key), renamed(part, rename)]));
}

/** What a JSON pointer points at. */
const partAt = (value: unknown, pointer: string): unknown =>
  pointer
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((at, key) => Object.getOwnPropertyDescriptor(at, key)?.value, value);
