// What a participant tells its barrier, and what it gives its ops.
import { beforeEach, describe, expect, test } from '@jest/globals';
import { type Barrier, defineContract, defineParticipant, Refusal } from '@tercet/sdk';
import { type SqliteBarrier, type SqliteDatabase, sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import type { Op } from '@tercet/sdk/wire';
import SQLite from 'better-sqlite3';
import { Type } from 'typebox';
import { answerOf, callFor, newGid, problemOf } from './shop.ts';

const contract = defineContract('bank', {
  hold: { payload: Type.Object({ cents: Type.Integer() }), result: Type.Object({ holdId: Type.String() }) },
});
const { hold } = contract.activities;
/** The same for steps of sagas. */
const steps = defineContract('bank', { hold: { ...hold, kind: 'step' } });
const pivots = defineContract('bank', { hold: { ...hold, kind: 'pivot' } });
const activity = 'hold';
const payload = { cents: 900 };

let db: SQLite.Database;
let barrier: SqliteBarrier<SQLite.Database>;
beforeEach(async () => {
  db = new SQLite(':memory:');
  barrier = sqliteBarrier({ db });
  await barrier.createTable();
});

/** The real barrier, and the options that came with each call. */
function overheard() {
  const heard: { readonly how: string; readonly op: Op; readonly options: unknown }[] = [];
  const listening: Barrier<SQLite.Database> = {
    run: (call, work, options) => {
      heard.push({ how: 'run', op: call.op, options });
      return barrier.run(call, work, options);
    },
    outside: (call, work, options) => {
      heard.push({ how: 'outside', op: call.op, options });
      return barrier.outside(call, work, options);
    },
    createTable: () => barrier.createTable(),
  };
  return { heard, listening };
}

describe('the barrier is told', () => {
  const ops = { try: () => ({ holdId: 'h' }), confirm() {}, cancel() {} };
  const call = (op: Op) => callFor({ gid: newGid(), activity, op, payload });

  test('nothing special of work inside its SQL transaction', async () => {
    const { heard, listening } = overheard();
    const participant = defineParticipant(contract, { barrier: listening, activities: { hold: ops } });
    for (const op of ['try', 'confirm', 'cancel'] as const) await participant.handle(call(op));
    expect(heard).toEqual([
      { how: 'run', op: 'try', options: { isPivot: false } },
      { how: 'run', op: 'confirm', options: { isPivot: false } },
      { how: 'run', op: 'cancel', options: { isPivot: false } },
    ]);
  });

  test.each([
    [true, {}],
    [{ limitMs: 700 }, { limitMs: 700 }],
  ] as const)('of work outside the database, for how long: %j', async (outside, limit) => {
    const { heard, listening } = overheard();
    const participant = defineParticipant(contract, {
      barrier: listening,
      activities: { hold: { ...ops, outside } },
    });
    for (const op of ['try', 'cancel'] as const) await participant.handle(call(op));
    expect(heard).toEqual([
      { how: 'outside', op: 'try', options: { isPivot: false, ...limit } },
      { how: 'outside', op: 'cancel', options: { isPivot: false, ...limit } },
    ]);
  });

  test('of a pivot, at its action', async () => {
    const { heard, listening } = overheard();
    const participant = defineParticipant(pivots, {
      barrier: listening,
      activities: { hold: { action: ops.try } },
    });
    await participant.handle(call('action'));
    expect(heard).toEqual([{ how: 'run', op: 'action', options: { isPivot: true } }]);
  });

  test('of steps as of branches, inside and outside', async () => {
    for (const outside of [undefined, true] as const) {
      const { heard, listening } = overheard();
      const participant = defineParticipant(steps, {
        barrier: listening,
        activities: { hold: { action: ops.try, compensate() {}, ...(outside && { outside }) } },
      });
      for (const op of ['action', 'compensate'] as const) await participant.handle(call(op));
      const how = outside ? 'outside' : 'run';
      expect(heard).toEqual([
        { how, op: 'action', options: { isPivot: false } },
        { how, op: 'compensate', options: { isPivot: false } },
      ]);
    }
  });
});

test('the barrier is not asked about a try that has a payload that the contract does not take', async () => {
  const { heard, listening } = overheard();
  const participant = defineParticipant(contract, {
    barrier: listening,
    activities: { hold: { try: () => ({ holdId: 'h' }), confirm() {}, cancel() {} } },
  });
  expect(await problemOf(participant, callFor({ activity, payload: {} }))).toMatchObject({
    code: 'invalid_payload',
  });
  expect(heard).toEqual([]);
});

test.each([
  [undefined],
  [true],
] as const)('the barrier alone judges a deadline, by its own clock; outside: %j', async (outside) => {
  const { heard, listening } = overheard();
  const participant = defineParticipant(contract, {
    barrier: listening,
    activities: {
      hold: {
        try: () => ({ holdId: 'h' }),
        confirm() {},
        cancel() {},
        ...(outside && { outside }),
      },
    },
  });
  const gid = newGid();
  const late = callFor({ gid, activity, payload, deadlineAt: new Date(0) });
  expect(await problemOf(participant, late)).toMatchObject({ code: 'deadline_passed' });
  const done = await answerOf(participant, callFor({ gid, activity, payload }));
  expect(done).toMatchObject({ status: 200 });
  expect(await answerOf(participant, late)).toEqual(done);
  expect(heard).toHaveLength(3);
});

test('each op is given the call, the SQL transaction, and what the try returned', async () => {
  const given: {
    readonly op: Op;
    readonly db: SqliteDatabase;
    readonly tryResult: unknown;
    readonly keys: string[];
  }[] = [];
  const participant = defineParticipant(contract, {
    barrier,
    activities: {
      hold: {
        try(_payload, context) {
          const { call, sqlTx, tryResult } = context;
          given.push({ op: call.op, db: sqlTx, tryResult, keys: Object.keys(context).sort() });
          return { holdId: 'h-1' };
        },
        confirm(_payload, { call, sqlTx, tryResult }) {
          given.push({ op: call.op, db: sqlTx, tryResult, keys: [] });
        },
        cancel() {},
      },
    },
  });
  const gid = newGid();
  const at = new Date('2999-01-01T00:00:00.500Z');
  for (const op of ['try', 'confirm'] as const)
    await participant.handle(callFor({ gid, activity, op, payload, deadlineAt: at }));
  expect(given).toEqual([
    { op: 'try', db: expect.any(db.constructor), tryResult: null, keys: ['call', 'sqlTx', 'tryResult'] },
    { op: 'confirm', db: expect.any(db.constructor), tryResult: { holdId: 'h-1' }, keys: [] },
  ]);
});

test('action and compensate are given the call and the SQL transaction, and the latter what was done', async () => {
  const given: object[] = [];
  const participant = defineParticipant(steps, {
    barrier,
    activities: {
      hold: {
        action(_payload, { call, ...others }) {
          given.push({ op: call.op, ...others });
          return { holdId: 'h-1' };
        },
        compensate(_payload, { call, ...others }) {
          given.push({ op: call.op, ...others });
        },
      },
    },
  });
  const gid = newGid();
  for (const op of ['action', 'compensate'] as const)
    await participant.handle(callFor({ gid, activity, op, payload }));
  expect(given).toEqual([
    { op: 'action', sqlTx: expect.any(db.constructor) },
    { op: 'compensate', sqlTx: expect.any(db.constructor), actionResult: { holdId: 'h-1' } },
  ]);
});

test('the call that an op is given is what the headers say', async () => {
  const calls: unknown[] = [];
  const participant = defineParticipant(contract, {
    barrier,
    activities: {
      hold: {
        try(_payload, { call }) {
          calls.push(call);
          return { holdId: 'h' };
        },
        confirm() {},
        cancel() {},
      },
    },
  });
  const gid = newGid();
  const call = callFor({ gid, activity, payload, deadlineAt: new Date('2999-01-01T00:00:00.500Z') });
  await participant.handle({ ...call, headers: { ...call.headers, 'tcc-attempt': '3' } });
  expect(calls).toEqual([
    {
      gid,
      branchId: 'stock',
      activity: 'hold',
      op: 'try',
      kind: 'tcc',
      attempt: 3,
      deadlineAt: Date.parse('2999-01-01T00:00:00.500Z'),
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      completionUrl: null,
    },
  ]);
});

test.each([
  ['a toJSON', (write: () => object) => ({ toJSON: write })],
  [
    'a getter',
    (write: () => object) => Object.defineProperty({}, 'holdId', { get: write, enumerable: true }),
  ],
])('what %s of a result writes is written once', async (title, resultOf) => {
  db.exec('CREATE TABLE hold (id INTEGER PRIMARY KEY)');
  const participant = defineParticipant(contract, {
    barrier,
    activities: {
      hold: {
        try: (_payload, { sqlTx }) => {
          const write = () => `h-${sqlTx.prepare('INSERT INTO hold DEFAULT VALUES').run().lastInsertRowid}`;
          const given = title === 'a toJSON' ? () => ({ holdId: write() }) : write;
          return resultOf(given as () => object) as { holdId: string };
        },
        confirm() {},
        cancel() {},
      },
    },
  });
  const answer = await answerOf(participant, callFor({ activity, payload }));
  expect(answer).toMatchObject({ status: 200, body: { holdId: 'h-1' } });
  expect(db.prepare('SELECT id FROM hold').all()).toEqual([{ id: 1 }]);
});

/** As some libraries have queries, or promises: nothing is begun before it is awaited. */
class LazyPromise<T> extends Promise<T> {
  readonly #begin: () => T;
  constructor(begin: () => T) {
    super((resolve) => resolve(undefined as T));
    this.#begin = begin;
  }
  // biome-ignore lint/suspicious/noThenProperty: it is a promise.
  override then<A = T, B = never>(
    ...then: [((value: T) => A | PromiseLike<A>)?, ((reason: unknown) => B | PromiseLike<B>)?]
  ): Promise<A | B> {
    return Promise.resolve(this.#begin()).then(...then);
  }
}

test.each<[string, (write: () => object) => unknown]>([
  [
    'a query builder',
    (write) => Object.fromEntries([['then', (resolve: (value: object) => void) => resolve(write())]]),
  ],
  ['a promise', (write) => new LazyPromise(write)],
])('%s that waits to be awaited is not begun where the barrier refuses it', async (_title, resultOf) => {
  db.exec('CREATE TABLE hold (id INTEGER PRIMARY KEY)');
  const write = () => ({
    holdId: `h-${db.prepare('INSERT INTO hold DEFAULT VALUES').run().lastInsertRowid}`,
  });
  const participant = defineParticipant(contract, {
    barrier,
    activities: {
      hold: { try: () => resultOf(write) as { holdId: string }, confirm() {}, cancel() {} },
    },
    onError() {},
  });
  expect(await problemOf(participant, callFor({ activity, payload }))).toMatchObject({ httpStatus: 503 });
  await new Promise((resolve) => setImmediate(resolve));
  expect(db.prepare('SELECT id FROM hold').all()).toEqual([]);
});

test('an op that returns a function was not done, whatever result its contract has', async () => {
  const loose = defineContract('bank', { hold: { ...hold, result: Type.Unknown() } });
  const participant = defineParticipant(loose, {
    barrier,
    activities: { hold: { try: () => () => ({ holdId: 'h' }), confirm() {}, cancel() {} } },
    onError() {},
  });
  expect(await problemOf(participant, callFor({ activity, payload }))).toMatchObject({ httpStatus: 503 });
});

test('ops may be methods of an object that has state of its own', async () => {
  class Hold {
    readonly #holdId = 'h-7';
    try = () => ({ holdId: this.#holdId });
    confirm() {
      return this.#holdId;
    }
    cancel() {}
  }
  const participant = defineParticipant(contract, { barrier, activities: { hold: new Hold() } });
  const gid = newGid();
  await participant.handle(callFor({ gid, activity, payload }));
  expect(await answerOf(participant, callFor({ gid, activity, payload, op: 'confirm' }))).toMatchObject({
    body: 'h-7',
  });
});

describe('a pivot', () => {
  const op = 'action';
  const pivot = (work: () => { holdId: string }) =>
    defineParticipant(pivots, { barrier, activities: { hold: { action: work } } });

  test('that refused refuses for good', async () => {
    let funds = 0;
    const participant = pivot(() => {
      if (funds < payload.cents) throw new Refusal('not enough money');
      return { holdId: 'h' };
    });
    const gid = newGid();
    expect(await problemOf(participant, callFor({ gid, activity, op, payload }))).toMatchObject({
      code: 'refused',
    });
    funds = 1000;
    expect(await problemOf(participant, callFor({ gid, activity, op, payload }))).toMatchObject({
      code: 'refused',
    });
  });

  test('that refused a payload refuses for good, too', async () => {
    const participant = pivot(() => ({ holdId: 'h' }));
    const gid = newGid();
    const wrong = callFor({ gid, activity, op, payload: { cents: 'all' } });
    expect(await problemOf(participant, wrong)).toMatchObject({ httpStatus: 409, code: 'invalid_payload' });
    expect(await problemOf(participant, callFor({ gid, activity, op, payload }))).toMatchObject({
      httpStatus: 409,
    });
  });

  test('that was done says so after its deadline: a refusal would be taken for not done', async () => {
    const participant = pivot(() => ({ holdId: 'h' }));
    const gid = newGid();
    await participant.handle(callFor({ gid, activity, op, payload }));
    expect(
      await answerOf(participant, callFor({ gid, activity, op, payload, deadlineAt: new Date(0) })),
    ).toMatchObject({
      status: 200,
      body: { holdId: 'h' },
    });
  });

  test('that was not done is refused after its deadline', async () => {
    const late = callFor({ activity, op, payload, deadlineAt: new Date(0) });
    expect(
      await problemOf(
        pivot(() => ({ holdId: 'h' })),
        late,
      ),
    ).toMatchObject({
      httpStatus: 409,
      code: 'deadline_passed',
    });
  });
});
