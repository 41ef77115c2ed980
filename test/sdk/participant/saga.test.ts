// A participant of sagas: what its calls are answered, and what is left in its database.
import { beforeEach, describe, expect, test } from '@jest/globals';
import { defineContract, defineParticipant, type Participant, Refusal } from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import type { Op } from '@tercet/sdk/wire';
import SQLite from 'better-sqlite3';
import { Type } from 'typebox';
import { answerOf, callFor, newGid, problemOf } from './shop.ts';

const contract = defineContract('travel', {
  book: {
    kind: 'step',
    payload: Type.Object({ seats: Type.Integer({ minimum: 1 }) }),
    result: Type.Object({ bookingId: Type.String() }),
  },
  mail: { kind: 'final', payload: Type.Unknown() },
  pay: {
    kind: 'pivot',
    payload: Type.Object({ cents: Type.Integer() }),
    result: Type.Object({ receiptId: Type.String() }),
  },
});

let participant: Participant;
let db: SQLite.Database;
beforeEach(async () => {
  db = new SQLite(':memory:');
  db.exec(`CREATE TABLE free (seats INTEGER); INSERT INTO free VALUES (10);
    CREATE TABLE booking (id TEXT PRIMARY KEY, seats INTEGER)`);
  const take = db.prepare('UPDATE free SET seats = seats - @seats WHERE seats >= @seats');
  const give = db.prepare('UPDATE free SET seats = seats + @seats');
  const enter = db.prepare('INSERT INTO booking VALUES (?, ?)');
  const strike = db.prepare('DELETE FROM booking WHERE id = ?');
  const barrier = sqliteBarrier({ db });
  await barrier.createTable();
  participant = defineParticipant(contract, {
    barrier,
    activities: {
      book: {
        action(order, { call }) {
          const bookingId = `b-${call.gid.slice(-4)}`;
          enter.run(bookingId, order.seats);
          if (take.run(order).changes === 0) throw new Refusal('no seats are left');
          return { bookingId };
        },
        compensate(order, { actionResult }) {
          strike.run(actionResult.bookingId);
          give.run(order);
          return { struck: actionResult.bookingId };
        },
      },
      mail: { action: () => null },
      pay: {
        action({ cents }) {
          if (cents > 1000) throw new Refusal('the card is blocked');
          return { receiptId: 'r' };
        },
      },
    },
    onError: () => {},
  });
});

type Asked = { gid?: string; activity?: string; op?: Op; payload?: unknown; deadlineAt?: Date };
const call = ({ activity = 'book', op = 'action', payload = { seats: 2 }, ...others }: Asked = {}) =>
  callFor({ activity, op, payload, ...others });
const ask = (asked?: Asked) => answerOf(participant, call(asked));
const problem = (asked?: Asked) => problemOf(participant, call(asked));

const freeSeats = () => db.prepare('SELECT seats FROM free').pluck().get();
const bookings = () => db.prepare('SELECT id FROM booking').pluck().all();

describe('an action', () => {
  test('is done once, and answered its result again', async () => {
    const gid = newGid();
    const done = { status: 200, body: { bookingId: `b-${gid.slice(-4)}` } };
    expect(await ask({ gid })).toMatchObject(done);
    expect(await ask({ gid, deadlineAt: new Date(0) })).toMatchObject(done);
    expect([freeSeats(), bookings()]).toEqual([8, [done.body.bookingId]]);
  });

  test('that refuses leaves nothing', async () => {
    expect(await problem({ payload: { seats: 11 } })).toMatchObject({
      httpStatus: 409,
      code: 'refused',
      detail: 'no seats are left',
    });
    expect([freeSeats(), bookings()]).toEqual([10, []]);
  });

  test('is refused a payload that the contract does not take', async () => {
    expect(await problem({ payload: { seats: 0 } })).toMatchObject({
      httpStatus: 409,
      code: 'invalid_payload',
      detail: '#/seats must be >= 1',
    });
  });

  test('is refused after its deadline, in its own words', async () => {
    expect(await problem({ deadlineAt: new Date(0) })).toMatchObject({
      httpStatus: 409,
      code: 'deadline_passed',
      detail: 'the deadline of this action has passed',
    });
  });

  test('that returns what its contract does not promise is rolled back', async () => {
    const barrier = sqliteBarrier({ db });
    participant = defineParticipant(contract, {
      barrier,
      activities: {
        // @ts-expect-error a bookingId is promised
        book: { action: () => db.exec('DELETE FROM free'), compensate: () => null },
        mail: { action: () => null },
        pay: { action: () => ({ receiptId: 'r' }) },
      },
      onError: (error) => expect(String(error)).toContain('the action returned what its contract does not'),
    });
    expect(await problem()).toMatchObject({ httpStatus: 503, code: 'internal_error' });
    expect(freeSeats()).toBe(10);
    expect.assertions(3);
  });
});

describe('a compensate', () => {
  test('undoes the action once, and is given its result', async () => {
    const gid = newGid();
    await ask({ gid });
    const undone = { status: 200, body: { struck: `b-${gid.slice(-4)}` } };
    for (const time of [1, 2])
      expect([time, await ask({ gid, op: 'compensate' })]).toMatchObject([time, undone]);
    expect([freeSeats(), bookings()]).toEqual([10, []]);
  });

  test('that finds no action succeeds, and its action is refused from then on (I6, I7)', async () => {
    const gid = newGid();
    expect(await ask({ gid, op: 'compensate' })).toMatchObject({ status: 200, body: null });
    expect(await problem({ gid })).toMatchObject({
      httpStatus: 409,
      code: 'cancelled_before',
      detail: 'this step was compensated before',
      title: 'The try or action comes after its cancel or compensate',
    });
    expect(freeSeats()).toBe(10);
  });

  test('of a payload that its action refused has nothing to undo', async () => {
    const asked = { gid: newGid(), payload: { seats: 'two' } };
    await ask(asked);
    expect(await ask({ ...asked, op: 'compensate' })).toMatchObject({ status: 200, body: null });
  });

  test('of a payload that the contract takes no longer is asked again until somebody mends it', async () => {
    const gid = newGid();
    await ask({ gid });
    expect(await problem({ gid, op: 'compensate', payload: {} })).toMatchObject({
      httpStatus: 503,
      code: 'invalid_payload',
      detail: expect.stringContaining('has to take again what it took before'),
    });
    expect(await ask({ gid, op: 'compensate' })).toMatchObject({ status: 200 });
  });

  test('has no deadline', async () => {
    const gid = newGid();
    await ask({ gid });
    expect(await ask({ gid, op: 'compensate', deadlineAt: new Date(0) })).toMatchObject({ status: 200 });
  });
});

describe('a pivot', () => {
  const pay = { activity: 'pay', payload: { cents: 2000 } };

  test('that refused refuses for good, whatever it is asked next', async () => {
    const gid = newGid();
    const refused = { httpStatus: 409, code: 'refused', detail: 'the card is blocked' };
    expect(await problem({ ...pay, gid })).toMatchObject(refused);
    expect(await problem({ ...pay, gid, payload: { cents: 1 } })).toMatchObject(refused);
  });

  test('that was refused its deadline is refused for good', async () => {
    const asked = { ...pay, gid: newGid(), payload: { cents: 1 } };
    expect(await problem({ ...asked, deadlineAt: new Date(0) })).toMatchObject({ code: 'deadline_passed' });
    expect(await problem(asked)).toMatchObject({ httpStatus: 409, code: 'refused' });
  });
});

test('a branch of a tcc and a step of a saga under one name are not taken for each other', async () => {
  const barrier = sqliteBarrier({ db });
  const payload = Type.Unknown();
  const both = defineParticipant(
    defineContract('travel', { hold: { payload }, book: { kind: 'step', payload } }),
    {
      barrier,
      activities: {
        hold: { try: () => null, confirm: () => null, cancel: () => null },
        book: { action: () => null, compensate: () => null },
      },
    },
  );
  const gid = newGid();
  await both.handle(callFor({ gid, activity: 'hold' }));
  for (const op of ['action', 'compensate'] as const)
    expect(await problemOf(both, callFor({ gid, activity: 'book', op }))).toMatchObject({
      httpStatus: 409,
      code: 'another_pattern',
      title: 'The branch belongs to another pattern',
    });
});
