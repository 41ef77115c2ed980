// What a test can say of the calls of a participant, and what then becomes of them.
import { beforeEach, describe, expect, test } from '@jest/globals';
import { branch, defineContract, TransactionTimedOut } from '@tercet/sdk';
import { createTestWorld, scripted } from '@tercet/sdk/testing';
import type { Op } from '@tercet/sdk/wire';
import { Type } from 'typebox';
import { inventory, openInventory, order, payment, price } from './shop.ts';

const openWorld = async ({ participant }: Shop) =>
  createTestWorld({
    participants: [participant, scripted(payment)],
    settings: { retry: { budgetMs: 1000 } },
  });

type Shop = Awaited<ReturnType<typeof openInventory>>;
type World = Awaited<ReturnType<typeof openWorld>>;

let shop: Shop;
let world: World;
beforeEach(async () => {
  shop = await openInventory();
  world = await openWorld(shop);
});

/** One branch at each, carried out by the coordinator. */
async function declared(): Promise<string> {
  const branches = [branch(inventory, 'reserve', order), branch(payment, 'hold', price)];
  const { gid } = await world.tercet.submit({ name: 'order', branches, waitMs: 0 });
  return gid;
}

const statuses = (participant: string, op: Op) =>
  world.calls
    .filter((call) => call.participant === participant && call.op === op)
    .map(({ status }) => status);

const effects = (all: 'confirmed' | 'cancelled' | 'none') => ({
  branches: { 'inventory-reserve-1': all, 'payment-hold-1': all },
});

describe('calls of a real participant and of a scripted one', () => {
  for (const who of [inventory, payment]) {
    test(`fail as often as is said: ${who.name}`, async () => {
      world.on(who, 'confirm').fail(2);
      await world.expectFinal(await declared(), { status: 'confirmed', ...effects('confirmed') });
      expect(statuses(who.name, 'confirm')).toEqual([503, 503, 200]);
    });

    test(`are refused, and the participant has not seen them: ${who.name}`, async () => {
      world.on(who, 'try').refuse('not today', 1);
      const gid = await declared();
      await world.expectFinal(gid, { status: 'cancelled', reason: 'try_refused' });
      expect(statuses(who.name, 'try')).toEqual([409]);
      expect(world.effectOf(gid, `${who.name}-${who === inventory ? 'reserve' : 'hold'}-1`)).toBe('none');
    });

    test(`take effect, and nobody hears of it: ${who.name}`, async () => {
      world.on(who, 'try').loseReply(1);
      await world.expectFinal(await declared(), { status: 'confirmed', ...effects('confirmed') });
      const tries = world.calls.filter(({ participant, op }) => participant === who.name && op === 'try');
      expect(tries.map(({ status, isHeard, answeredBy }) => ({ status, isHeard, answeredBy }))).toEqual([
        { status: 200, isHeard: false, answeredBy: 'participant' },
        { status: 200, isHeard: true, answeredBy: 'participant' },
      ]);
      expect(shop.stock()).toEqual({ available: 8, reserved: 0, sold: 2 });
    });

    test(`are put off for longer than the retry budget, which they do not spend: ${who.name}`, async () => {
      world.on(who, 'confirm').answerLater(7);
      await world.expectFinal(await declared(), { status: 'confirmed' });
      expect(statuses(who.name, 'confirm')).toEqual([...Array(7).fill(425), 200]);
    });
  }
});

describe('a script', () => {
  test('is used up step by step, and then all is as usual', async () => {
    world.on(payment, 'confirm').fail(1).answerLater(1).succeed(1).fail();
    await world.expectFinal(await declared(), { status: 'confirmed' });
    expect(statuses('payment', 'confirm')).toEqual([503, 425, 200]);
  });

  test('for all calls to come is replaced by a newer one', async () => {
    world.on(payment, 'try').fail();
    world.on(payment, 'try').refuse('no money');
    await world.expectFinal(await declared(), { status: 'cancelled', reason: 'try_refused' });
    expect(statuses('payment', 'try')).toEqual([409]);
  });

  test('is taken back', async () => {
    world.on(payment, 'try').refuse('no money');
    world.on(payment, 'try').succeed();
    await world.expectFinal(await declared(), { status: 'confirmed' });
  });

  test('for one activity leaves the others alone', async () => {
    world.on(payment, 'try', 'refund').refuse('too late');
    await world.expectFinal(await declared(), { status: 'confirmed' });
    const { gid } = await world.tercet
      .run({ name: 'refund' }, (tx) => tx.payment.refund(price))
      .catch((error: { gid: string }) => error);
    await world.expectFinal(gid, { status: 'cancelled' });
  });

  test("is for the initiator's own tries as well", async () => {
    world.on(payment, 'try').fail(2);
    const { gid } = await world.tercet.run({ name: 'order' }, (tx) => tx.payment.hold(price));
    await world.expectFinal(gid, { status: 'confirmed' });
    expect(statuses('payment', 'try')).toEqual([503, 503, 200]);
    expect(world.calls[0]).toMatchObject({
      caller: 'initiator',
      attempt: 1,
      payload: price,
      activity: 'hold',
    });
  });
});

describe('calls on hold', () => {
  test('are reached, looked at with the clock at rest, and let go', async () => {
    const held = world.on(payment, 'confirm').hold();
    const running = world.tercet.run({ name: 'order' }, async (tx) => {
      await tx.inventory.reserve(order);
      await tx.payment.hold(price);
    });
    const call = await held.reached();
    expect(call).toMatchObject({ op: 'confirm', branchId: 'payment-hold-1', status: null });
    const { nowMs } = world.clock;
    await turns();
    expect(world.clock.nowMs).toBe(nowMs);
    expect(world.effectOf(call.gid, call.branchId)).toBe('tried');
    held.release();
    expect(await running).toMatchObject({ status: 'confirmed' });
    expect(world.clock.nowMs).toBe(nowMs);
    expect(call).toMatchObject({ status: 200, isHeard: true });
  });

  test('that nobody looks at end by their time-outs: a test does not hang', async () => {
    world.on(payment, 'try').hold();
    const running = world.tercet.run({ name: 'order', timeoutMs: 60_000 }, (tx) => tx.payment.hold(price));
    await expect(running).rejects.toBeInstanceOf(TransactionTimedOut);
  });

  for (const who of [inventory, payment]) {
    test(`arrive after their transaction was cancelled, and are refused: ${who.name}`, async () => {
      const held = world.on(who, 'try').hold();
      const gid = await declared();
      await world.expectFinal(gid, { status: 'cancelled', reason: 'deadline_passed' });
      expect(statuses(who.name, 'try')).not.toContain(409);
      held.release();
      await world.expectFinal(gid, { status: 'cancelled' });
      expect(new Set(statuses(who.name, 'try'))).toEqual(new Set([409]));
      expect(shop.stock()).toEqual({ available: 10, reserved: 0, sold: 0 });
    });
  }

  test('are not waited for when none will come, also not for what waits for an operator', async () => {
    world.on(inventory, 'confirm').fail();
    await expect(world.expectFinal(await declared())).rejects.toThrow('will not by itself');
    await expect(world.on(payment, 'cancel').hold().reached()).rejects.toThrow(
      'no cancel of payment is on its way, and none will come by itself',
    );
  });
});

describe('a scripted participant', () => {
  const call = (op: Op, gid: string) =>
    world.fetch(`http://payment.test/hold/${op}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'tcc-transaction-id': gid,
        'tcc-branch-id': 'a',
        'tcc-op': op,
        'tcc-attempt': '1',
        'tcc-deadline': new Date(world.clock.nowMs + 1000).toISOString(),
        'idempotency-key': `${gid}/a/${op}`,
      },
      body: JSON.stringify(price),
    });
  const gid = '0198c5a2-7b1e-7d40-9f3a-5e2b8c1d4f60';
  const answersTo = async (...ops: readonly Op[]) => {
    const answers: string[] = [];
    for (const op of ops) {
      const answer = await call(op, gid);
      const { code } = Object(await answer.json()) as { readonly code?: string };
      answers.push(`${op} ${answer.status}${code === undefined ? '' : ` ${code}`}`);
    }
    return answers;
  };

  test('does each op once, however often it is called', async () => {
    expect(await answersTo('try', 'try', 'confirm', 'confirm', 'try')).toEqual([
      ...['try 200', 'try 200', 'confirm 200', 'confirm 200', 'try 200'],
    ]);
    expect(world.effectOf(gid, 'a')).toBe('confirmed');
  });

  test('refuses a try that comes after its cancel, by a tombstone (I7)', async () => {
    expect(await answersTo('cancel', 'try', 'cancel')).toEqual([
      ...['cancel 200', 'try 409 cancelled_before', 'cancel 200'],
    ]);
    expect(world.effectOf(gid, 'a')).toBe('none');
  });

  test('refuses a confirm without a try, and a cancel after a confirm', async () => {
    expect(await answersTo('confirm', 'try', 'confirm', 'cancel')).toEqual([
      ...['confirm 409 no_try', 'try 200', 'confirm 200', 'cancel 409 already_confirmed'],
    ]);
  });

  test('refuses a try that comes after its deadline, by the clock of the world', async () => {
    const late = world.on(payment, 'try').hold();
    const answer = answersTo('try');
    await late.reached();
    await world.clock.pass(1000);
    late.release();
    expect(await answer).toEqual(['try 409 deadline_passed']);
  });

  test('answers any result that the contract allows, or the one that is given', async () => {
    const holdIdIn = async (
      given?: { holdId: string } | ((asked: { cents: number }) => { holdId: string }),
    ) => {
      const own = await createTestWorld({
        participants: [scripted(payment, given === undefined ? {} : { hold: given })],
      });
      const outcome = await own.tercet.run({ name: 'order' }, (tx) => tx.payment.hold(price));
      return outcome.isRepeated ? null : outcome.value.holdId;
    };
    expect(await holdIdIn()).toBe('');
    expect(await holdIdIn({ holdId: 'h-1' })).toBe('h-1');
    expect(await holdIdIn(({ cents }) => ({ holdId: `for ${cents}` }))).toBe('for 900');
  });

  test('takes no result that the contract does not allow', async () => {
    expect(() => scripted(payment, { hold: { holdId: 7 } as never })).toThrow(
      'the result for payment/hold does not fit: #/holdId must be string',
    );
    expect(() => scripted(payment, { pay: null } as never)).toThrow(
      'the contract payment has no activity pay',
    );
    const own = await createTestWorld({ participants: [scripted(payment, { hold: () => null as never })] });
    await expect(own.tercet.run({ name: 'order' }, (tx) => tx.payment.hold(price))).rejects.toThrow(
      'the scripted result for payment/hold does not fit its contract: # must be object',
    );
  });

  test('says so when it can make up no result', async () => {
    const stamp = defineContract('stamp', {
      make: { payload: Type.Object({}), result: Type.String({ pattern: '^[A-Z]{7}$' }) },
    });
    const own = await createTestWorld({ participants: [scripted(stamp)] });
    await expect(own.tercet.run({ name: 'order' }, (tx) => tx.stamp.make({}))).rejects.toThrow(
      'no result for stamp/make can be made up from its contract (# must be string): give one to scripted()',
    );
  });
});

/** More turns of the event loop than anything in a world needs to go on. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
