// What bounds the calls to a participant: a bounded number of concurrent calls, and a circuit breaker.
import { beforeEach, describe, expect, test } from '@jest/globals';
import { CallGate, type CallResult, type Entered } from '../../src/application/call-gate.ts';
import type { CallLimits, CircuitState } from '../../src/application/ports.ts';
import { seededChance, VirtualClock } from '../support/virtual-clock.ts';
import { noObserver } from '../support/engine.ts';

const SETTINGS = { concurrency: 3, failureCount: 3, firstOpenMs: 1000, maxOpenMs: 4000 };

let clock: VirtualClock;
let gate: CallGate;
let changes: string[];
let recovered: string[];
/** Of `stock`; null while they are not known. */
let limits: CallLimits | null;

beforeEach(() => {
  clock = new VirtualClock();
  [changes, recovered, limits] = [[], [], {}];
  gate = new CallGate({
    settings: SETTINGS,
    time: clock,
    chance: seededChance(3),
    observer: {
      ...noObserver,
      circuitChanged: (name: string, state: CircuitState) => changes.push(`${name} ${state}`),
    },
    onRecovered: (name) => recovered.push(name),
    limitsOf: (name) => (name === 'stock' ? limits : {}),
  });
});

/** Not the first attempt of its branch, unless it says so. */
const callOf = (participant: string, attempt = 2) => ({ participant, attempt, op: 'confirm' }) as const;

function enter(participant = 'stock', attempt = 2): Entered {
  const entry = gate.enter(callOf(participant, attempt));
  if (!entry.isAdmitted) throw new Error(`deferred: ${entry.why}`);
  return entry;
}

function deferred(participant = 'stock') {
  const entry = gate.enter(callOf(participant));
  if (entry.isAdmitted) throw new Error('it was admitted');
  return entry;
}

const call = (result: CallResult, participant?: string) => enter(participant).leave(result);
const fail = (count: number) => {
  for (let calls = 0; calls < count; calls += 1) call('failed');
};

describe('calls at once', () => {
  test('are bounded for each participant, and one that is full is no matter of another', () => {
    const entries = [enter(), enter(), enter()];
    expect(deferred().why).toBe('no_free_slot');
    enter('money');
    entries[0]?.leave('answered');
    enter();
    expect(deferred().why).toBe('no_free_slot');
  });

  test('that find no slot come again the later, the more of them there are', () => {
    for (let slot = 0; slot < SETTINGS.concurrency; slot += 1) enter();
    const pauses = Array.from({ length: 300 }, () => deferred().againInMs);
    expect(Math.max(...pauses.slice(0, 3))).toBeLessThanOrEqual(1000);
    expect(Math.min(...pauses.slice(-50))).toBeGreaterThanOrEqual(10_000);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(30_000);
  });
});

describe('the limits of a registration', () => {
  test('lower the number of concurrent calls, never raise it, and hold as soon as they change', () => {
    limits = { maxConcurrentCalls: 1 };
    const only = enter();
    expect(deferred().why).toBe('no_free_slot');
    expect(gate.roomFor('stock')).toBe(0);
    limits = { maxConcurrentCalls: 1000 };
    for (let slot = 1; slot < SETTINGS.concurrency; slot += 1) enter();
    expect(deferred().why).toBe('no_free_slot');
    limits = { maxConcurrentCalls: 2 };
    only.leave('answered');
    expect(deferred().why).toBe('no_free_slot');
    enter('money');
  });

  test('bound the calls of any time by its seconds and one more', () => {
    limits = { maxCallsPerSecond: 10 };
    const sentAtMs: number[] = [];
    for (let step = 0; step < 600; step += 1) {
      const entry = gate.enter(callOf('stock'));
      if (entry.isAdmitted) {
        sentAtMs.push(clock.nowMs);
        entry.leave('answered');
      }
      clock.pass(7);
    }
    for (const fromMs of sentAtMs)
      for (const seconds of [0.5, 1, 3]) {
        const count = sentAtMs.filter((atMs) => atMs >= fromMs && atMs < fromMs + seconds * 1000).length;
        expect(count).toBeLessThanOrEqual(10 * seconds + 10);
      }
    // Nor are there fewer than the participant takes.
    expect(sentAtMs.length).toBeGreaterThanOrEqual(10 * 4.2 + 9);
  });

  test('defer what exceeds the rate, spread over the time that the participant needs for it', () => {
    limits = { maxCallsPerSecond: 10 };
    for (let calls = 0; calls < 10; calls += 1) call('answered');
    const pauses = Array.from({ length: 100 }, () => deferred());
    expect(new Set(pauses.map(({ why }) => why))).toEqual(new Set(['rate_exceeded']));
    expect(Math.min(...pauses.map(({ againInMs }) => againInMs))).toBeGreaterThanOrEqual(100);
    const last = pauses.slice(-50).map(({ againInMs }) => againInMs);
    expect(Math.max(...last)).toBeGreaterThan(5000);
    expect(Math.max(...last)).toBeLessThanOrEqual(10_100);
    expect(gate.roomFor('stock')).toBe(0);
    clock.pass(200);
    expect(gate.roomFor('stock')).toBe(2);
    call('answered', 'money');
  });

  test('admit nothing more at once than before while the clock stands still', () => {
    limits = { maxCallsPerSecond: 5 };
    for (let calls = 0; calls < 5; calls += 1) call('answered');
    limits = { maxCallsPerSecond: 50 };
    expect(deferred().why).toBe('rate_exceeded');
    limits = {};
    call('answered');
  });

  test('take no token for a call that meets an open circuit or no free slot', () => {
    limits = { maxCallsPerSecond: 4, maxConcurrentCalls: 1 };
    const only = enter();
    for (let calls = 0; calls < 10; calls += 1) expect(deferred().why).toBe('no_free_slot');
    only.leave('answered');
    fail(3);
    clock.pass(250);
    expect(deferred().why).toBe('circuit_open');
    enter('stock', 1);
  });

  test('that are not known yet let one call through at a time, and others enter again soon', () => {
    limits = null;
    const only = enter();
    const { why, againInMs } = deferred();
    expect(why).toBe('limits_unknown');
    expect(againInMs).toBeLessThanOrEqual(100);
    limits = {};
    enter();
    only.leave('answered');
  });
});

test('the failure that opens a circuit is reported with the change', () => {
  const told: unknown[] = [];
  const observer = { ...noObserver, circuitChanged: (...change: unknown[]) => told.push(change) };
  const settings = { ...SETTINGS, failureCount: 2 };
  const watched = new CallGate({ settings, time: clock, chance: seededChance(3), observer });
  const failWith = (answer: string) => {
    const entry = watched.enter(callOf('stock'));
    if (entry.isAdmitted) entry.leave('failed', { origin: 'http://stock.test', answer });
  };
  failWith('503');
  failWith('time-out after 5000 ms');
  const failure = { origin: 'http://stock.test', answer: 'time-out after 5000 ms' };
  expect(told).toEqual([['stock', 'open', failure]]);
});

describe('a circuit', () => {
  test('opens after so many failures in a row, and a success begins the count again', () => {
    fail(2);
    call('answered');
    fail(2);
    expect(gate.stateOf('stock')).toBe('closed');
    fail(1);
    expect(gate.stateOf('stock')).toBe('open');
    expect(deferred().why).toBe('circuit_open');
    expect(gate.stateOf('money')).toBe('closed');
    enter('money');
  });

  test('admits one probe once its open time is over, and closes when that one is answered', () => {
    fail(3);
    clock.nowMs += SETTINGS.firstOpenMs;
    const probe = enter();
    expect(deferred().why).toBe('circuit_open');
    probe.leave('answered');
    enter();
    enter();
    expect(changes).toEqual(['stock open', 'stock half-open', 'stock closed']);
  });

  test('is open twice as long after each probe that fails, up to the limit', () => {
    fail(3);
    for (const openMs of [1000, 2000, 4000, 4000]) {
      clock.nowMs += openMs - 1;
      deferred();
      clock.nowMs += 1;
      call('failed');
    }
    expect(gate.stateOf('stock')).toBe('open');
  });

  test('says when to enter again: after the open time, spread over as long again', () => {
    fail(3);
    const pauses = Array.from({ length: 200 }, () => deferred().againInMs);
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(SETTINGS.firstOpenMs);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(2 * SETTINGS.firstOpenMs);
    expect(new Set(pauses).size).toBeGreaterThan(50);
  });

  test('is not kept open by calls that were sent before it opened, and is closed by one that is answered', () => {
    const [early, earlier] = [enter(), enter()];
    fail(3);
    clock.nowMs += 500;
    early.leave('failed');
    clock.nowMs += 500;
    enter().leave('silent');
    expect(gate.stateOf('stock')).toBe('open');
    earlier.leave('answered');
    expect(gate.stateOf('stock')).toBe('closed');
  });

  test('gives its probe to the next call when the first one was never sent', () => {
    fail(3);
    clock.nowMs += SETTINGS.firstOpenMs;
    call('silent');
    call('answered');
    expect(gate.stateOf('stock')).toBe('closed');
  });

  test('admits first attempts one at a time, since those that fail may be poisoned branches of a healthy participant', () => {
    fail(3);
    const first = enter('stock', 1);
    expect(gate.enter(callOf('stock', 1))).toMatchObject({ isAdmitted: false, why: 'circuit_open' });
    first.leave('failed');
    expect(changes).toEqual(['stock open']);
    clock.nowMs += SETTINGS.firstOpenMs;
    call('failed');
    enter('stock', 1).leave('answered');
    expect(gate.stateOf('stock')).toBe('closed');
  });

  test('lets tries enter again soon, whose deadline does not wait for its open time', () => {
    fail(3);
    for (let probes = 0; probes < 2; probes += 1) enter('stock', 1).leave('failed');
    enter('stock', 1);
    const held = gate.enter({ participant: 'stock', attempt: 1, op: 'try' });
    expect(held).toMatchObject({ isAdmitted: false });
    if (!held.isAdmitted) expect(held.againInMs).toBeLessThanOrEqual(SETTINGS.firstOpenMs);
  });

  test('is closed by an operator, however long it would be open', () => {
    fail(3);
    gate.close('stock');
    fail(2);
    expect(gate.stateOf('stock')).toBe('closed');
  });
});

describe('a recovery', () => {
  test('is the first answer after a failure, and no other answer', () => {
    call('answered');
    fail(1);
    call('silent');
    expect(recovered).toEqual([]);
    call('answered');
    call('answered');
    expect(recovered).toEqual(['stock']);
  });

  test('is an answer to the probe of an open circuit, and a late answer that closes it', () => {
    fail(3);
    clock.pass(1000);
    call('answered');
    const late = enter();
    fail(3);
    late.leave('answered');
    expect(recovered).toEqual(['stock', 'stock']);
    expect(gate.stateOf('stock')).toBe('closed');
  });

  test('is an answer that settles a call which was given up, though none has failed here', () => {
    call('recovered');
    expect(recovered).toEqual(['stock']);
  });

  test('is the next answer of a participant that is doubted, once', () => {
    gate.doubt('stock');
    call('failed', 'money');
    call('silent');
    expect(recovered).toEqual([]);
    call('answered');
    call('answered');
    expect(recovered).toEqual(['stock']);
  });

  test('is not told of an address: it has no name to note it by', () => {
    call('failed', 'http://stock.test');
    call('answered', 'http://stock.test');
    call('recovered', 'http://stock.test');
    expect(recovered).toEqual([]);
  });
});

describe('the room for calls of resumed branches', () => {
  const resume = () => gate.enter(callOf('stock'), true);

  test('is half of the slots, so that other calls find one', () => {
    expect(gate.roomFor('stock')).toBe(2);
    const [first, second, third] = [resume(), resume(), resume()];
    expect([first.isAdmitted, second.isAdmitted, third.isAdmitted]).toEqual([true, true, false]);
    expect(gate.roomFor('stock')).toBe(0);
    enter();
    if (first.isAdmitted) first.leave('answered');
    expect(gate.roomFor('stock')).toBe(1);
  });

  test('is what other calls leave of all slots', () => {
    enter();
    const entry = enter();
    expect(gate.roomFor('stock')).toBe(1);
    enter();
    expect(gate.roomFor('stock')).toBe(0);
    entry.leave('answered');
    expect(gate.roomFor('stock')).toBe(1);
  });

  test('is none while its circuit is open, and one probe once its open time is over', () => {
    fail(3);
    expect(gate.roomFor('stock')).toBe(0);
    clock.pass(1000);
    expect(gate.roomFor('stock')).toBe(1);
    enter();
    expect(gate.roomFor('stock')).toBe(0);
  });
});

describe('a participant is idle', () => {
  test('once no call of it is under way, nor was one sent for so long', () => {
    expect(gate.isIdle('stock', 1000)).toBe(true);
    const entry = enter();
    clock.pass(5000);
    expect(gate.isIdle('stock', 1000)).toBe(false);
    entry.leave('failed');
    expect(gate.isIdle('stock', 1000)).toBe(true);
    call('answered');
    clock.pass(999);
    expect(gate.isIdle('stock', 1000)).toBe(false);
    clock.pass(1);
    expect(gate.isIdle('stock', 1000)).toBe(true);
  });

  test('though a call was deferred, which was never sent', () => {
    fail(3);
    clock.pass(500);
    deferred();
    clock.pass(500);
    expect(gate.isIdle('stock', 1000)).toBe(true);
  });
});
