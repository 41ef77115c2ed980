/**
 * What holds of the barrier on every driver:
 *
 * - A repeated call does nothing and answers the first result, whatever characters that holds.
 * - Calls out of order: a cancel without a try leaves a tombstone (I7), a try after it is refused (I6), confirm and
 *   cancel exclude each other (I1).
 * - Work that fails rolls back, the row with it. So does a result that JSON cannot hold in full.
 * - `within` joins the SQL transaction of its caller, and undoes only its own part.
 * - Work outside the database: its start is durable before it begins, a crash leaves it repeatable, and its limit ends
 *   its claim.
 * - No call creates or loses money (I11).
 */
import { EventEmitter } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Refusal } from '@tercet/sdk';
import { acceptedContract } from './accepted-contract.ts';
import { sagaContract } from './saga-contract.ts';
import { begunInTime, chain, HeldWork, raise, refusal, until, whenFree } from './contract-support.ts';
import { type BarrierWorld, callOf, freshGid, OPENING_CENTS, totalsOf } from './barrier-world.ts';

/** Each can end or change a literal of SQL, or be lost on its way to a column. */
const AWKWARD = [
  `it's "quoted" \`so\``,
  `a\\backslash\\' and one at the end \\`,
  'two\r\nlines \u2028',
  'a NUL \0 and a \u001a',
  '日本é🙂',
  'half of a pair: \ud83d',
  '? ?? :name $1 %s -- /* #',
];

const settled = () => Promise.resolve(1);
class Private {
  readonly #cents = 1;
  get cents(): number {
    return this.#cents;
  }
}
const PROMISE = 'a promise in it: await it, or several by Promise.all';
const COLLECTION = 'a Map or a Set in it: give a plain object or an array';
const ACTIVE =
  'a stream, a timer or another emitter in it, which may go on or fail: wait for its end, and give plain values';
const EMPTIED = 'an instance of a class in it of which JSON keeps nothing: give a plain object';

/** What a program returns that forgot to await, or that JSON would keep as an empty object. */
const LOST: readonly (readonly [string, () => unknown, string])[] = [
  ['promises, of a map without Promise.all', () => ['mug', 'cup'].map(settled), PROMISE],
  ['a promise as a member', () => ({ lines: [{ hold: settled() }] }), PROMISE],
  ['a query that waits to be awaited', () => ({ query: Object.fromEntries([['then', settled]]) }), PROMISE],
  ['a promise that a toJSON returns', () => [{ toJSON: settled }], PROMISE],
  [
    'a promise that has a toJSON, as those of Bluebird',
    () => [Object.assign(settled(), { toJSON: () => ({ isFulfilled: false }) })],
    PROMISE,
  ],
  ['an iterator', () => ({ names: ['mug'].values() }), 'an iterator in it: give an array'],
  ['a Map', () => new Map([['mug', 1]]), COLLECTION],
  ['a Set', () => [new Set(['mug'])], COLLECTION],
  [
    'an error',
    () => ({ status: 'rejected', reason: new Error('no') }),
    'an error in it: throw it, or give its message',
  ],
  [
    'an error that has a toJSON, as those of axios',
    () => [
      { status: 'rejected', reason: Object.assign(new Error('no'), { toJSON: () => ({ message: 'no' }) }) },
    ],
    'an error in it: throw it, or give its message',
  ],
  ['a stream', () => ({ copied: Readable.from(['mug']).pipe(new PassThrough()) }), ACTIVE],
  [
    'functions that were not called',
    () => ({ holds: ['mug'].map((item) => () => item) }),
    'a function as an element, which was not called: call it, and await what it returns',
  ],
  ['a web stream', () => [new Blob(['mug']).stream()], ACTIVE],
  ['an emitter, as a child process is', () => new EventEmitter(), ACTIVE],
  ['a timer', () => setImmediate(() => {}), ACTIVE],
  ['an observable', () => ({ source: {}, pipe: () => {}, subscribe: () => {} }), ACTIVE],
  ['an instance with private fields alone', () => [new Private()], EMPTIED],
];

/** @param canJoin whether the barrier has `within` */
export function barrierContract(
  open: () => BarrierWorld | Promise<BarrierWorld>,
  { canJoin = true }: { readonly canJoin?: boolean } = {},
): void {
  let world: BarrierWorld;
  beforeAll(async () => {
    world = await open();
    await world.barrier.createTable();
  });
  afterAll(() => world.close());

  const work = (call: ReturnType<typeof callOf>) => (sqlTx: unknown) =>
    world.write(sqlTx, { call, cents: 100, accounts: ['ann', 'bob'] });
  const pass = (call: ReturnType<typeof callOf>) => world.barrier.run(call, work(call));
  const effectsOf = async (gid: string) =>
    (await world.query(`SELECT branch_id, op FROM effect WHERE gid = '${gid}'`)).map(({ op }) => op);
  const rowsOf = (gid: string) => world.query(`SELECT phase FROM tercet_barrier WHERE gid = '${gid}'`);

  test('creating the table again, also by several at once, changes nothing', async () => {
    await Promise.all([world.barrier, world.another(), world.another()].map((one) => one.createTable()));
  });

  describe('a call that comes again', () => {
    test('a repeated try does nothing and answers the first result', async () => {
      const call = callOf('try');
      const first = await world.barrier.run(call, () => ({ reservationId: 'r1' }));
      const again = await world.another().run(call, () => ({ reservationId: 'r2' }));
      expect(first).toEqual({ outcome: 'done', result: { reservationId: 'r1' } });
      expect(again).toEqual({ outcome: 'repeated', result: { reservationId: 'r1' } });
    });

    test.each([
      'confirm',
      'cancel',
    ] as const)('a repeated %s does nothing and answers the first result', async (op) => {
      const gid = freshGid();
      await pass(callOf('try', { gid }));
      const call = callOf(op, { gid });
      expect(await world.barrier.run(call, () => 'first')).toEqual({ outcome: 'done', result: 'first' });
      expect(await world.barrier.run(call, () => 'second')).toEqual({ outcome: 'repeated', result: 'first' });
    });

    test('a try that is repeated after its confirm answers the first result, also after the deadline', async () => {
      const gid = freshGid();
      await world.barrier.run(callOf('try', { gid }), () => 'tried');
      await pass(callOf('confirm', { gid }));
      const late = callOf('try', { gid, deadlineAt: Date.now() - 1000 });
      expect(await world.barrier.run(late, () => 'again')).toEqual({ outcome: 'repeated', result: 'tried' });
    });

    test('the result is answered as JSON keeps it, the first time and every time', async () => {
      const call = callOf('try');
      const result = { text: 'Grüße 🙂 \u0000 \\', at: new Date(0), gone: undefined, list: [1.5, null] };
      const kept = { text: 'Grüße 🙂 \u0000 \\', at: '1970-01-01T00:00:00.000Z', list: [1.5, null] };
      expect((await world.barrier.run(call, () => result)).result).toEqual(kept);
      expect((await world.barrier.run(call, () => result)).result).toEqual(kept);
    });

    test('results are kept in ASCII, whatever the connection does to other characters', async () => {
      const call = callOf('try');
      await world.barrier.run(call, () => '日本é🙂');
      const [row] = await world.query(`SELECT try_result FROM tercet_barrier WHERE gid = '${call.gid}'`);
      expect(row?.try_result).toMatch(/^[ -~]+$/);
      expect((await world.barrier.run(call, () => null)).result).toBe('日本é🙂');
    });

    test.each(AWKWARD)('a result that holds %j is answered as it was', async (text) => {
      const call = callOf('try');
      await world.barrier.run(call, () => ({ [text]: text }));
      expect((await world.barrier.run(call, () => null)).result).toEqual({ [text]: text });
    });

    test.each(AWKWARD)('a pivot that refused with %j refuses for good with the same words', async (text) => {
      const call = callOf('action');
      const isPivot = true;
      const no = new Refusal(text);
      await expect(world.barrier.run(call, () => raise(no), { isPivot })).rejects.toBe(no);
      const again = world.barrier.run(call, () => 'now it would do', { isPivot });
      await expect(again).rejects.toMatchObject({ code: 'refused', message: text });
    });

    test('work that returns nothing answers null', async () => {
      expect(await world.barrier.run(callOf('try'), () => undefined)).toEqual({
        outcome: 'done',
        result: null,
      });
    });

    test('confirm and cancel are given what the try returned', async () => {
      for (const op of ['confirm', 'cancel'] as const) {
        const gid = freshGid();
        await world.barrier.run(callOf('try', { gid }), (_sqlTx, { tryResult }) => ({ id: 7, tryResult }));
        const { result } = await world.barrier.run(callOf(op, { gid }), (_sqlTx, known) => known.tryResult);
        expect(result).toEqual({ id: 7, tryResult: null });
      }
    });
  });

  describe('a call that comes out of order', () => {
    test('I7: a cancel before its try undoes nothing and leaves a tombstone, which refuses the try', async () => {
      const gid = freshGid();
      expect(await pass(callOf('cancel', { gid }))).toEqual({ outcome: 'nothing_to_undo', result: null });
      await expect(pass(callOf('try', { gid }))).rejects.toEqual(refusal('cancelled_before'));
      expect(await pass(callOf('cancel', { gid }))).toEqual({ outcome: 'repeated', result: null });
      expect(await effectsOf(gid)).toEqual([]);
    });

    test('I6: a try after its cancel is refused, though it was done before', async () => {
      const gid = freshGid();
      await pass(callOf('try', { gid }));
      await pass(callOf('cancel', { gid }));
      await expect(pass(callOf('try', { gid }))).rejects.toEqual(refusal('cancelled_before'));
      expect(await effectsOf(gid)).toEqual(['try', 'cancel']);
    });

    test('a confirm without a try is refused, and records nothing', async () => {
      const gid = freshGid();
      await expect(pass(callOf('confirm', { gid }))).rejects.toEqual(refusal('no_try'));
      expect(await rowsOf(gid)).toEqual([]);
      expect((await pass(callOf('try', { gid }))).outcome).toBe('done');
    });

    test('I1: a cancel after the confirm and a confirm after the cancel are refused', async () => {
      const [confirmed, cancelled] = [freshGid(), freshGid()];
      for (const gid of [confirmed, cancelled]) await pass(callOf('try', { gid }));
      await pass(callOf('confirm', { gid: confirmed }));
      await pass(callOf('cancel', { gid: cancelled }));
      await expect(pass(callOf('cancel', { gid: confirmed }))).rejects.toEqual(refusal('already_confirmed'));
      await expect(pass(callOf('confirm', { gid: cancelled }))).rejects.toEqual(refusal('already_cancelled'));
      expect(await effectsOf(confirmed)).toEqual(['try', 'confirm']);
      expect(await effectsOf(cancelled)).toEqual(['try', 'cancel']);
    });

    test('a try after its deadline is refused, and records nothing', async () => {
      const call = callOf('try', { deadlineAt: Date.now() - 1000 });
      await expect(pass(call)).rejects.toEqual(refusal('deadline_passed'));
      expect(await rowsOf(call.gid)).toEqual([]);
    });

    test('confirm and cancel have no deadline', async () => {
      for (const op of ['confirm', 'cancel'] as const) {
        const gid = freshGid();
        await pass(callOf('try', { gid }));
        expect((await pass(callOf(op, { gid, deadlineAt: Date.now() - 1000 }))).outcome).toBe('done');
      }
    });

    test('branches of one transaction are kept apart', async () => {
      const gid = freshGid();
      await pass(callOf('try', { gid, branchId: 'one' }));
      await pass(callOf('cancel', { gid, branchId: 'two' }));
      expect((await pass(callOf('confirm', { gid, branchId: 'one' }))).outcome).toBe('done');
      // A branchId is compared to the letter.
      await expect(pass(callOf('confirm', { gid, branchId: 'ONE' }))).rejects.toEqual(refusal('no_try'));
    });
  });

  describe('work that fails', () => {
    test('a refusal rolls back, is thrown on and leaves no trace: the next try may succeed', async () => {
      const call = callOf('try');
      const before = await totalsOf(world);
      const no = new Refusal('not enough money');
      const refused = world.barrier.run(call, (sqlTx) => chain(work(call)(sqlTx), () => raise(no)));
      await expect(refused).rejects.toBe(no);
      expect({ rows: await rowsOf(call.gid), totals: await totalsOf(world) }).toEqual({
        rows: [],
        totals: before,
      });
      expect((await pass(call)).outcome).toBe('done');
    });

    test('an error of the business rolls back and is thrown on, so that nobody answers success', async () => {
      const gid = freshGid();
      await pass(callOf('try', { gid }));
      const before = await totalsOf(world);
      const call = callOf('confirm', { gid });
      const bug = new Error('a bug');
      await expect(
        world.barrier.run(call, (sqlTx) => chain(work(call)(sqlTx), () => raise(bug))),
      ).rejects.toBe(bug);
      expect(await totalsOf(world)).toEqual(before);
      expect((await pass(call)).outcome).toBe('done');
    });

    test('an error that is returned counts as thrown', async () => {
      const call = callOf('try');
      const no = new Refusal('no');
      await expect(world.barrier.run(call, () => no)).rejects.toBe(no);
      expect(await rowsOf(call.gid)).toEqual([]);
    });

    test('a result over 64 KiB, or that JSON cannot hold, rolls back', async () => {
      const call = callOf('try');
      await expect(world.barrier.run(call, () => 'x'.repeat(65_536))).rejects.toBeInstanceOf(RangeError);
      await expect(world.barrier.run(call, () => () => 1)).rejects.toBeInstanceOf(TypeError);
      expect(await rowsOf(call.gid)).toEqual([]);
    });

    test('work that is a generator, whose body never runs, rolls back', async () => {
      const generators: readonly (() => unknown)[] = [function* () {}, async function* () {}];
      for (const generator of generators) {
        const call = callOf('try');
        const refused = new TypeError(
          'the work returned an iterator, and its body never ran: make the work no generator function, or return an array',
        );
        await expect(world.barrier.run(call, generator)).rejects.toEqual(refused);
        const joining = () => world.inSqlTx((sqlTx) => world.within(sqlTx, call, generator));
        if (canJoin) await expect(joining()).rejects.toEqual(refused);
        expect(await rowsOf(call.gid)).toEqual([]);
        await expect(world.barrier.outside(call, async () => generator())).rejects.toEqual(refused);
        expect(await rowsOf(call.gid)).toEqual([{ phase: 'open' }]);
      }
    });

    test.each(
      LOST,
    )('a result of which JSON would lose a part rolls back: %s', async (_what, resultOf, words) => {
      const call = callOf('try');
      const refused = new TypeError(`what the work returned has ${words}`);
      await expect(world.barrier.run(call, resultOf)).rejects.toEqual(refused);
      const joining = () => world.inSqlTx((sqlTx) => world.within(sqlTx, call, resultOf));
      if (canJoin) await expect(joining()).rejects.toEqual(refused);
      const pivot = callOf('action');
      await expect(world.barrier.run(pivot, resultOf, { isPivot: true })).rejects.toEqual(refused);
      expect([await rowsOf(call.gid), await rowsOf(pivot.gid)]).toEqual([[], []]);
      await expect(world.barrier.outside(call, async () => resultOf())).rejects.toEqual(refused);
      expect(await rowsOf(call.gid)).toEqual([{ phase: 'open' }]);
    });

    test('a result that JSON keeps is kept, also that of a class', async () => {
      class Line {
        readonly item = 'mug';
      }
      const kept = {
        at: new Date(0),
        lines: [new Line()],
        none: Object.create(null),
        n: Object(1),
        x: () => 1,
      };
      expect((await world.barrier.run(callOf('try'), () => kept)).result).toEqual({
        at: '1970-01-01T00:00:00.000Z',
        lines: [{ item: 'mug' }],
        none: {},
        n: 1,
      });
    });

    test('a call that names no branch is refused before anything is written', async () => {
      const good = callOf('try');
      const before = await world.query('SELECT gid FROM tercet_barrier');
      for (const wrong of [
        { ...good, gid: `${good.gid}x` },
        { ...good, branchId: '' },
        { ...good, op: 'tryy' as 'try' },
        { ...good, deadlineAt: Number.NaN },
      ])
        await expect(pass(wrong)).rejects.toBeInstanceOf(TypeError);
      expect(await world.query('SELECT gid FROM tercet_barrier')).toEqual(before);
    });
  });

  test('goes by the call as it came, also when its caller changes it meanwhile', async () => {
    const call = { ...callOf('action') };
    const came = { ...call };
    const passing = world.barrier.run(call, () => void Object.assign(call, { op: 'compensate' }));
    Object.assign(call, { gid: freshGid() });
    expect((await passing).outcome).toBe('done');
    const apart = { ...callOf('action') };
    const begun = { ...apart };
    const working = world.barrier.outside(
      apart,
      async () => void Object.assign(apart, { op: 'compensate', gid: freshGid() }),
    );
    expect((await working).outcome).toBe('done');
    for (const one of [came, begun]) expect((await world.barrier.run(one, () => 1)).outcome).toBe('repeated');
    if (!canJoin) return;
    const joined = { ...callOf('action') };
    const before = { ...joined };
    await world.inSqlTx((sqlTx) =>
      world.within(sqlTx, joined, () => void Object.assign(joined, { op: 'compensate' })),
    );
    expect((await world.barrier.run(before, () => 1)).outcome).toBe('repeated');
  });

  if (canJoin) describe('within a SQL transaction of one’s own', joining);

  function joining(): void {
    test('row and work are committed with it', async () => {
      const call = callOf('try');
      const passed = await world.inSqlTx((sqlTx) => world.within(sqlTx, call, () => 'joined'));
      expect(passed).toEqual({ outcome: 'done', result: 'joined' });
      expect((await pass(call)).outcome).toBe('repeated');
    });

    test('row and work are rolled back with it', async () => {
      const call = callOf('try');
      const undone = world.inSqlTx((sqlTx) =>
        chain(
          world.within(sqlTx, call, () => work(call)(sqlTx)),
          () => raise(new Error('later')),
        ),
      );
      await expect(undone).rejects.toThrow('later');
      expect([await rowsOf(call.gid), await effectsOf(call.gid)]).toEqual([[], []]);
    });

    test('work that throws is undone with its row, even when the rest is committed', async () => {
      const call = callOf('try');
      const caught = await world.inSqlTx(async (sqlTx) => {
        try {
          await world.within(sqlTx, call, () => chain(work(call)(sqlTx), () => raise(new Refusal('no'))));
        } catch (error) {
          return error;
        }
      });
      expect(caught).toEqual(refusal('refused'));
      expect([await rowsOf(call.gid), await effectsOf(call.gid)]).toEqual([[], []]);
    });

    test('a branch that its own work joins again is refused as being worked on, and stays sound', async () => {
      const call = callOf('try');
      const words = 'this branch is being worked on by its try in this process';
      const nested = world.barrier.run(call, (sqlTx) =>
        chain(work(call)(sqlTx), () => world.within(sqlTx, call, () => 'again')),
      );
      await expect(nested).rejects.toThrow(words);
      expect(await rowsOf(call.gid)).toEqual([]);
      expect((await pass(call)).outcome).toBe('done');
    });

    test('a refused call leaves no row behind, even when the rest is committed', async () => {
      const call = callOf('confirm');
      await world.inSqlTx(async (sqlTx) => {
        await expect((async () => world.within(sqlTx, call, () => 1))()).rejects.toEqual(refusal('no_try'));
      });
      expect(await rowsOf(call.gid)).toEqual([]);
    });
  }

  describe('work outside the database', () => {
    const never = () => new Promise<never>(() => {});

    test('is done once, and repeated from the row', async () => {
      const gid = freshGid();
      const call = callOf('try', { gid });
      let count = 0;
      const book = async () => ({ count: ++count });
      expect(await world.barrier.outside(call, book)).toEqual({ outcome: 'done', result: { count: 1 } });
      expect(await world.barrier.outside(call, book)).toEqual({ outcome: 'repeated', result: { count: 1 } });
      const confirm = world.barrier.outside(callOf('confirm', { gid }), async ({ tryResult }) => tryResult);
      expect((await confirm).result).toEqual({ count: 1 });
    });

    test('while it goes on, every other call of the branch is told to ask again', async () => {
      const gid = freshGid();
      const held = new HeldWork();
      const going = world.barrier.outside(callOf('try', { gid }), held.run);
      const busy = expect.objectContaining({ name: 'InProgress', retryAfterMs: expect.any(Number) });
      await held.begun;
      for (const op of ['try', 'cancel'] as const) {
        await expect(world.another().outside(callOf(op, { gid }), async () => op)).rejects.toEqual(busy);
        await expect(pass(callOf(op, { gid }))).rejects.toEqual(busy);
      }
      held.end('booked');
      expect((await going).result).toBe('booked');
      expect((await pass(callOf('cancel', { gid }))).outcome).toBe('done');
    });

    test('a crash half-way through the try is still cancelled, and not taken for a try that never came', async () => {
      const gid = freshGid();
      // Where the database is slow it is not even begun; what is left of it is the same.
      world.barrier.outside(callOf('try', { gid }), never, { limitMs: 50 }).catch(() => {});
      await until(async () => (await rowsOf(gid)).length > 0);
      const cancel = () => world.another().outside(callOf('cancel', { gid }), async () => 'undone');
      expect(await whenFree(cancel)).toEqual({ outcome: 'done', result: 'undone' });
      await expect(pass(callOf('try', { gid }))).rejects.toEqual(refusal('cancelled_before'));
    });

    test('after a crash the try is taken up again once its limit has passed', async () => {
      const call = callOf('try');
      world.barrier.outside(call, never, { limitMs: 50 }).catch(() => {});
      await until(async () => (await rowsOf(call.gid)).length > 0);
      const again = () => world.another().outside(call, async () => 'taken up');
      expect(await whenFree(again)).toEqual({ outcome: 'done', result: 'taken up' });
    });

    test.each([
      'a refusal',
      'an error',
    ])('a try that ended with %s may have had an effect: its cancel works', async (how) => {
      const gid = freshGid();
      const error = how === 'a refusal' ? new Refusal('no') : new Error('the line broke');
      await expect(world.barrier.outside(callOf('try', { gid }), () => Promise.reject(error))).rejects.toBe(
        error,
      );
      expect((await world.barrier.outside(callOf('cancel', { gid }), async () => 'undone')).outcome).toBe(
        'done',
      );
    });

    test('a try that ended with an error may be asked again at once', async () => {
      const call = callOf('try');
      await expect(world.barrier.outside(call, () => Promise.reject(new Error('x')))).rejects.toThrow('x');
      expect((await world.barrier.outside(call, async () => 'now')).outcome).toBe('done');
    });

    test('I1: once a confirm was started outside, a cancel is refused, however it ended; and the other way round', async () => {
      for (const [first, second, code] of [
        ['confirm', 'cancel', 'already_confirmed'],
        ['cancel', 'confirm', 'already_cancelled'],
      ] as const) {
        const gid = freshGid();
        await pass(callOf('try', { gid }));
        const failed = world.barrier.outside(callOf(first, { gid }), () =>
          Promise.reject(new Error('half-way')),
        );
        await expect(failed).rejects.toThrow('half-way');
        await expect(pass(callOf(second, { gid }))).rejects.toEqual(refusal(code));
        expect((await world.barrier.outside(callOf(first, { gid }), async () => 1)).outcome).toBe('done');
      }
    });

    test('work that outlives its limit and has lost the branch does not overwrite what came after', async () => {
      let gid = '';
      const { work: late, ended } = await begunInTime((held, limitMs) => {
        gid = freshGid();
        return world.barrier.outside(callOf('try', { gid }), held.run, { limitMs });
      });
      await whenFree(() => world.another().outside(callOf('cancel', { gid }), async () => 'undone'));
      late.end('too late');
      expect(await ended).toMatchObject({ message: expect.stringContaining('took longer than its limit') });
      expect(await rowsOf(gid)).toEqual([{ phase: 'cancelled' }]);
    });

    test('its signal is aborted at the limit', async () => {
      const { work: held, ended } = await begunInTime((work, limitMs) =>
        world.barrier.outside(callOf('try'), work.run, { limitMs }),
      );
      const { signal } = held;
      signal?.addEventListener('abort', () => held.fail(signal.reason));
      if (signal?.aborted) held.fail(signal.reason);
      expect(await ended).toMatchObject({ name: 'TimeoutError' });
    });

    test('whoever finds it under way is told to look again soon: it mostly ends long before its limit', async () => {
      const call = callOf('try');
      const held = new HeldWork();
      void world.barrier.outside(call, held.run, { limitMs: 600_000 });
      await held.begun;
      const busy = await world.barrier.outside(call, async () => 1).catch((error) => error);
      expect(busy.retryAfterMs).toBeLessThanOrEqual(1000);
    });
  });

  sagaContract(() => world);
  acceptedContract(() => world, canJoin);

  test('I11: after all of this no money was made or lost', async () => {
    const { available, held, paid } = await totalsOf(world);
    expect(available + held + paid).toBe(4 * OPENING_CENTS);
  });
}
