/**
 * What holds of the barrier for ops that are accepted and completed from outside, on every driver:
 *
 * - What the op wrote is committed with the record. Repeated calls do no work, and no deadline applies.
 * - A cancel or compensate undoes what was accepted, and wins over a completion that comes after it.
 * - A completion records the end once, with its own work, and is repeated from the record (I5).
 * - Of completions, cancels, polls and repeated tries at the same moment, one end stands (I1, I11).
 */
import { describe, expect, test } from '@jest/globals';
import { accepted, type BarrierCall, Refusal } from '@tercet/sdk';
import { type BarrierWorld, callOf, freshGid, type Op, totalsOf } from './barrier-world.ts';
import { chain, HeldWork, raise, refusal } from './contract-support.ts';

/** In the order in which they follow each other. */
const OPS: readonly Op[] = ['try', 'confirm', 'cancel', 'action', 'compensate'];
const ACCEPTED = { outcome: 'accepted', result: null, retryAfterMs: null };

const notCompleted = (code: string) => expect.objectContaining({ name: 'NotCompleted', code });

export function acceptedContract(opened: () => BarrierWorld, canJoin: boolean): void {
  const run: BarrierWorld['barrier']['run'] = (...given) => opened().barrier.run(...given);
  const outside: BarrierWorld['barrier']['outside'] = (...given) => opened().barrier.outside(...given);
  const work = (call: BarrierCall) => (sqlTx: unknown) =>
    opened().write(sqlTx, { call, cents: 100, accounts: ['ann', 'bob'] });
  const pass = (call: BarrierCall) => run(call, work(call));
  const accept = (call: BarrierCall, retryAfterMs?: number) =>
    run(call, (sqlTx) =>
      chain(work(call)(sqlTx), () => accepted(retryAfterMs === undefined ? {} : { retryAfterMs })),
    );
  const complete = (call: BarrierCall, result: unknown = 'completed') =>
    run(call, () => result, { completes: 'succeeded' });
  const refuse = (call: BarrierCall, reason: unknown = 'the manager said no') =>
    run(call, () => reason, { completes: 'refused' });
  const effectsOf = async (gid: string) =>
    (await opened().query(`SELECT op FROM effect WHERE gid = '${gid}'`))
      .map(({ op }) => op as Op)
      .sort((one, other) => OPS.indexOf(one) - OPS.indexOf(other));
  const phaseOf = async (gid: string) =>
    (await opened().query(`SELECT phase FROM tercet_barrier WHERE gid = '${gid}'`)).map(({ phase }) => phase);
  const long = () => Date.now() - 1000;

  /** What has to come before an op. */
  const before = { try: [], confirm: ['try'], cancel: ['try'], action: [], compensate: ['action'] } as const;
  const ready = async (op: Op) => {
    const gid = freshGid();
    for (const one of before[op]) await pass(callOf(one, { gid }));
    return callOf(op, { gid });
  };

  describe.each([
    ['try', 'trying', 'tried'],
    ['confirm', 'confirming', 'confirmed'],
    ['cancel', 'cancelling', 'cancelled'],
    ['action', 'doing', 'done'],
    ['compensate', 'undoing', 'undone'],
  ] as const)('a %s that is accepted', (op, during, after) => {
    test('keeps its work, and does none when it comes again, also after its deadline', async () => {
      const call = await ready(op);
      expect(await accept(call)).toEqual(ACCEPTED);
      expect([await phaseOf(call.gid), await effectsOf(call.gid)]).toEqual([[during], [...before[op], op]]);
      let runCount = 0;
      const count = () => {
        runCount += 1;
      };
      for (const again of [call, { ...call, deadlineAt: long() }]) {
        expect(await run(again, count)).toEqual(ACCEPTED);
        expect(await outside(again, async () => count())).toEqual(ACCEPTED);
      }
      expect(runCount).toBe(0);
      expect(await effectsOf(call.gid)).toEqual([...before[op], op]);
    });

    test('is accepted outside the database too', async () => {
      const call = await ready(op);
      expect(await outside(call, async () => accepted())).toEqual(ACCEPTED);
      expect(await outside(call, async () => 'twice')).toEqual(ACCEPTED);
      expect(await complete(call)).toEqual({ outcome: 'done', result: 'completed' });
      expect(await phaseOf(call.gid)).toEqual([after]);
    });

    test('is completed once, with what it returns, and repeated from the record', async () => {
      const call = await ready(op);
      await accept(call);
      expect(await complete({ ...call, deadlineAt: long() }, { id: 7 })).toEqual({
        outcome: 'done',
        result: { id: 7 },
      });
      expect(await phaseOf(call.gid)).toEqual([after]);
      expect(await complete(call, { id: 8 })).toEqual({ outcome: 'repeated', result: { id: 7 } });
      expect(await pass(call)).toEqual({ outcome: 'repeated', result: { id: 7 } });
    });

    test('says when to call again, each time', async () => {
      const call = await ready(op);
      for (const ask of [() => accept(call, 90_000), () => pass(call)])
        expect(await ask()).toEqual({ ...ACCEPTED, retryAfterMs: 90_000 });
      // Nothing of it stays: the result of a confirm, cancel or compensate takes the same column.
      await complete(call, null);
      const rows = await opened().query(`SELECT result FROM tercet_barrier WHERE gid = '${call.gid}'`);
      expect(rows).toEqual([{ result: null }]);
      expect(await pass(call)).toEqual({ outcome: 'repeated', result: null });
    });

    test('is completed with work, which is rolled back when it fails; the op stays accepted', async () => {
      const call = await ready(op);
      await outside(call, async () => accepted());
      const failing = run(call, (sqlTx) => chain(work(call)(sqlTx), () => raise(new Error('a bug'))), {
        completes: 'succeeded',
      });
      await expect(failing).rejects.toThrow('a bug');
      expect([await phaseOf(call.gid), await effectsOf(call.gid)]).toEqual([[during], before[op]]);
      await run(call, work(call), { completes: 'succeeded' });
      expect([await phaseOf(call.gid), await effectsOf(call.gid)]).toEqual([[after], [...before[op], op]]);
    });

    test('is not accepted again by what completes it', async () => {
      const call = await ready(op);
      await accept(call);
      await expect(complete(call, accepted())).rejects.toThrow('was accepted before');
      expect(await phaseOf(call.gid)).toEqual([during]);
    });

    test('is completed a moment later while it is at work outside the database', async () => {
      const call = await ready(op);
      const held = new HeldWork();
      const going = outside(call, () => held.run().then(() => accepted()));
      await held.begun;
      await expect(complete(call)).rejects.toEqual(expect.objectContaining({ name: 'InProgress' }));
      held.end('sent');
      await going;
      expect((await complete(call)).outcome).toBe('done');
    });

    test('is completed once it is called again, where its work outside the database came to no end', async () => {
      const call = await ready(op);
      // Asked, and the answer lost: what was started may report its end before the op is called again.
      const lost = outside(call, async () => raise(new Error('socket hang up')));
      await expect(lost).rejects.toThrow('socket hang up');
      await expect(complete(call)).rejects.toEqual(expect.objectContaining({ name: 'InProgress' }));
      expect(await outside(call, async () => accepted())).toEqual(ACCEPTED);
      expect((await complete(call)).outcome).toBe('done');
    });

    test('is completed only where it was accepted', async () => {
      const call = await ready(op);
      const was = [await phaseOf(call.gid), await effectsOf(call.gid)];
      await expect(complete(call)).rejects.toEqual(notCompleted('not_accepted'));
      expect([await phaseOf(call.gid), await effectsOf(call.gid)]).toEqual(was);
    });
  });

  test('accepted() that is a part of what the work returns accepts nothing, and rolls back', async () => {
    const call = callOf('try');
    await expect(run(call, () => [accepted()])).rejects.toThrow('return it by itself');
    expect(await phaseOf(call.gid)).toEqual([]);
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('accepted() takes no %d ms', (retryAfterMs) => {
    expect(() => accepted({ retryAfterMs })).toThrow(RangeError);
  });

  describe('a branch of a tcc', () => {
    test('whose try is accepted has nothing to confirm', async () => {
      const call = callOf('try');
      await accept(call);
      await expect(pass({ ...call, op: 'confirm' })).rejects.toEqual(refusal('no_try'));
    });

    test('I6: whose try is accepted is cancelled with work, and then neither tried nor completed', async () => {
      const call = callOf('try');
      await accept(call);
      expect((await pass({ ...call, op: 'cancel' })).outcome).toBe('done');
      await expect(pass(call)).rejects.toEqual(refusal('cancelled_before'));
      await expect(complete(call)).rejects.toEqual(notCompleted('cancelled'));
      await expect(refuse(call)).rejects.toEqual(notCompleted('cancelled'));
      expect(await effectsOf(call.gid)).toEqual(['try', 'cancel']);
    });

    test('I6: whose cancel was started outside is no longer completed, however far it came', async () => {
      const call = callOf('try');
      await outside(call, async () => accepted());
      const half = outside({ ...call, op: 'cancel' }, () => Promise.reject(new Error('half-way')));
      await expect(half).rejects.toThrow('half-way');
      await expect(complete(call)).rejects.toEqual(notCompleted('cancelled'));
      await expect(pass(call)).rejects.toEqual(refusal('cancelled_before'));
    });

    test('I1: whose confirm is accepted is not cancelled, and the other way round', async () => {
      for (const [first, second, code] of [
        ['confirm', 'cancel', 'already_confirmed'],
        ['cancel', 'confirm', 'already_cancelled'],
      ] as const) {
        const call = await ready(first);
        await accept(call);
        await expect(pass({ ...call, op: second })).rejects.toEqual(refusal(code));
        await complete(call);
        await expect(pass({ ...call, op: second })).rejects.toEqual(refusal(code));
      }
    });

    test('whose confirm is accepted still answers its try', async () => {
      const gid = freshGid();
      await run(callOf('try', { gid }), () => 'tried');
      await accept(callOf('confirm', { gid }));
      expect(await pass(callOf('try', { gid }))).toEqual({ outcome: 'repeated', result: 'tried' });
      expect(await complete(callOf('try', { gid }))).toEqual({ outcome: 'repeated', result: 'tried' });
    });

    test('whose try is refused from outside says so with its words, and leaves nothing to cancel', async () => {
      const call = callOf('try');
      await outside(call, async () => accepted());
      expect(await refuse(call)).toEqual({ outcome: 'done', result: 'the manager said no' });
      expect(await refuse(call, 'another')).toEqual({ outcome: 'repeated', result: 'the manager said no' });
      await expect(complete(call)).rejects.toEqual(notCompleted('completed_differently'));
      await expect(pass(call)).rejects.toMatchObject({ code: 'refused', message: 'the manager said no' });
      await expect(pass({ ...call, op: 'confirm' })).rejects.toEqual(refusal('no_try'));
      const nothing = { outcome: 'nothing_to_undo', result: null };
      expect(await pass({ ...call, op: 'cancel' })).toEqual(nothing);
      expect(await outside({ ...call, op: 'cancel' }, async () => 'undone')).toEqual(nothing);
      await expect(pass(call)).rejects.toMatchObject({ code: 'refused', message: 'the manager said no' });
    });

    test('a try that succeeded is not refused afterwards', async () => {
      const call = callOf('try');
      await accept(call);
      await complete(call);
      await expect(refuse(call)).rejects.toEqual(notCompleted('completed_differently'));
    });

    if (canJoin) {
      test('a completion joins a SQL transaction, and stands or falls with it', async () => {
        const call = callOf('try');
        await accept(call);
        const completing = (error: Error | null) =>
          opened().inSqlTx(async (sqlTx) => {
            await opened().within(sqlTx, call, () => 'joined', { completes: 'succeeded' });
            if (error !== null) throw error;
          });
        await expect(completing(new Error('rolled back'))).rejects.toThrow('rolled back');
        expect(await phaseOf(call.gid)).toEqual(['trying']);
        await completing(null);
        expect(await pass(call)).toEqual({ outcome: 'repeated', result: 'joined' });
      });

      test('an op that joins a SQL transaction is accepted with it', async () => {
        const call = callOf('try');
        await opened().inSqlTx((sqlTx) => opened().within(sqlTx, call, () => accepted()));
        expect(await pass(call)).toEqual(ACCEPTED);
      });
    }
  });

  describe('a step of a saga', () => {
    test.each([
      {},
      { isPivot: true },
    ])('that is refused from outside is refused for good (%j)', async (options) => {
      const call = callOf('action');
      await run(call, () => accepted(), options);
      await refuse(call);
      const again = run(call, () => 'now it would do', options);
      await expect(again).rejects.toMatchObject({ code: 'refused', message: 'the manager said no' });
      expect((await pass({ ...call, op: 'compensate' })).outcome).toBe('nothing_to_undo');
      expect((await refuse(call)).outcome).toBe('repeated');
    });

    test('that is refused from outside has nothing to undo, outside the database either', async () => {
      const call = callOf('action');
      await outside(call, async () => accepted());
      await refuse(call);
      const undone = outside({ ...call, op: 'compensate' }, async () => 'undone');
      expect((await undone).outcome).toBe('nothing_to_undo');
    });

    test('that is accepted is compensated with work, and then neither done nor completed', async () => {
      const call = callOf('action');
      await accept(call);
      expect((await pass({ ...call, op: 'compensate' })).outcome).toBe('done');
      await expect(pass(call)).rejects.toEqual(refusal('cancelled_before'));
      await expect(complete(call)).rejects.toEqual(notCompleted('cancelled'));
      expect(await effectsOf(call.gid)).toEqual(['action', 'compensate']);
    });

    test('whose compensate is accepted refuses its action', async () => {
      const call = await ready('compensate');
      await accept(call);
      await expect(pass({ ...call, op: 'action' })).rejects.toEqual(refusal('cancelled_before'));
      await expect(complete({ ...call, op: 'action' })).rejects.toEqual(notCompleted('cancelled'));
    });

    test('a pivot whose work refuses is remembered, though it might have accepted', async () => {
      const call = callOf('action');
      const no = run(call, () => raise(new Refusal('blocked')), { isPivot: true });
      await expect(no).rejects.toEqual(refusal('refused'));
      await expect(complete(call)).rejects.toEqual(notCompleted('completed_differently'));
    });
  });

  test.each(['confirm', 'cancel', 'compensate'] as const)('a %s is never refused', async (op) => {
    const call = await ready(op);
    await accept(call);
    await expect(refuse(call)).rejects.toThrow(
      new TypeError(`a ${op} cannot be refused: only a try or an action is`),
    );
    expect((await pass(call)).outcome).toBe('accepted');
  });

  test.each(['', 7, null])('a refusal without words is none: %j', async (reason) => {
    const call = callOf('try');
    await accept(call);
    await expect(refuse(call, reason)).rejects.toThrow('a refusal needs its reason');
    expect((await pass(call)).outcome).toBe('accepted');
  });

  test('an op of the other pattern is not completed', async () => {
    const call = callOf('try');
    await accept(call);
    await expect(complete({ ...call, op: 'action' })).rejects.toEqual(notCompleted('not_accepted'));
  });

  test.each([
    ['try', 'cancel'],
    ['action', 'compensate'],
  ] as const)('I1, I11: of mixed calls at once on an accepted %s one end stands', async (first, undo) => {
    const gids = Array.from({ length: 10 }, freshGid);
    const was = await totalsOf(opened());
    const acts: Record<string, (call: BarrierCall) => Promise<{ readonly outcome: string }>> = {
      poll: pass,
      complete: (call) => run(call, () => 'completed', { completes: 'succeeded' }),
      refuse: (call) =>
        run(call, (sqlTx) => chain(giveBack(call)(sqlTx), () => 'no'), { completes: 'refused' }),
      undo: (call) => pass({ ...call, op: undo }),
    };
    // What a refusal undoes is what the op has set aside.
    const giveBack = (call: BarrierCall) => work({ ...call, op: undo });
    const said = await Promise.all(
      gids.map(async (gid, n) => {
        const call = callOf(first, { gid });
        await accept(call);
        const order = ['complete', 'undo', 'refuse', 'poll', 'complete', 'poll', 'undo', 'refuse'];
        const rotated = [...order.slice(n % order.length), ...order.slice(0, n % order.length)];
        return Promise.all(
          rotated.map(async (word) => {
            const answer = await acts[word]?.(call).catch((error) => ({ outcome: error.code ?? `${error}` }));
            return `${word} ${answer?.outcome}`;
          }),
        );
      }),
    );
    for (const [n, gid] of gids.entries()) {
      const told = said[n] ?? [];
      const ended = (word: string) => told.filter((one) => one === `${word} done`).length;
      // A refusal and a cancel exclude each other; a cancel undoes what was completed, too.
      expect([ended('complete') + ended('refuse') <= 1, ended('undo') + ended('refuse')]).toEqual([true, 1]);
      expect(await effectsOf(gid)).toEqual([first, undo]);
      expect(told.join()).not.toContain('Error');
    }
    expect(await totalsOf(opened())).toEqual(was);
  });
}
