// A unit test of a participant: its ops behind the barrier in memory, with neither a database nor a coordinator.
import { expect, test } from '@jest/globals';
import { defineContract, defineParticipant, Refusal } from '@tercet/sdk';
import { memoryBarrier } from '@tercet/sdk/barrier/memory';
import { Type } from 'typebox';
import { callOf, freshGid, type Op } from './barrier-world.ts';

const inventory = defineContract('inventory', {
  reserve: { payload: Type.Object({ item: Type.String(), quantity: Type.Integer() }) },
});

type Stock = { available: number; held: number };

/** As the participant has it: the barrier is given. */
const inventoryBehind = (barrier: ReturnType<typeof memoryBarrier<Stock>>) =>
  defineParticipant(inventory, {
    barrier,
    activities: {
      reserve: {
        try: ({ quantity }, { sqlTx: stock }) => {
          Object.assign(stock, { available: stock.available - quantity, held: stock.held + quantity });
          if (stock.available < 0) throw new Refusal('sold out');
        },
        confirm: ({ quantity }, { sqlTx: stock }) => {
          stock.held -= quantity;
        },
        cancel: ({ quantity }, { sqlTx: stock }) => {
          Object.assign(stock, { available: stock.available + quantity, held: stock.held - quantity });
        },
      },
    },
    onNotDone: () => {},
  });

/** A double that undoes: ops change a copy, which takes the place of the stock when they succeed. */
function openStock(available: number) {
  let stock: Stock = { available, held: 0 };
  const barrier = memoryBarrier<Stock>({
    transact: async (act) => {
      const copy = { ...stock };
      const done = await act(copy);
      stock = copy;
      return done;
    },
  });
  const participant = inventoryBehind(barrier);
  const call = async (op: Op, gid: string, quantity: number): Promise<number | undefined> => {
    const { deadlineAt } = callOf(op);
    const answer = await participant.handle({
      method: 'POST',
      path: `/reserve/${op}`,
      headers: {
        'tcc-transaction-id': gid,
        'tcc-branch-id': 'stock',
        'tcc-op': op,
        'tcc-attempt': '1',
        'idempotency-key': `${gid}/stock/${op}`,
        'tcc-deadline': new Date(deadlineAt).toISOString(),
        'content-type': 'application/json',
      },
      body: JSON.stringify({ item: 'mug', quantity }),
    });
    return answer?.status;
  };
  return { barrier, call, stock: () => stock };
}

test('a participant is called twice and too late in a unit test, and its ops take effect once', async () => {
  const { barrier, call, stock } = openStock(5);
  const [kept, hanging] = [freshGid(), freshGid()];
  expect([await call('try', kept, 2), await call('try', kept, 2)]).toEqual([200, 200]);
  expect([await call('confirm', kept, 2), await call('cancel', kept, 2)]).toEqual([200, 409]);
  expect([await call('cancel', hanging, 1), await call('try', hanging, 1)]).toEqual([200, 409]);
  expect(stock()).toEqual({ available: 3, held: 0 });
  expect(barrier.rows.map(({ gid, phase }) => [gid, phase])).toEqual([
    [kept, 'confirmed'],
    [hanging, 'cancelled'],
  ]);
});

test('what a refused op did is undone by the double that it was given', async () => {
  const { barrier, call, stock } = openStock(1);
  expect(await call('try', freshGid(), 2)).toBe(409);
  expect({ stock: stock(), rows: barrier.rows }).toEqual({ stock: { available: 1, held: 0 }, rows: [] });
});

test('a call waits for those of its own branch only', async () => {
  const barrier = memoryBarrier();
  const [call, other] = [callOf('try'), callOf('try')];
  const both = barrier.run(call, async () => (await barrier.run(other, () => 'other')).result);
  expect((await both).result).toBe('other');
});

test('without a double ops are given null, and the time is that of the given clock', async () => {
  const barrier = memoryBarrier({ nowMs: () => 5 });
  const given = barrier.run(callOf('try', { deadlineAt: 6 }), (sqlTx) => ({ sqlTx }));
  expect((await given).result).toEqual({ sqlTx: null });
  const late = barrier.run(callOf('try', { deadlineAt: 5 }), () => 1);
  await expect(late).rejects.toMatchObject({ code: 'deadline_passed' });
});
