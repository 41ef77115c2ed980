/**
 * What the compiler and `defineParticipant` refuse, so that no call ever meets it:
 *
 * - Payloads, results and contexts are typed by the contract, by the kind of the activity, and by `outside`.
 * - A contract with unknown words, names or kinds is refused, at compile time and at run time.
 * - So is a definition with missing or superfluous ops, generator functions, unusable barriers or wrong secrets.
 */
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

const { book, weigh, insure } = shipping.activities;
const steps = defineContract('shipping', {
  book: { ...book, kind: 'step' },
  weigh: { ...weigh, kind: 'step_uncompensated' },
  insure: { ...insure, kind: 'pivot' },
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

  test('in a saga with what the action returned, and without a compensate where nothing is undone', () => {
    const { routes } = defineParticipant(steps, {
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
          action: async ({ cents }, { signal }) => `${cents} ${signal.aborted}`,
        },
      },
    });
    // A branch that is refused for its kind is cancelled or compensated all the same.
    const ops = ['try', 'confirm', 'cancel', 'action', 'compensate'];
    expect(routes).toEqual(
      ['book', 'weigh', 'insure'].flatMap((activity) => ops.map((op) => ({ activity, op }))),
    );
  });

  test('outside with results that may be missing, where the first op never came to its end', () => {
    const mixed = defineContract('shipping', { book: { ...book, kind: 'step' }, insure });
    defineParticipant(mixed, {
      barrier,
      activities: {
        book: {
          outside: true,
          action: async () => ({ tour: 1 }),
          // @ts-expect-error it may be null
          compensate: (_payload, { actionResult }) => actionResult.tour,
        },
        insure: {
          outside: true,
          try: async () => 'policy',
          confirm() {},
          // @ts-expect-error it may be null
          cancel: (_payload, { tryResult }) => tryResult.toUpperCase(),
        },
      },
    });
    expect(mixed.name).toBe('shipping');
  });

  test('so that a wrong result or context of a saga does not compile', () => {
    const compensate = () => {};
    const stock = defineContract('inventory', { reserve: { ...inventory.activities.reserve, kind: 'step' } });
    defineParticipant(stock, {
      barrier,
      // @ts-expect-error the action promises a reservationId
      activities: { reserve: { compensate, action: async () => ({}) } },
    });
    defineParticipant(stock, {
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
    expect(stock.name).toBe('inventory');
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
    ).toThrow(
      new TypeError('reserve of inventory has “tryResult”: an activity has kind, payload and result'),
    );
    expect(() =>
      defineContract('inventory', {
        // @ts-expect-error it is payload
        reserve: { paylod: payload },
      }),
    ).toThrow(new TypeError('reserve of inventory has “paylod”: an activity has kind, payload and result'));
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

  test('a kind that is none', () => {
    expect(() =>
      defineContract('inventory', {
        reserve: {
          payload,
          // @ts-expect-error there is no such kind
          kind: 'saga',
        },
      }),
    ).toThrow(
      new TypeError(
        'reserve of inventory is of kind “saga”: the kinds are tcc, step, step_uncompensated, pivot, final',
      ),
    );
  });

  test.each([[null], [undefined], ['text']])('an activity that is %s', (reserve) => {
    expect(() => {
      // @ts-expect-error it is to be an object
      defineContract('inventory', { reserve });
    }).toThrow(new TypeError('reserve of inventory is no activity: give its payload, and its result'));
  });
});

const OF_TCC = 'it is of kind tcc, which has try, confirm, cancel';
const MISSING = new TypeError(`inventory/reserve is missing: ${OF_TCC}`);

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
    ).toThrow(new TypeError(`inventory/reserve has no ${op}: ${OF_TCC}. Give a function`));
  });

  test('no op at all', () => {
    // @ts-expect-error all ops are missing
    expect(() => defineParticipant(inventory, { barrier, activities: { reserve: {} } })).toThrow(
      new TypeError(`inventory/reserve has no try: ${OF_TCC}. Give a function`),
    );
  });

  test.each([
    ['action', { action: reserve.try }],
    ['compensate', { compensate() {} }],
  ])('an op that its kind does not have: %s', (op, more) => {
    expect(() =>
      defineParticipant(inventory, {
        barrier,
        // @ts-expect-error a tcc has neither
        activities: { reserve: { ...reserve, ...more } },
      }),
    ).toThrow(
      new TypeError(
        `inventory/reserve has ${op}: ${OF_TCC}. Leave it out, or change the kind in the contract`,
      ),
    );
  });

  test('a step without a compensate, which would be parked when its saga is cancelled', () => {
    expect(() =>
      defineParticipant(defineContract('shipping', { book: steps.activities.book }), {
        barrier,
        // @ts-expect-error a step has a compensate
        activities: { book: { action: () => ({ tour: 1 }) } },
      }),
    ).toThrow(
      new TypeError(
        'shipping/book has no compensate: it is of kind step, which has action, compensate. Give a function',
      ),
    );
  });

  test.each(['step_uncompensated', 'pivot', 'final'] as const)('a %s with a compensate', (kind) => {
    const contract = defineContract('shipping', { weigh: { ...weigh, kind } });
    expect(() =>
      defineParticipant(contract, {
        barrier,
        // @ts-expect-error nothing undoes it
        activities: { weigh: { action() {}, compensate() {} } },
      }),
    ).toThrow(
      new TypeError(
        `shipping/weigh has compensate: it is of kind ${kind}, which has action. Leave it out, or change the kind ` +
          'in the contract',
      ),
    );
  });

  test.each([
    ['a generator function', function* () {}],
    ['an async generator function', async function* () {}],
  ])('an op that is %s, whose body would never run', (_what, confirm) => {
    for (const where of [{}, { outside: true }] as const)
      for (const isSynchronous of [true, false])
        expect(() =>
          defineParticipant(inventory, {
            barrier: { ...barrier, isSynchronous },
            activities: { reserve: { ...reserve, ...where, confirm } as typeof reserve },
          }),
        ).toThrow(
          new TypeError(
            'inventory/reserve: its confirm is a generator function, whose body would never run: make it a plain or an async ' +
              'function',
          ),
        );
  });

  test('isPivot, which the contract says', () => {
    expect(() =>
      defineParticipant(inventory, {
        barrier,
        // @ts-expect-error there is no such word
        activities: { reserve: { ...reserve, isPivot: true } },
      }),
    ).toThrow(new TypeError("inventory/reserve has isPivot: say kind: 'pivot' in the contract instead"));
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

  test('an empty list of secrets, which would let everyone in', () => {
    expect(() => defineParticipant(inventory, { barrier, activities: { reserve }, secrets: [] })).toThrow(
      new TypeError('inventory has an empty list of secrets: give at least one, or leave secrets out'),
    );
  });

  test('a secret that is none, without telling it', () => {
    const define = () =>
      defineParticipant(inventory, {
        barrier,
        activities: { reserve },
        secrets: [newSecret(), 'whsec_c2hvcnQ='],
      });
    expect(define).toThrow(
      /^a secret of inventory is wrong: a secret has 24 to 64 bytes, and this one 5: make one by /,
    );
    expect(define).not.toThrow(/c2hvcnQ/);
  });
});
