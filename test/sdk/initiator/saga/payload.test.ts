// What becomes of the payload of a step: its references, its literals, and what of it is checked.
import { describe, expect, test } from '@jest/globals';
import { saga } from '@tercet/sdk';
import { inventory, money, mugs, payment, shipping } from './contracts.ts';

const reserved = saga('order').step('reserve', inventory.reserve, mugs);
const { anything } = shipping;

/** As whoever takes references for what they stand for, in plain JavaScript. */
type Earlier = {
  readonly reserve: {
    readonly reservationId: string;
    readonly boxes: { grams: number }[];
    readonly way: string[];
  };
};
type Payload = (earlier: Earlier) => unknown;

const add = (activity: object, payload: unknown) =>
  Reflect.apply(reserved.step as (...given: unknown[]) => typeof reserved, reserved, [
    'next',
    activity,
    payload,
  ]);

/** The payload of a step that takes anything. */
const compiled = (payload: Payload) => add(anything, payload).definition.branches.at(-1)?.payload;

describe('a reference', () => {
  test('names a step, and the way into its result', () => {
    expect(compiled(({ reserve }) => reserve)).toEqual({ $from: 'reserve' });
    expect(compiled(({ reserve }) => ({ a: [reserve.boxes[1]?.grams], b: reserve.way[0] }))).toEqual({
      a: [{ $from: 'reserve.boxes.1.grams' }],
      b: { $from: 'reserve.way.0' },
    });
  });

  test('may be named by what JavaScript has a meaning for', () => {
    const names = ['length', 'then', 'constructor', '$from'];
    expect(compiled(({ reserve }) => names.map((name) => Reflect.get(reserve, name)))).toEqual([
      { $from: 'reserve.length' },
      { $from: 'reserve.then' },
      { $from: 'reserve.constructor' },
      { $from: 'reserve.$from' },
    ]);
  });

  const computed: readonly (readonly [string, Payload])[] = [
    ['text', ({ reserve }) => `${reserve.reservationId}!`],
    ['a number', ({ reserve }) => (reserve.boxes[0]?.grams ?? 0) + 1],
    ['a key', ({ reserve }) => ({ [reserve.reservationId]: 1 })],
    ['parts of another object', ({ reserve }) => ({ ...reserve, more: 1 })],
  ];
  test.each(computed)('cannot be made %s of', (_what, payload) => {
    expect(() => compiled(payload)).toThrow(TypeError);
    expect(() => compiled(payload)).toThrow('not known yet');
  });

  test('cannot go by a name that is empty or holds a dot', () => {
    expect(() => compiled(({ reserve }) => Reflect.get(reserve, 'a.b'))).toThrow(
      '“a.b” of reserve cannot be referred to',
    );
    expect(() => compiled(({ reserve }) => Reflect.get(reserve.way, ''))).toThrow(
      '“” of reserve.way cannot be referred to',
    );
  });

  test('can only be to what comes before', () => {
    const build = () =>
      reserved
        .step('other', anything, 1)
        // @ts-expect-error it waits for reserve alone
        .step('next', anything, ({ other }) => other, { dependsOn: ['reserve'] });
    expect(build).toThrow(
      'Saga “order”, step “next” cannot refer to “other”, which does not come before it: it can refer to reserve',
    );
    expect(() => compiled((earlier) => Reflect.get(earlier, 'nobody'))).toThrow('cannot refer to “nobody”');
  });

  test('can only be to what comes before, also when it was kept from another step', () => {
    let kept: unknown;
    saga('another')
      .step('elsewhere', anything, 1)
      .step('next', anything, ({ elsewhere }) => {
        kept = elsewhere;
        return 1;
      });
    expect(() => compiled(() => [kept])).toThrow('“elsewhere” does not come before it');
  });

  test('is printed as what it becomes', async () => {
    const { inspect } = await import('node:util');
    let printed = '';
    compiled(({ reserve }) => {
      printed = inspect(reserve.way[0]);
      return 1;
    });
    expect(printed).toBe("{ '$from': 'reserve.way.0' }");
  });
});

describe('a literal', () => {
  test('that looks like a reference is escaped, at any depth, and what looks escaped once more', () => {
    const literal = { $from: 'reserve.id', deep: [{ $$from: { $from: 1 } }], from: 2, $$$from: 3 };
    const expected = { $$from: 'reserve.id', deep: [{ $$$from: { $$from: 1 } }], from: 2, $$$$from: 3 };
    expect(compiled(() => literal)).toEqual(expected);
    expect(reserved.step('next', anything, literal).definition.branches.at(-1)?.payload).toEqual(expected);
  });

  test('beside a reference is escaped, and the reference is not', () => {
    expect(compiled(({ reserve }) => ({ $from: reserve.way }))).toEqual({ $$from: { $from: 'reserve.way' } });
  });

  test('is sent as JSON keeps it', () => {
    const at = new Date('2026-01-01T00:00:00Z');
    expect(compiled(() => ({ at, none: undefined }))).toEqual({ at: '2026-01-01T00:00:00.000Z' });
  });

  test.each([
    [
      'a cycle',
      () => {
        const ring: unknown[] = [];
        ring.push(ring);
        return ring;
      },
      'cannot be sent as JSON',
    ],
    ['nothing', () => undefined, 'cannot be sent as JSON: it is undefined'],
    ['a promise', async () => 1, 'is a promise'],
    [
      'a promise as a member',
      () => ({ n: [(async () => 1)()] }),
      'cannot be sent as JSON: “TypeError: it has a promise',
    ],
    ['a Map', () => ({ n: new Map() }), 'cannot be sent as JSON: “TypeError: it has a Map or a Set'],
  ])('cannot be %s', (_what, payload, words) => {
    expect(() => compiled(payload)).toThrow(TypeError);
    expect(() => compiled(payload)).toThrow(`Saga “order”, step “next”: its payload ${words}`);
  });
});

describe('a payload is checked by the contract', () => {
  test('as a whole where it has no reference', () => {
    expect(() => add(payment.authorise, { ...money, cents: 0 })).toThrow(
      'Saga “order”, step “next”: its payload does not fit authorise of payment: #/cents must be >= 1',
    );
    expect(() => add(payment.authorise, { account: 'ada' })).toThrow('#/cents is required');
    expect(() => add(payment.authorise, () => ({ account: 'ada' }))).toThrow('#/cents is required');
  });

  test('in its literal parts where it has some', () => {
    const given = ({ reserve }: Earlier) => ({ item: reserve.reservationId, quantity: 0 });
    expect(() => add(inventory.reserve, given)).toThrow('#/quantity must be >= 1');
    expect(() => add(inventory.reserve, ({ reserve }: Earlier) => ({ item: reserve.way }))).toThrow(
      '#/quantity is required',
    );
    expect(() =>
      add(inventory.reserve, ({ reserve }: Earlier) => ({ item: 'a', quantity: 1, amount: reserve.way })),
    ).toThrow('# has a property that is not known here (“#/amount”)');
  });

  test('in the literal elements of an array', () => {
    const given = ({ reserve }: Earlier) => ({ to: 'ada', grams: [reserve.boxes[0]?.grams, 'heavy'] });
    expect(() => add(shipping.book, given)).toThrow('#/grams/1 must be integer');
  });

  test('not where it is a reference, nor inside of alternatives and records that hold one', () => {
    const given = ({ reserve }: Earlier) => ({
      booking: { id: reserve.way },
      labels: { big: reserve.boxes },
    });
    expect(() => add(shipping.send, given)).not.toThrow();
    expect(() =>
      add(shipping.send, ({ reserve }: Earlier) => ({ booking: reserve.way, labels: reserve.boxes })),
    ).not.toThrow();
    expect(() => add(shipping.send, ({ reserve }: Earlier) => reserve)).not.toThrow();
    expect(() => add(shipping.send, ({ reserve }: Earlier) => ({ booking: reserve.way }))).toThrow(
      '#/labels is required',
    );
  });

  test('as the participant will get it, with literal keys unescaped', () => {
    const build = () => add(inventory.reserve, { ...mugs, $from: 'shelf' });
    expect(build).toThrow('# has a property that is not known here (“#/$from”)');
  });
});
