/**
 * Sagas in a test world, with scripted and real participants:
 *
 * - They are confirmed, or compensated from their end, also with lost answers and retries.
 * - The pivot decides, also after the deadline.
 * - `expectFinal` fails for an end that the invariants do not allow, whatever a test expects (I6, I10).
 * - A listener receives the end, and `expectFinal` waits for that.
 */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { defineContract, defineParticipant, type Mountable } from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import { createTestWorld, scripted, type TestWorld } from '@tercet/sdk/testing';
import SQLite from 'better-sqlite3';
import { Type } from 'typebox';
import { everyRoute } from './shop.ts';

const payload = Type.Unknown();
const flights = defineContract('flights', {
  book: { kind: 'step', payload, result: Type.Object({ bookingId: Type.String() }) },
});
const seats = defineContract('seats', { hold: { payload } });
/** `settle` is for good. */
const bank = defineContract('bank', { pay: { kind: 'step', payload }, settle: { kind: 'pivot', payload } });
const post = defineContract('post', { mail: { kind: 'step_uncompensated', payload } });

type World = Pick<TestWorld<readonly []>, 'fetch' | 'coordinatorUrl'>;

const book = { branchId: 'book', participant: 'flights', activity: 'book', payload: { to: 'Oslo' } };
const pay = {
  branchId: 'pay',
  participant: 'bank',
  activity: 'pay',
  payload: { forWhat: { $from: 'book.bookingId' } },
};
const mail = { branchId: 'mail', participant: 'post', activity: 'mail', isCompensated: false };

/** Begins a saga of these steps, one after the other, and does not wait for it. */
async function begin({ fetch, coordinatorUrl }: World, branches: readonly object[], more: object = {}) {
  const answer = await fetch(`${coordinatorUrl}/v1/transactions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ pattern: 'saga', branches, ...more }),
  });
  const { gid, ...problem } = (await answer.json()) as { gid?: string };
  if (gid === undefined) throw new Error(JSON.stringify(problem));
  return gid;
}

const ask = ({ fetch, coordinatorUrl }: World, gid: string, what: 'cancel' | 'retry') =>
  fetch(`${coordinatorUrl}/v1/transactions/${gid}/${what}`, { method: 'POST' });

const opened = () =>
  createTestWorld({
    participants: [scripted(flights, { book: { bookingId: 'b-7' } }), scripted(bank), scripted(post)],
  });

let world: Awaited<ReturnType<typeof opened>>;
beforeEach(async () => {
  world = await opened();
});

const callsSoFar = () => world.calls.map(({ activity, op }) => `${activity}/${op}`);

describe('a saga', () => {
  test('is confirmed when its last action has succeeded, and results reach later steps', async () => {
    const gid = await begin(world, [book, pay]);
    await world.expectFinal(gid, {
      status: 'confirmed',
      reason: 'all_actions_succeeded',
      branches: { book: 'done', pay: 'done' },
    });
    expect(callsSoFar()).toEqual(['book/action', 'pay/action']);
    expect(world.calls[1]?.payload).toEqual({ forWhat: 'b-7' });
  });

  test('that is refused is undone from its end, the refused step too', async () => {
    world.on(bank, 'action').refuse('no money');
    const gid = await begin(world, [book, pay]);
    await world.expectFinal(gid, {
      status: 'cancelled',
      reason: 'action_refused',
      branches: { book: 'undone', pay: 'none' },
    });
    expect(callsSoFar()).toEqual(['book/action', 'pay/action', 'pay/compensate', 'book/compensate']);
    expect(world.calls[2]?.payload).toEqual({ forWhat: 'b-7' });
  });

  test('leaves done what has nothing to undo', async () => {
    world.on(bank, 'action').refuse('no money');
    const gid = await begin(world, [mail, { ...pay, payload: {} }]);
    await world.expectFinal(gid, { status: 'cancelled', branches: { mail: 'done', pay: 'none' } });
    expect(world.effectOf(gid, 'mail')).toBe('done');
  });

  test('whose action arrives after its compensate has not had it: its participant refuses', async () => {
    const held = world.on(bank, 'action').hold();
    const gid = await begin(world, [book, pay], { timeoutMs: 2000 });
    await world.expectFinal(gid, { status: 'cancelled', reason: 'deadline_passed' });
    held.release();
    await world.expectFinal(gid, { branches: { book: 'undone', pay: 'none' } });
    const late = world.calls.filter(({ op, activity }) => activity === 'pay' && op === 'action');
    expect(new Set(late.map(({ status }) => status))).toEqual(new Set([409]));
  });

  test('bears lost answers and retries', async () => {
    world.on(bank, 'action').loseReply(2).refuse('no money', 1);
    world.on(flights, 'compensate').fail(2).answerLater(1).loseReply(1);
    const gid = await begin(world, [book, pay]);
    await world.expectFinal(gid, { branches: { book: 'undone', pay: 'undone' } });
  });

  test('has participants of one’s own, with a database', async () => {
    const db = new SQLite(':memory:');
    db.exec('CREATE TABLE booking (id TEXT)');
    const barrier = sqliteBarrier({ db });
    await barrier.createTable();
    const participant = defineParticipant(flights, {
      barrier,
      activities: {
        book: {
          action(_order, { sqlTx, call }) {
            sqlTx.prepare('INSERT INTO booking VALUES (?)').run(call.branchId);
            return { bookingId: call.branchId };
          },
          compensate(_order, { sqlTx, actionResult }) {
            sqlTx.prepare('DELETE FROM booking WHERE id = ?').run(actionResult?.bookingId);
          },
        },
      },
    });
    const own = await createTestWorld({ participants: [participant, scripted(bank)] });
    const bookings = () => db.prepare('SELECT id FROM booking').pluck().all();
    const done = await begin(own, [book, pay]);
    await own.expectFinal(done, { status: 'confirmed', branches: { book: 'done' } });
    expect(bookings()).toEqual(['book']);
    own.on(bank, 'action').refuse('no money');
    const again = { ...book, branchId: 'again' };
    const undone = await begin(own, [again, { ...pay, payload: {} }]);
    await own.expectFinal(undone, { status: 'cancelled', branches: { again: 'undone' } });
    expect(bookings()).toEqual(['book']);
  });

  test('that uses an activity as another kind than its contract says is refused when it begins', async () => {
    const tcc = defineContract('bank', { pay: { payload } });
    const own = await createTestWorld({ participants: [scripted(flights), scripted(tcc)] });
    await expect(begin(own, [{ ...pay, payload: {} }])).rejects.toThrow(
      '(bank declares pay as tcc, and here it is step)',
    );
    await expect(begin(world, [{ ...pay, payload: {}, isPivot: true }])).rejects.toThrow('kind_mismatch');
    await expect(begin(world, [{ ...pay, payload: {}, isCompensated: false }])).rejects.toThrow(
      'kind_mismatch',
    );
    await expect(begin(world, [{ ...pay, payload: {}, activity: 'settle' }])).rejects.toThrow(
      'kind_mismatch',
    );
    expect(own.calls).toEqual([]);
  });
});

describe('a pivot', () => {
  const pivot = { ...pay, activity: 'settle', isPivot: true };
  const after = { ...mail, isCompensated: undefined };

  test('that succeeds confirms, and what comes after it is retried', async () => {
    world.on(post, 'action').fail(3).refuse('not now', 2);
    const gid = await begin(world, [book, pivot, after]);
    await world.expectFinal(gid, {
      status: 'confirmed',
      reason: 'pivot_succeeded',
      branches: { book: 'done', pay: 'done', mail: 'done' },
    });
  });

  test('that refuses cancels, and is not compensated', async () => {
    world.on(bank, 'action').refuse('no money');
    const gid = await begin(world, [book, pivot, after]);
    await world.expectFinal(gid, {
      status: 'cancelled',
      reason: 'action_refused',
      branches: { book: 'undone', pay: 'none', mail: 'none' },
    });
    expect(callsSoFar()).toEqual(['book/action', 'settle/action', 'book/compensate']);
  });

  test('that is never answered outlives its deadline, and waits for an operator', async () => {
    world.on(bank, 'action').loseReply();
    const gid = await begin(world, [book, pivot], { timeoutMs: 1000 });
    await expect(world.expectFinal(gid)).rejects.toThrow('it has not ended, and will not by itself');
    // Nothing is called any more, so no time passes for it.
    await expect(world.on(flights, 'compensate').hold().reached()).rejects.toThrow(
      'none will come by itself',
    );
    expect((await ask(world, gid, 'cancel')).status).toBe(409);
    world.on(bank, 'action').succeed();
    await ask(world, gid, 'retry');
    await world.expectFinal(gid, { status: 'confirmed', branches: { book: 'done', pay: 'done' } });
  });

  test('that comes after its deadline without having begun is refused, and its saga is cancelled', async () => {
    world.on(bank, 'action').fail(3);
    const gid = await begin(world, [book, pivot], { timeoutMs: 100 });
    await world.expectFinal(gid, { status: 'cancelled', branches: { book: 'undone', pay: 'none' } });
  });

  test('whose next step is parked waits for an operator, and goes on once an operator has fixed it', async () => {
    world.on(post, 'action').fail();
    const gid = await begin(
      world,
      [pivot, after].map((one) => ({ ...one, payload: {} })),
    );
    await expect(world.expectFinal(gid)).rejects.toThrow('it has not ended, and will not by itself');
    world.on(post, 'action').succeed();
    await ask(world, gid, 'retry');
    await world.expectFinal(gid, { status: 'confirmed', branches: { pay: 'done', mail: 'done' } });
  });
});

describe('what every end of a saga has to keep is looked at, whatever a test expects:', () => {
  /** A service without a barrier: whatever it is asked to, it answers 200. */
  const careless = { contract: bank, routes: everyRoute(bank), handle: async () => OK };
  const OK = { status: 200, headers: {}, body: '{}' };
  const own = () => createTestWorld({ participants: [scripted(flights), careless, scripted(post)] });
  const forge = ({ fetch }: World, gid: string, op: string, activity = 'pay') =>
    fetch(`http://bank.test/${activity}/${op}`, {
      method: 'POST',
      headers: { 'tcc-transaction-id': gid, 'tcc-branch-id': 'pay' },
    });

  test('an action that lands after its compensate, at a service that remembers none, stays done (I6)', async () => {
    const late = await own();
    const held = late.on(bank, 'action').hold();
    const gid = await begin(late, [{ ...pay, payload: {} }], { timeoutMs: 2000 });
    await late.expectFinal(gid, { status: 'cancelled' });
    held.release();
    await expect(late.expectFinal(gid)).rejects.toThrow(
      'branch pay: cancel was decided, and at its participant its action took effect, and is not undone',
    );
  });

  test('a step that somebody compensated in a saga that was confirmed', async () => {
    const torn = await own();
    const gid = await begin(torn, [{ ...pay, payload: {} }]);
    await torn.expectFinal(gid, { status: 'confirmed' });
    await forge(torn, gid, 'compensate');
    await expect(torn.expectFinal(gid)).rejects.toThrow(
      'branch pay: confirm was decided, and at its participant its compensate took effect',
    );
  });

  test('a pivot that was done after it had refused: nothing undoes it (I10)', async () => {
    const torn = await own();
    torn.on(bank, 'action').refuse('no money');
    const gid = await begin(torn, [
      book,
      { ...pay, activity: 'settle', isPivot: true, payload: {} },
      { ...mail, dependsOn: ['pay'] },
    ]);
    await torn.expectFinal(gid, { status: 'cancelled' });
    torn.on(bank, 'action').succeed();
    await forge(torn, gid, 'action', 'settle');
    await expect(torn.expectFinal(gid)).rejects.toThrow(
      'branch pay: cancel was decided, and at its participant its action took effect',
    );
  });

  test('ops of both patterns that were answered with success', async () => {
    const torn = await own();
    const gid = await begin(torn, [{ ...pay, payload: {} }]);
    await torn.expectFinal(gid, { status: 'confirmed' });
    await forge(torn, gid, 'cancel');
    await expect(torn.expectFinal(gid)).rejects.toThrow(
      'ops that exclude each other were answered with success',
    );
  });

  test('and the difference to what was expected is told, with all calls', async () => {
    const gid = await begin(world, [book]);
    await expect(world.expectFinal(gid, { branches: { book: 'undone' } })).rejects.toThrow(
      /branch book: expected undone, found done[\s\S]*coordinator → flights book\/action of book, attempt 1: 200/,
    );
  });
});

describe('who is told of the end', () => {
  const callback = { participant: 'orders', activity: 'ended' };

  function listening(name = 'orders') {
    const heard: unknown[] = [];
    const listener: Mountable & { readonly name: string } = {
      name,
      routes: [{ activity: 'ended', op: 'notify' }],
      async handle({ path, body }) {
        if (path !== '/ended/notify') return null;
        heard.push(JSON.parse(body).status);
        return { status: 204, headers: {}, body: '' };
      },
    };
    return { heard, listener };
  }

  const withListener = ({ listener }: ReturnType<typeof listening>) =>
    createTestWorld({ participants: [scripted(flights), scripted(seats)], listeners: [listener] });

  test('hears of it until it has answered, and expectFinal waits for that', async () => {
    const ear = listening();
    const own = await withListener(ear);
    own.on(ear.listener, 'notify', 'ended').fail(3).loseReply(1);
    const gid = await begin(own, [book], { callback });
    await own.expectFinal(gid, { status: 'confirmed' });
    expect(ear.heard).toEqual(['confirmed', 'confirmed']);
    const notices = own.calls.filter(({ op }) => op === 'notify');
    expect(notices).toHaveLength(5);
    expect(notices.at(-1)).toMatchObject({
      participant: 'orders',
      activity: 'ended',
      gid,
      branchId: null,
      attempt: 5,
      status: 204,
      isHeard: true,
    });
  });

  test('of a tcc, too', async () => {
    const ear = listening();
    const own = await withListener(ear);
    own.on(seats, 'try').refuse('no seats');
    const seat = { ...book, participant: 'seats', activity: 'hold' };
    const gid = await begin(own, [seat], { callback, pattern: 'tcc' });
    await own.expectFinal(gid, { status: 'cancelled' });
    expect(ear.heard).toEqual(['cancelled']);
  });

  test('may be a participant as well, under one name', async () => {
    const ear = listening('flights');
    const own = await withListener(ear);
    const gid = await begin(own, [book], { callback: { ...callback, participant: 'flights' } });
    await own.expectFinal(gid, { branches: { book: 'done' } });
    expect(ear.heard).toEqual(['confirmed']);
  });

  test('may be a scripted participant, which hears of every end', async () => {
    const gid = await begin(world, [book], { callback: { participant: 'post', activity: 'ended' } });
    await world.expectFinal(gid);
    expect(callsSoFar()).toEqual(['book/action', 'ended/notify']);
  });

  test('and never answers is said to', async () => {
    const ear = listening();
    const own = await withListener(ear);
    own.on(ear.listener, 'notify').fail();
    const gid = await begin(own, [book], { callback });
    await expect(own.expectFinal(gid, { status: 'confirmed' })).rejects.toThrow(
      'orders was told of the end by ended/notify, 10 times, and did not answer with a 2xx',
    );
    own.on(ear.listener, 'notify').succeed();
    await own.expectFinal(gid, { status: 'confirmed' });
  });

  test('is alone with its name, and has scripts for its own activities only', async () => {
    const { listener } = listening();
    const twice = createTestWorld({ participants: [], listeners: [listener, listener] });
    await expect(twice).rejects.toThrow('two listeners of this world are named orders');
    const upper = createTestWorld({
      participants: [scripted(flights)],
      listeners: [listening('Flights').listener],
    });
    await expect(upper).rejects.toThrow('two participants and listeners of this world are named Flights');
    const own = await createTestWorld({ participants: [], listeners: [listener] });
    expect(() => own.on(listener, 'notify', 'began')).toThrow(
      'orders has no activity began: there are ended',
    );
  });
});
