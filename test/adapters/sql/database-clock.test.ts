// The database's time as an interval that always holds it, whatever this machine's clocks do.
import { beforeEach, describe, expect, test } from '@jest/globals';
import { DatabaseClock, type LocalClock } from '../../../src/adapters/sql/database-clock.ts';
import { seededChance } from '../../support/virtual-clock.ts';

const T0 = Date.UTC(2026, 0, 1);

/** This machine's clocks and the database's, moved by hand. */
const machine = { elapsed: 0, wall: 0, database: 0 };
let answersAfterMs = 0;
let askedCount = 0;
let clock: DatabaseClock;

const local: LocalClock = {
  elapsedMs: () => machine.elapsed,
  wallMs: () => machine.wall,
  after: (delayMs, fn) => {
    queueMicrotask(() => {
      pass(delayMs);
      fn();
    });
    return () => {};
  },
};

function pass(ms: number): void {
  machine.elapsed += ms;
  machine.wall += ms;
  machine.database += ms;
}

/** The question takes half of its time there, and half back. */
async function read(): Promise<number> {
  askedCount += 1;
  pass(answersAfterMs / 2);
  const at = Math.floor(machine.database);
  pass(answersAfterMs / 2);
  return at;
}

/** A commit that took this long and brought the time of its end. */
function commitTaking(ms: number): void {
  const askedAtMs = machine.elapsed;
  pass(ms);
  clock.sample({ at: Math.floor(machine.database), askedAtMs, answeredAtMs: machine.elapsed });
}

beforeEach(async () => {
  // The machine believes that it is an hour later, and began to count long ago.
  Object.assign(machine, { elapsed: 5_000_000.25, wall: T0 + 3_600_000, database: T0 });
  [answersAfterMs, askedCount] = [4, 0];
  clock = await DatabaseClock.start({ local, read });
});

const expectHeld = () => {
  const { earliest, latest } = clock.now();
  expect(earliest).toBeLessThanOrEqual(machine.database);
  expect(latest).toBeGreaterThanOrEqual(machine.database);
  return latest - earliest;
};

describe('the present', () => {
  test('is the time of the database, whatever the clock of this machine says', () => {
    expect(expectHeld()).toBeLessThanOrEqual(6);
    pass(1234.5);
    expect(expectHeld()).toBeLessThanOrEqual(7);
  });

  test('always lies in the interval, whatever the questions take', () => {
    const chance = seededChance(7);
    for (let round = 0; round < 2000; round += 1) {
      pass(chance.draw() * 3000);
      expectHeld();
      if (chance.is(0.5)) commitTaking(chance.draw() * 400);
      expectHeld();
    }
  });

  test('is told by a narrow sample rather than by a newer wide one, for as long as no clock drifts', () => {
    commitTaking(400);
    expect(expectHeld()).toBeLessThanOrEqual(7);
    pass(6000);
    commitTaking(400);
    expect(expectHeld()).toBeGreaterThan(390);
  });
});

describe('what is not to be trusted is asked again', () => {
  test('not as long as commits bring samples', async () => {
    for (let commit = 0; commit < 20; commit += 1) {
      pass(5000);
      commitTaking(10);
      expect(clock.settle()).toBeNull();
    }
    expect(askedCount).toBe(1);
  });

  test('after ten seconds without one, once for all who ask', async () => {
    pass(10_001);
    await Promise.all([clock.settle(), clock.settle()]);
    expect(askedCount).toBe(2);
    expect(clock.settle()).toBeNull();
    expectHeld();
  });

  test('when this machine was suspended, and until then its interval holds both beliefs', async () => {
    machine.wall += 60_000;
    machine.database += 60_000;
    expect(expectHeld()).toBeGreaterThan(59_000);
    await clock.settle();
    expect(expectHeld()).toBeLessThanOrEqual(6);
  });

  test('when the clock of this machine is set, which changes nothing', async () => {
    machine.wall -= 3_600_000;
    expectHeld();
    await clock.settle();
    expect(expectHeld()).toBeLessThanOrEqual(6);
    expect(clock.settle()).toBeNull();
  });

  test('and a database that cannot tell is said to be unavailable', async () => {
    clock = await DatabaseClock.start({
      local,
      read: () => (askedCount++ === 1 ? Promise.resolve(T0) : Promise.reject(new Error('gone'))),
    });
    pass(10_001);
    await expect(clock.settle()).rejects.toThrow('gone');
  });
});

describe('a clock of the database that jumps', () => {
  test('by ten seconds or more is believed when a sample two seconds later agrees, and nothing is judged before', async () => {
    const before = clock.now();
    machine.database += 30_000;
    commitTaking(4);
    expect(clock.now().earliest).toBeLessThanOrEqual(before.latest + 5);
    expect(clock.now().latest).toBeGreaterThanOrEqual(T0 + 30_000);
    await clock.settle();
    expect(expectHeld()).toBeLessThanOrEqual(6);
    expect(clock.settle()).toBeNull();
  });

  test('for less than two seconds is not believed, however many samples agree meanwhile', async () => {
    machine.database += 86_400_000;
    commitTaking(4);
    const settling = clock.settle();
    for (let commit = 0; commit < 10; commit += 1) commitTaking(150);
    expect(clock.now().earliest).toBeLessThan(T0 + 60_000);
    expect(clock.settle()).not.toBeNull();
    machine.database -= 86_400_000;
    await settling;
    expect(expectHeld()).toBeLessThanOrEqual(200);
    expect(clock.settle()).toBeNull();
  });

  test('to and fro is not believed as long as it lasts', () => {
    for (const byMs of [86_400_000, 30_000_000, -86_400_000]) {
      machine.database += byMs;
      commitTaking(4);
      pass(1000);
      commitTaking(4);
      expect(clock.now().earliest).toBeLessThan(T0 + 60_000);
    }
  });

  test('only once, as a wrong answer does, is forgotten again', async () => {
    const at = machine.elapsed;
    clock.sample({ at: machine.database - 3_600_000, askedAtMs: at, answeredAtMs: at });
    expect(clock.now().latest).toBeGreaterThanOrEqual(machine.database);
    await clock.settle();
    expect(expectHeld()).toBeLessThanOrEqual(6);
  });

  test('by less is followed at once', () => {
    machine.database += 2000;
    commitTaking(4);
    expect(expectHeld()).toBeLessThanOrEqual(6);
  });
});
