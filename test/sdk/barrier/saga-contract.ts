/**
 * What holds of the barrier for the steps of sagas, on every driver:
 *
 * - Action and compensate take effect once, in any order of arrival (I6, I7).
 * - Outside the database, an action that was started can be compensated, also where nobody knows how far it came.
 * - The refusal of a pivot is durable, undoes its work, and is answered for good.
 * - An op of the other pattern is refused at a branch that has a pattern.
 */
import { describe, expect, test } from '@jest/globals';
import { Refusal } from '@tercet/sdk';
import { begunInTime, chain, HeldWork, raise, refusal, until, whenFree } from './contract-support.ts';
import { type BarrierWorld, callOf, freshGid, type Op, totalsOf } from './barrier-world.ts';

export function sagaContract(opened: () => BarrierWorld): void {
  const run: BarrierWorld['barrier']['run'] = (...given) => opened().barrier.run(...given);
  const outside: BarrierWorld['barrier']['outside'] = (...given) => opened().barrier.outside(...given);
  const work = (call: ReturnType<typeof callOf>) => (sqlTx: unknown) =>
    opened().write(sqlTx, { call, cents: 100, accounts: ['cyd', 'dan'] });
  const pass = (call: ReturnType<typeof callOf>) => run(call, work(call));
  const effectsOf = async (gid: string) =>
    (await opened().query(`SELECT op FROM effect WHERE gid = '${gid}'`)).map(({ op }) => op);
  const rowsOf = (gid: string) => opened().query(`SELECT phase FROM tercet_barrier WHERE gid = '${gid}'`);
  const long = () => Date.now() - 1000;

  describe('a step of a saga', () => {
    test('a repeated action does nothing and answers the first result, also after its deadline', async () => {
      const call = callOf('action');
      const first = await run(call, () => ({ bookingId: 'b1' }));
      const again = await opened()
        .another()
        .run(call, () => ({ bookingId: 'b2' }));
      const late = await run({ ...call, deadlineAt: long() }, () => ({ bookingId: 'b3' }));
      expect(first).toEqual({ outcome: 'done', result: { bookingId: 'b1' } });
      expect([again, late]).toEqual(Array(2).fill({ outcome: 'repeated', result: { bookingId: 'b1' } }));
    });

    test('a repeated compensate does nothing and answers the first result', async () => {
      const gid = freshGid();
      await pass(callOf('action', { gid }));
      const call = callOf('compensate', { gid });
      expect(await run(call, () => 'first')).toEqual({ outcome: 'done', result: 'first' });
      expect(await run(call, () => 'second')).toEqual({ outcome: 'repeated', result: 'first' });
    });

    test('its compensate is given what its action returned, and no try’s result', async () => {
      const gid = freshGid();
      await run(callOf('action', { gid }), (_sqlTx, known) => ({ id: 7, known }));
      const { result } = await run(callOf('compensate', { gid }), (_sqlTx, known) => ({ known }));
      const actionResult = { id: 7, known: { tryResult: null, actionResult: null, isStarted: false } };
      expect(result).toEqual({ known: { tryResult: null, actionResult, isStarted: false } });
    });

    test('I7: a compensate before its action undoes nothing and leaves a tombstone, which refuses the action', async () => {
      const gid = freshGid();
      const nothing = await pass(callOf('compensate', { gid }));
      expect(nothing).toEqual({ outcome: 'nothing_to_undo', result: null });
      await expect(pass(callOf('action', { gid }))).rejects.toMatchObject({
        code: 'cancelled_before',
        message: 'this step was compensated before',
      });
      expect(await pass(callOf('compensate', { gid }))).toEqual({ outcome: 'repeated', result: null });
      expect(await effectsOf(gid)).toEqual([]);
    });

    test('I6: an action after its compensate is refused, though it was done before', async () => {
      const gid = freshGid();
      for (const op of ['action', 'compensate'] as const) await pass(callOf(op, { gid }));
      await expect(pass(callOf('action', { gid }))).rejects.toEqual(refusal('cancelled_before'));
      expect(await effectsOf(gid)).toEqual(['action', 'compensate']);
    });

    test('an action after its deadline is refused, and records nothing; a compensate has none', async () => {
      const call = callOf('action', { deadlineAt: long() });
      await expect(pass(call)).rejects.toMatchObject({
        code: 'deadline_passed',
        message: 'the deadline of this action has passed',
      });
      expect(await rowsOf(call.gid)).toEqual([]);
      await pass(callOf('action', { gid: call.gid }));
      expect((await pass({ ...call, op: 'compensate' })).outcome).toBe('done');
    });

    test('a refused action rolls back and leaves no trace: the next may succeed', async () => {
      const call = callOf('action');
      const before = await totalsOf(opened());
      const refused = run(call, (sqlTx) => chain(work(call)(sqlTx), () => raise(new Refusal('sold out'))));
      await expect(refused).rejects.toEqual(refusal('refused'));
      expect([await rowsOf(call.gid), await totalsOf(opened())]).toEqual([[], before]);
      expect((await pass(call)).outcome).toBe('done');
    });

    test('a compensate that fails rolls back, and is done when it comes again', async () => {
      const gid = freshGid();
      await pass(callOf('action', { gid }));
      const call = callOf('compensate', { gid });
      const failed = run(call, (sqlTx) => chain(work(call)(sqlTx), () => raise(new Error('a bug'))));
      await expect(failed).rejects.toThrow('a bug');
      expect(await effectsOf(gid)).toEqual(['action']);
      expect((await pass(call)).outcome).toBe('done');
    });

    test('of many mixed calls at once each op takes effect once, and nothing stays done that was compensated', async () => {
      const gids = Array.from({ length: 8 }, freshGid);
      const ops: readonly Op[] = ['action', 'compensate', 'action', 'compensate', 'action'];
      const ask = (gid: string, op: Op) =>
        pass(callOf(op, { gid })).then(
          ({ outcome }) => `${op} ${outcome}`,
          (error) => `${op} ${error.code ?? error}`,
        );
      const before = await totalsOf(opened());
      const told = await Promise.all(gids.map((gid) => Promise.all(ops.map((op) => ask(gid, op)))));
      for (const [n, gid] of gids.entries()) {
        const effects = await effectsOf(gid);
        expect([[], ['action', 'compensate']]).toContainEqual(effects);
        const done = told[n]?.filter((words) => words.endsWith(' done')).sort();
        expect(done).toEqual(effects.map((op) => `${op} done`));
        expect(told[n]?.join()).not.toContain('Error');
        expect(await rowsOf(gid)).toEqual([{ phase: 'undone' }]);
      }
      expect(await totalsOf(opened())).toEqual(before);
    });
  });

  describe('a step outside the database', () => {
    const never = () => new Promise<never>(() => {});

    test('is done once, and repeated from the row', async () => {
      const gid = freshGid();
      let count = 0;
      const book = async () => ({ count: ++count });
      const call = callOf('action', { gid });
      expect(await outside(call, book)).toEqual({ outcome: 'done', result: { count: 1 } });
      expect(await outside(call, book)).toEqual({ outcome: 'repeated', result: { count: 1 } });
      const undone = outside(callOf('compensate', { gid }), async ({ actionResult }) => actionResult);
      expect((await undone).result).toEqual({ count: 1 });
    });

    test('whose action crashed half-way is still compensated, after its limit', async () => {
      const gid = freshGid();
      // Where the database is slow it is not even begun; what is left of it is the same.
      outside(callOf('action', { gid }), never, { limitMs: 50 }).catch(() => {});
      await until(async () => (await rowsOf(gid)).length > 0);
      const undone = await whenFree(() => outside(callOf('compensate', { gid }), async () => 'undone'));
      expect(undone).toEqual({ outcome: 'done', result: 'undone' });
      await expect(pass(callOf('action', { gid }))).rejects.toEqual(refusal('cancelled_before'));
    });

    test('whose compensate came half-way has been done, and is compensated when that comes again', async () => {
      const gid = freshGid();
      await pass(callOf('action', { gid }));
      const call = callOf('compensate', { gid });
      await expect(outside(call, () => Promise.reject(new Error('half-way')))).rejects.toThrow('half-way');
      expect((await pass(callOf('action', { gid }))).outcome).toBe('repeated');
      expect((await outside(call, async () => 1)).outcome).toBe('done');
    });

    test('which started, and whose compensate came half-way, refuses its action', async () => {
      const gid = freshGid();
      for (const op of ['action', 'compensate'] as const)
        await expect(outside(callOf(op, { gid }), () => Promise.reject(new Error(op)))).rejects.toThrow(op);
      await expect(pass(callOf('action', { gid }))).rejects.toEqual(refusal('cancelled_before'));
    });
  });

  describe('a pivot', () => {
    const isPivot = true;

    test('that refused has its work undone, and refuses for good with the same words', async () => {
      const call = callOf('action');
      const before = await totalsOf(opened());
      const no = new Refusal('the card is blocked');
      const refused = run(call, (sqlTx) => chain(work(call)(sqlTx), () => raise(no)), { isPivot });
      await expect(refused).rejects.toEqual(refusal('refused'));
      const again = opened()
        .another()
        .run(call, () => 'now it would do', { isPivot });
      await expect(again).rejects.toMatchObject({ code: 'refused', message: 'the card is blocked' });
      expect((await pass({ ...call, op: 'compensate' })).outcome).toBe('nothing_to_undo');
      expect(await totalsOf(opened())).toEqual(before);
    });

    test('that was refused for its deadline refuses for good, whatever the clock says next', async () => {
      const call = callOf('action', { deadlineAt: long() });
      await expect(run(call, () => 'late', { isPivot })).rejects.toEqual(refusal('deadline_passed'));
      const again = run({ ...call, deadlineAt: Date.now() + 600_000 }, () => 'in time', { isPivot });
      await expect(again).rejects.toMatchObject({ message: 'the deadline of this action has passed' });
    });

    test('refuses for its deadline for good also outside the database', async () => {
      const call = callOf('action', { deadlineAt: long() });
      await expect(outside(call, async () => 1, { isPivot })).rejects.toEqual(refusal('deadline_passed'));
      const again = outside({ ...call, deadlineAt: Date.now() + 600_000 }, async () => 1, { isPivot });
      await expect(again).rejects.toEqual(refusal('refused'));
    });

    test('that fails otherwise is asked again', async () => {
      const call = callOf('action');
      await expect(run(call, () => raise(new Error('a bug')), { isPivot })).rejects.toThrow('a bug');
      expect((await run(call, () => 'well', { isPivot })).result).toBe('well');
    });

    test('that was started outside is ended after its deadline, too: a refusal would say that nothing was done', async () => {
      const call = callOf('action');
      const half = outside(call, () => Promise.reject(new Error('half-way')), { isPivot });
      await expect(half).rejects.toThrow('half-way');
      const late = { ...call, deadlineAt: long() };
      expect((await outside(late, async () => 'paid', { isPivot })).result).toBe('paid');
    });

    test('that is under way outside is asked again after its deadline, too', async () => {
      const call = callOf('action');
      const held = new HeldWork();
      const going = outside(call, held.run, { isPivot });
      await held.begun;
      const late = outside({ ...call, deadlineAt: long() }, async () => 'twice', { isPivot });
      await expect(late).rejects.toEqual(expect.objectContaining({ name: 'InProgress' }));
      held.end('paid');
      expect((await going).result).toBe('paid');
    });

    test('that outlives its limit and has lost the branch says no to nobody: who has it now may do it', async () => {
      let call = callOf('action');
      const { work: late, ended } = await begunInTime((work, limitMs) => {
        call = callOf('action');
        return outside(call, work.run, { isPivot, limitMs });
      });
      const paying = new HeldWork();
      const next = whenFree(() => outside(call, paying.run, { isPivot }));
      await paying.begun;
      late.fail(new Refusal('no money'));
      expect(await ended).toMatchObject({ message: expect.stringContaining('took longer than its limit') });
      paying.end('paid');
      expect((await next).result).toBe('paid');
    });

    test('that refused outside refuses for good, and what it left there may still be compensated', async () => {
      const call = callOf('action');
      const no = () => Promise.reject(new Refusal('booked, and then refused'));
      await expect(outside(call, no, { isPivot })).rejects.toEqual(refusal('refused'));
      await expect(outside(call, async () => 1, { isPivot })).rejects.toEqual(refusal('refused'));
      const undone = outside({ ...call, op: 'compensate' }, async () => 'undone');
      expect((await undone).outcome).toBe('done');
    });

    test.each([
      'try',
      'confirm',
      'cancel',
      'compensate',
    ] as const)('is an action, and no %s: its refusal would stand in the place of what was done', async (op) => {
      const call = callOf(op);
      const wrong = new TypeError(`isPivot is for the action of a saga's pivot, and not for its ${op}`);
      await expect(run(call, () => 1, { isPivot })).rejects.toEqual(wrong);
      await expect(outside(call, async () => 1, { isPivot })).rejects.toEqual(wrong);
      expect(await rowsOf(call.gid)).toEqual([]);
    });
  });

  describe('both patterns at one branch', () => {
    const TCC = ['try', 'confirm', 'cancel'] as const;
    const SAGA = ['action', 'compensate'] as const;

    test.each([
      [['try'], SAGA],
      [['try', 'confirm'], SAGA],
      [['try', 'cancel'], SAGA],
      [['cancel'], SAGA],
      [['action'], TCC],
      [['action', 'compensate'], TCC],
      [['compensate'], TCC],
    ] as const)('after %j the ops %j are refused, and change nothing', async (before, ops) => {
      const gid = freshGid();
      for (const op of before) await pass(callOf(op, { gid }));
      const was = [await rowsOf(gid), await effectsOf(gid)];
      for (const op of ops) {
        const late = callOf(op, { gid, deadlineAt: op === ops[0] ? long() : undefined });
        await expect(pass(late)).rejects.toEqual(refusal('another_pattern'));
        await expect(outside(late, async () => 1)).rejects.toEqual(refusal('another_pattern'));
      }
      expect([await rowsOf(gid), await effectsOf(gid)]).toEqual(was);
    });

    test.each([
      ['try', 'compensate'],
      ['action', 'cancel'],
    ] as const)('a %s that was only started outside is none for a %s', async (started, op) => {
      const gid = freshGid();
      const half = outside(callOf(started, { gid }), () => Promise.reject(new Error('half-way')));
      await expect(half).rejects.toThrow('half-way');
      await expect(pass(callOf(op, { gid }))).rejects.toEqual(refusal('another_pattern'));
    });

    test('what a pivot refused is no branch of a tcc', async () => {
      const call = callOf('action');
      const refused = run(call, () => raise(new Refusal('no')), { isPivot: true });
      await expect(refused).rejects.toEqual(refusal('refused'));
      for (const op of TCC) await expect(pass({ ...call, op })).rejects.toEqual(refusal('another_pattern'));
    });
  });
}
