// What an initiator makes of an answer about another transaction, as a cache on the way may give it: nothing.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { branch, CoordinatorUnavailable, OutcomeUnknown, TransactionCancelled } from '@tercet/sdk';
import { payment } from './shop.ts';
import { money, openWorld, rejection, tea, type World } from './world.ts';

let world: World;
/** What the coordinator says of a transaction that was confirmed before, with a branch of its own. */
let another: Readonly<Record<string, unknown>>;
beforeEach(async () => {
  world = await openWorld();
  const { gid } = await world.initiator().run(order, (tx) => tx.inventory.reserve(tea));
  another = (await (await fetch(`${world.url}/v1/transactions/${gid}`)).json()) as typeof another;
  world.shop.arrivals.length = 0;
  world.requests.length = 0;
});
afterEach(() => world.close());

const order = { name: 'order' };
const ALWAYS = Number.POSITIVE_INFINITY;

/** An initiator whose first requests to an address like this are answered by something on the way. */
function misled(address: RegExp, answerOf: (url: string) => unknown, times = ALWAYS) {
  let count = 0;
  return world.initiator({
    fetch: async (input, init) => {
      const url = String(input);
      if (!address.test(url)) return world.network(input, init);
      count += 1;
      return count > times
        ? world.network(input, init)
        : Response.json(await answerOf(url), { status: url.endsWith('/branches') ? 201 : 200 });
    },
  });
}

const ops = () => world.shop.arrivals.map(({ op }) => op);

describe('a confirm that is answered with the end of another transaction (I8)', () => {
  test('is asked again', async () => {
    const outcome = await misled(/confirm$/, () => another, 1).run(order, (tx) => tx.payment.hold(money));
    expect(outcome).toMatchObject({ status: 'confirmed', isRepeated: false });
    expect(outcome.gid).not.toBe(another.gid);
    expect(await world.truth(outcome.gid)).toMatchObject({ status: 'confirmed' });
  });

  test('and never otherwise, is not known', async () => {
    const error = await rejection(
      misled(/confirm$/, () => another).run(order, (tx) => tx.payment.hold(money)),
    );
    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect((error as Error).message).toContain('no answer to what was asked');
    expect(ops()).toEqual(['try']);
  });
});

test('a cancel that is answered with the end of another transaction is not known', async () => {
  const cancelled = { ...another, status: 'cancelled' };
  const error = await rejection(
    misled(/cancel$/, () => cancelled).run(order, () => {
      throw new Error('changed my mind');
    }),
  );
  expect(error).toBeInstanceOf(OutcomeUnknown);
});

describe('a registration that is answered', () => {
  const REGISTER = /\/branches$/;
  const own = (url: string) => fetch(url.replace(REGISTER, '')).then((answer) => answer.json());
  const elsewhere = async (url: string) => ({ ...((await own(url)) as object), gid: another.gid });

  test.each([
    ['with another transaction', () => another],
    ['with a transaction that does not list the branch', own],
    [
      'with another transaction that lists a branch of that name',
      async (url: string) => ({
        ...((await elsewhere(url)) as object),
        branches: [{ branchId: 'payment-hold-1', participant: 'payment', activity: 'hold', try: null }],
      }),
    ],
  ])('%s does not let its try be called (I3)', async (_what, answer) => {
    const error = await rejection(misled(REGISTER, answer).run(order, (tx) => tx.payment.hold(money)));
    expect(error).toBeInstanceOf(TransactionCancelled);
    expect(error).toMatchObject({ cause: { name: 'TryUnknown' } });
    expect(((error as Error).cause as Error).message).toContain('it was not called');
    expect(ops()).toEqual([]);
  });

  test('so once is asked again, and its try is called when the branch stands', async () => {
    const outcome = await misled(REGISTER, own, 1).run(order, (tx) => tx.payment.hold(money));
    expect(outcome.status).toBe('confirmed');
    expect(ops()).toEqual(['try', 'confirm']);
  });
});

test('a question that is answered with another transaction is not answered', async () => {
  const { gid } = await world.initiator().run(order, () => null);
  const error = await rejection(misled(/transactions\/[^/]+$/, () => another).find(gid));
  expect(error).toBeInstanceOf(CoordinatorUnavailable);
});

test('a submission that is answered with other branches is not known', async () => {
  const submitted = { ...order, branches: [branch(payment, 'hold', money)] };
  const error = await rejection(misled(/transactions$/, () => another).submit(submitted));
  expect(error).toBeInstanceOf(OutcomeUnknown);
});
