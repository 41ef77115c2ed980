// The rules of the shop's barrier, each as a story of one branch that holds one piece of stock.
import { beforeEach, describe, expect, test } from '@jest/globals';
import SQLite, { type Database } from 'better-sqlite3';
import { barrierIn, type Guard, type Op, Refusal } from '../../examples/shop/barrier.ts';

const DEADLINE_AT = 1000;
const IN_TIME = 999;

let db: Database;
let barrier: Guard;

beforeEach(() => {
  db = new SQLite(':memory:');
  db.exec('CREATE TABLE stock (reserved INTEGER NOT NULL); INSERT INTO stock VALUES (0)');
  barrier = barrierIn(db);
});

const change = { try: 1, confirm: -1, cancel: -1 };

/** The outcome of one call, or the words in which it was refused. */
function call(op: Op, { branchId = 'b', now = IN_TIME, answer = undefined as unknown } = {}): string {
  try {
    const work = () => {
      db.prepare('UPDATE stock SET reserved = reserved + ?').run(change[op]);
      return answer;
    };
    return barrier.run({ gid: 'g', branchId, op, deadlineAt: DEADLINE_AT }, now, work).outcome;
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
}

const reserved = () => (db.prepare('SELECT reserved FROM stock').get() as { reserved: number }).reserved;
const rowCount = () => (db.prepare('SELECT count(*) AS n FROM barrier').get() as { n: number }).n;

describe('a barrier', () => {
  test.each<Op[]>([
    ['try', 'confirm'],
    ['try', 'cancel'],
  ])('lets a %s and its %s through, each once', (...ops) => {
    expect(ops.map((op) => call(op))).toEqual(['done', 'done']);
    expect(reserved()).toBe(0);
    expect(call(ops[1] as Op)).toBe('repeated');
    expect(reserved()).toBe(0);
  });

  test('answers a repeated try with what the first one answered', () => {
    const run = (reservation: string) =>
      barrier.run({ gid: 'g', branchId: 'b', op: 'try', deadlineAt: DEADLINE_AT }, IN_TIME, () => ({
        reservation,
      }));
    expect(run('first')).toEqual({ outcome: 'done', answer: { reservation: 'first' } });
    expect(run('second')).toEqual({ outcome: 'repeated', answer: { reservation: 'first' } });
  });

  test('answers a repeated try also after the deadline, since the work was done in time', () => {
    call('try');
    expect(call('try', { now: DEADLINE_AT })).toBe('repeated');
    expect(reserved()).toBe(1);
  });

  test('keeps the branches of a transaction apart', () => {
    expect([call('try', { branchId: 'one' }), call('try', { branchId: 'other' })]).toEqual(['done', 'done']);
    expect(reserved()).toBe(2);
  });

  test('lets a cancel without a try succeed, and it undoes nothing', () => {
    expect(call('cancel')).toBe('nothing to undo');
    expect(call('cancel')).toBe('repeated');
    expect(reserved()).toBe(0);
  });

  test('refuses a try that arrives after its cancel', () => {
    call('cancel');
    expect(call('try')).toBe('this branch was cancelled before');
    expect(reserved()).toBe(0);
  });

  test('refuses a try that is repeated after its cancel', () => {
    call('try');
    call('cancel');
    expect(call('try')).toBe('this branch was cancelled before');
    expect(reserved()).toBe(0);
  });

  test('refuses a try that starts at its deadline or later, and keeps no trace of it', () => {
    expect(call('try', { now: DEADLINE_AT })).toBe('the deadline of this try has passed');
    expect([reserved(), rowCount()]).toEqual([0, 0]);
    expect(call('cancel', { now: DEADLINE_AT })).toBe('nothing to undo');
  });

  test('lets a confirm come as late as it likes', () => {
    call('try');
    expect(call('confirm', { now: DEADLINE_AT * 1000 })).toBe('done');
  });

  test('refuses a confirm without a try, and a try may still come', () => {
    expect(call('confirm')).toBe('there is no try to confirm');
    expect(call('try')).toBe('done');
  });

  test('refuses a confirm after a cancel, with or without a try before', () => {
    call('cancel');
    expect(call('confirm')).toBe('this branch was cancelled before');
    call('try', { branchId: 'tried' });
    call('cancel', { branchId: 'tried' });
    expect(call('confirm', { branchId: 'tried' })).toBe('this branch was cancelled before');
    expect(reserved()).toBe(0);
  });

  test('refuses a cancel after a confirm', () => {
    call('try');
    call('confirm');
    expect(call('cancel')).toBe('this branch was confirmed before');
    expect(reserved()).toBe(0);
  });

  test.each<Op>([
    'try',
    'confirm',
    'cancel',
  ])('forgets a %s whose work failed, so that it can be repeated', (op) => {
    if (op !== 'try') call('try');
    const before = [reserved(), rowCount()];
    const fails = () => {
      db.exec('UPDATE stock SET reserved = 99');
      throw new Refusal('the work failed');
    };
    const failing = () =>
      barrier.run({ gid: 'g', branchId: 'b', op, deadlineAt: DEADLINE_AT }, IN_TIME, fails);
    expect(failing).toThrow('the work failed');
    expect([reserved(), rowCount()]).toEqual(before);
    expect(call(op)).toBe('done');
  });
});
