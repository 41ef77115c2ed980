// What the compiler and the definition refuse, so that no call ever meets it.
import { describe, expect, test } from '@jest/globals';
import { type Barrier, defineContract, defineParticipant } from '@tercet/sdk';
import { newSecret } from '@tercet/sdk/signature';
import { Type } from 'typebox';
import { inventory } from './shop.ts';

type SqlTx = { execute(sql: string): Promise<void> };

/** It is never called: nothing but definitions is looked at here. */
const barrier: Barrier<SqlTx> = {
  run: () => Promise.reject(new Error('called')),
  outside: () => Promise.reject(new Error('called')),
  createTable: () => Promise.reject(new Error('called')),
};

const reserve = { try: () => ({ reservationId: 'r' }), confirm() {}, cancel() {} };

const shipping = defineContract('shipping', {
  book: { payload: Type.Object({ to: Type.String() }), result: Type.Object({ tour: Type.Number() }) },
  weigh: { payload: Type.Object({ grams: Type.Number() }) },
  insure: { payload: Type.Object({ cents: Type.Number() }), result: Type.String() },
});

describe('ops are typed by their contract', () => {
  test('with the SQL transaction inside, and a signal outside', () => {
    const { contract } = defineParticipant(shipping, {
      barrier,
      activities: {
        book: {
          async try({ to }, { sqlTx, tryResult, call }) {
            const none: null = tryResult;
            await sqlTx.execute(`${to} ${none} ${call.gid}`);
            return { tour: 1 };
          },
          confirm: ({ to }, { sqlTx, tryResult }) => sqlTx.execute(`${to} ${tryResult.tour + 1}`),
          async cancel(_payload, { tryResult, sqlTx }) {
            // Inside it is called only where the try was done.
            const { tour }: { readonly tour: number } = tryResult;
            await sqlTx.execute(`${tour}`);
          },
        },
        weigh: {
          outside: true,
          try: ({ grams }, { signal }) => signal.aborted || grams,
          confirm() {},
          async cancel(_payload, { signal }) {
            signal.throwIfAborted();
          },
        },
        insure: {
          outside: { limitMs: 500 },
          try: async ({ cents }, { signal }) => `${cents} ${signal.aborted}`,
          confirm: (_payload, { tryResult }) => tryResult.toUpperCase(),
          // @ts-expect-error there is no SQL transaction outside the database
          cancel: (_payload, { sqlTx }) => sqlTx,
        },
      },
    });
    const name: 'shipping' = contract.name;
    expect(name).toBe('shipping');
  });

  test('in a saga with what the action returned, and a pivot without a compensate', () => {
    const { routes } = defineParticipant(shipping, {
      barrier,
      activities: {
        book: {
          async action({ to }, { sqlTx, call }) {
            await sqlTx.execute(`${to} ${call.gid}`);
            return { tour: 1 };
          },
          async compensate(_payload, { actionResult, sqlTx }) {
            const { tour }: { readonly tour: number } = actionResult;
            await sqlTx.execute(`${tour}`);
          },
        },
        weigh: {
          outside: true,
          action: ({ grams }, { signal }) => signal.aborted || grams,
        },
        insure: {
          outside: { limitMs: 500 },
          isPivot: true,
          action: async ({ cents }, { signal }) => `${cents} ${signal.aborted}`,
        },
      },
    });
    expect(routes).toEqual([
      { activity: 'book', op: 'action' },
      { activity: 'book', op: 'compensate' },
      { activity: 'weigh', op: 'action' },
      { activity: 'insure', op: 'action' },
    ]);
  });

  test('outside with results that may be missing, where the first op never came to its end', () => {
    const first = async () => ({ tour: 1 });
    defineParticipant(shipping, {
      barrier,
      activities: {
        book: {
          outside: true,
          action: first,
          // @ts-expect-error it may be null
          compensate: (_payload, { actionResult }) => actionResult.tour,
        },
        weigh: { outside: true, action: async () => null, compensate: () => null },
        insure: {
          outside: true,
          try: async () => 'policy',
          confirm() {},
          // @ts-expect-error it may be null
          cancel: (_payload, { tryResult }) => tryResult.toUpperCase(),
        },
      },
    });
    expect(shipping.name).toBe('shipping');
  });

  test('so that a wrong result or context of a saga does not compile', () => {
    const compensate = () => {};
    defineParticipant(inventory, {
      barrier,
      // @ts-expect-error the action promises a reservationId
      activities: { reserve: { compensate, action: async () => ({}) } },
    });
    defineParticipant(inventory, {
      barrier,
      activities: {
        reserve: {
          // @ts-expect-error an action is the first to be called: there is no result before it
          action: (_payload, { actionResult }) => ({ reservationId: `${actionResult}` }),
          // @ts-expect-error there is no try in a saga, and inside the database no signal
          compensate: (_payload, { tryResult, signal }) => [tryResult, signal],
        },
      },
    });
    expect(inventory.name).toBe('inventory');
  });

  test('so that a wrong payload, result or context does not compile', () => {
    const ops = { confirm() {}, cancel() {} };
    defineParticipant(inventory, {
      barrier,
      // @ts-expect-error the try promises a reservationId
      activities: { reserve: { ...ops, try: async () => ({}) } },
    });
    defineParticipant(inventory, {
      barrier,
      // @ts-expect-error a try that returns nothing
      activities: { reserve: { ...ops, try() {} } },
    });
    defineParticipant(inventory, {
      barrier,
      activities: {
        reserve: {
          // @ts-expect-error the quantity is a number, and a reservationId is text
          try: ({ quantity }) => ({ reservationId: quantity }),
          // @ts-expect-error the payload has no colour
          confirm: ({ colour }) => colour,
          // @ts-expect-error inside the database there is no signal
          cancel: (_payload, { signal }) => signal,
        },
      },
    });
    expect(inventory.name).toBe('inventory');
  });
});

describe('a contract is refused, by the compiler and at run time, with', () => {
  const payload = Type.Object({});

  test('a word that no activity has', () => {
    expect(() =>
      defineContract('inventory', {
        reserve: {
          payload,
          // @ts-expect-error it is result
          tryResult: payload,
        },
      }),
    ).toThrow(new TypeError('reserve of inventory has “tryResult”: an activity has payload and result'));
    expect(() =>
      defineContract('inventory', {
        // @ts-expect-error it is payload
        reserve: { paylod: payload },
      }),
    ).toThrow(new TypeError('reserve of inventory has “paylod”: an activity has payload and result'));
  });

  test.each([
    ['no payload', {}, 'payload'],
    ['a payload that is no schema', { payload: 'text' }, 'payload'],
    ['a result that is no schema', { payload, result: 'text' }, 'result'],
  ])('%s', (_what, reserve, word) => {
    expect(() =>
      defineContract('inventory', {
        // @ts-expect-error it is to be a schema
        reserve,
      }),
    ).toThrow(
      new TypeError(`the ${word} of reserve of inventory is no schema: give one, such as Type.Object({ … })`),
    );
  });

  test.each([[null], [undefined], ['text']])('an activity that is %s', (reserve) => {
    expect(() => {
      // @ts-expect-error it is to be an object
      defineContract('inventory', { reserve });
    }).toThrow(new TypeError('reserve of inventory is no activity: give its payload, and its result'));
  });
});

const MISSING = new TypeError(
  'inventory/reserve is missing: give its try, confirm and cancel, or its action and compensate',
);

describe('a definition is refused, by the compiler and at run time, with', () => {
  test.each([
    ['none', undefined],
    ['null', null],
    ['a pool in its place', { query: () => {} }],
    ['a barrier that only works inside', { run: () => {} }],
  ])('%s for a barrier', (_what, wrong) => {
    expect(() =>
      defineParticipant(inventory, {
        // @ts-expect-error it is no barrier
        barrier: wrong,
        activities: { reserve },
      }),
    ).toThrow(new TypeError('inventory has no barrier: give one, such as mysql2Barrier({ pool })'));
  });

  test('no activities', () => {
    expect(() =>
      // @ts-expect-error activities are missing
      defineParticipant(inventory, { barrier }),
    ).toThrow(MISSING);
  });

  test('an activity missing', () => {
    expect(() =>
      defineParticipant(inventory, {
        barrier,
        // @ts-expect-error reserve is missing
        activities: {},
      }),
    ).toThrow(MISSING);
  });

  test.each(['try', 'confirm', 'cancel'] as const)('%s missing', (op) => {
    const { [op]: _left, ...others } = reserve;
    expect(() =>
      defineParticipant(inventory, {
        barrier,
        // @ts-expect-error one op is missing
        activities: { reserve: others },
      }),
    ).toThrow(new TypeError(`inventory/reserve has no ${op}: give a function`));
  });

  test('an action missing, where there is a compensate', () => {
    expect(() =>
      defineParticipant(inventory, {
        barrier,
        // @ts-expect-error the action is missing
        activities: { reserve: { compensate() {} } },
      }),
    ).toThrow(new TypeError('inventory/reserve has no action: give a function'));
  });

  test('no op at all', () => {
    // @ts-expect-error all ops are missing
    expect(() => defineParticipant(inventory, { barrier, activities: { reserve: {} } })).toThrow(MISSING);
  });

  test.each([
    ['try', 'action', { action: reserve.try }],
    ['try', 'compensate', { compensate() {} }],
  ])('ops of both patterns, such as %s and %s', (one, other, more) => {
    expect(() =>
      defineParticipant(inventory, {
        barrier,
        // @ts-expect-error an activity has the ops of one pattern
        activities: { reserve: { ...reserve, ...more } },
      }),
    ).toThrow(
      new TypeError(
        `inventory/reserve has ${one} and ${other}: give try, confirm and cancel for a tcc, or action and ` +
          'compensate for a saga; an activity that serves both is two activities',
      ),
    );
  });

  test('a compensate that is no function', () => {
    expect(() =>
      defineParticipant(inventory, {
        barrier,
        // @ts-expect-error an activity that has nothing to undo has no compensate
        activities: { reserve: { action: reserve.try, compensate: false } },
      }),
    ).toThrow(new TypeError('inventory/reserve has no compensate: give a function'));
  });

  test('isPivot in a tcc, which has none', () => {
    expect(() =>
      defineParticipant(inventory, {
        barrier,
        // @ts-expect-error only a saga has a pivot
        activities: { reserve: { ...reserve, isPivot: true } },
      }),
    ).toThrow(new TypeError('inventory/reserve has isPivot, and no action: only a saga has a pivot'));
  });

  test('a pivot that could be compensated', () => {
    expect(() =>
      defineParticipant(inventory, {
        barrier,
        // @ts-expect-error a pivot has no compensate
        activities: { reserve: { action: reserve.try, compensate() {}, isPivot: true } },
      }),
    ).toThrow(
      new TypeError(
        'inventory/reserve has isPivot and compensate: a pivot is never compensated, leave one of them out',
      ),
    );
  });

  test('an activity that the contract does not know', () => {
    expect(() =>
      defineParticipant(inventory, {
        barrier,
        // @ts-expect-error the contract knows no release
        activities: { reserve, release: reserve },
      }),
    ).toThrow(new TypeError('the contract inventory has no activity release'));
  });

  test.each([
    [false],
    [{}],
    [{ limitMs: 0 }],
    [{ limitMs: 1.5 }],
    [{ limitMs: '5' }],
    [{ limitMs: 2 ** 31 }],
  ])('outside: %j', (outside) => {
    expect(() =>
      defineParticipant(inventory, {
        barrier,
        // @ts-expect-error neither true nor { limitMs }, or so many milliseconds that no timer runs
        activities: { reserve: { ...reserve, outside } },
      }),
    ).toThrow('outside of inventory/reserve is to be true, or { limitMs } with whole milliseconds from 1');
  });

  test('an isPivot that is neither true nor false', () => {
    expect(() =>
      defineParticipant(inventory, {
        barrier,
        // @ts-expect-error words are neither
        activities: { reserve: { ...reserve, isPivot: 'no' } },
      }),
    ).toThrow('isPivot of inventory/reserve is to be true or false');
  });

  test('an empty list of secrets, which would let everyone in', () => {
    expect(() => defineParticipant(inventory, { barrier, activities: { reserve }, secrets: [] })).toThrow(
      new TypeError('inventory has an empty list of secrets: give at least one, or leave secrets out'),
    );
  });

  test('a secret that is none, without telling it', () => {
    expect(() =>
      defineParticipant(inventory, {
        barrier,
        activities: { reserve },
        secrets: [newSecret(), 'whsec_c2hvcnQ='],
      }),
    ).toThrow(new TypeError('a secret of inventory is wrong: a secret has 24 to 64 bytes, and this one 5'));
  });
});
