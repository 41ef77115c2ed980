/** The lines that a life of a transaction leaves, as a real pino writes them. */
import { Writable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import pino from 'pino';
import { type GlobalTransaction, type Op, type Reply, transition } from '../../src/domain/index.ts';
import { logFields } from '../../src/observability/catalogue.ts';
import { StateLog } from '../../src/observability/state-log.ts';
import { MARKS } from '../support/marks.ts';
import { CALLS_TO_PARK, begin, branch, exactly, replied, spec, T0, told } from '../support/transactions.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const traceparent = `00-${TRACE_ID}-00f067aa0ba902b7-01`;

function logged(level = 'info') {
  const lines: Record<string, unknown>[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      const { level, time: _time, ...line } = JSON.parse(String(chunk));
      lines.push({ level: pino.levels.labels[level], ...line });
      done();
    },
  });
  return { log: new StateLog(pino({ level, base: null }, stream)), lines };
}

/** Logs each state after the one before it, as saves follow each other. */
function linesOf(states: readonly GlobalTransaction[], level = 'info') {
  const { log, lines } = logged(level);
  states.forEach((state, index) => {
    log.saved(states[index - 1] ?? null, state);
  });
  return lines;
}

const tried = (tx: GlobalTransaction) =>
  told(tx, replied('stock', 'try', 'succeeded'), replied('money', 'try', 'succeeded'));

const later = { now: exactly(T0 + 1234) };

const confirmedLater = (tx: GlobalTransaction) =>
  told(tx, replied('stock', 'confirm', 'succeeded', later), replied('money', 'confirm', 'succeeded', later));

describe('a whole life', () => {
  test('that ends confirmed leaves three lines', () => {
    const begun = begin({ name: 'order', traceparent });
    const confirming = tried(begun);
    const of = {
      level: 'info',
      gid: 'g-1',
      trace_id: TRACE_ID,
      pattern: 'tcc',
      transaction_name: 'order',
    };
    expect(linesOf([begun, confirming, confirmedLater(confirming)])).toEqual([
      { ...of, status: 'trying', msg: 'transaction begun' },
      {
        ...of,
        status: 'confirming',
        decision: 'confirm',
        reason: 'all_tries_succeeded',
        msg: 'transaction decided',
      },
      { ...of, status: 'confirmed', duration_ms: 1234, msg: 'transaction finished' },
    ]);
  });

  test('that ends cancelled says which branch refused', () => {
    const cancelling = told(begin(), replied('stock', 'try', 'refused'));
    const [, decided] = linesOf([begin(), cancelling]);
    expect(decided).toEqual({
      level: 'info',
      gid: 'g-1',
      pattern: 'tcc',
      status: 'cancelling',
      decision: 'cancel',
      reason: 'try_refused',
      branch_id: 'stock',
      msg: 'transaction decided',
    });
  });

  test('that one save begins and ends leaves one line, which tells all of it', () => {
    const ended = told(begin({ mode: 'interactive' }), { type: 'cancelRequested', ...later });
    expect(linesOf([ended])).toEqual([
      {
        level: 'info',
        gid: 'g-1',
        pattern: 'tcc',
        status: 'cancelled',
        decision: 'cancel',
        reason: 'cancel_requested',
        duration_ms: 1234,
        msg: 'transaction finished',
      },
    ]);
  });

  test('leaves no line for a save that changes no state', () => {
    const waiting = told(begin(), replied('stock', 'try', 'unknown'));
    expect(linesOf([begin(), waiting]).slice(1)).toEqual([]);
  });
});

describe('a saga', () => {
  const later = exactly(T0 + 1234);
  const step = (branchId: string, dependsOn: string[], isPivot = false) =>
    spec(branchId, { step: { dependsOn, isPivot, isCompensated: !isPivot, references: [] } });
  const begun = begin({
    pattern: 'saga',
    branches: [step('stock', []), step('pay', ['stock'], true), step('mail', ['pay'])],
  });
  const started = told(begun, replied('stock', 'action', 'succeeded'));
  const decided = told(started, replied('pay', 'action', 'succeeded'));
  const of = { level: 'info', gid: 'g-1' };

  test('leaves a line when its pivot is started, among those of its states', () => {
    const ended = told(decided, replied('mail', 'action', 'succeeded', { now: later }));
    expect(linesOf([begun, started, decided, ended])).toEqual([
      { ...of, pattern: 'saga', status: 'trying', msg: 'transaction begun' },
      {
        ...of,
        branch_id: 'pay',
        participant: 'inventory',
        msg: 'pivot started: only its reply decides',
      },
      {
        ...of,
        pattern: 'saga',
        status: 'confirming',
        decision: 'confirm',
        reason: 'pivot_succeeded',
        msg: 'transaction decided',
      },
      { ...of, pattern: 'saga', status: 'confirmed', duration_ms: 1234, msg: 'transaction finished' },
    ]);
  });

  test('that begins with its pivot leaves a line for each', () => {
    const atPivot = begin({ pattern: 'saga', branches: [step('pay', [], true)] });
    expect(linesOf([atPivot]).map(({ msg }) => msg)).toEqual([
      'transaction begun',
      'pivot started: only its reply decides',
    ]);
  });

  test('leaves one line for a cancel that came too late, however often it is asked for', () => {
    const asked = (tx: GlobalTransaction) => {
      const verdict = transition(tx, { type: 'cancelRequested', now: later });
      return (!verdict.accepted && verdict.noted) || tx;
    };
    const once = asked(started);
    expect(linesOf([started, once, asked(once)]).slice(2)).toEqual([
      { ...of, msg: 'cancel requested: only the reply of the pivot decides' },
    ]);
  });

  test('that is refused says which step refused', () => {
    const refused = told(begun, replied('stock', 'action', 'refused'));
    expect(linesOf([begun, refused])[1]).toMatchObject({
      pattern: 'saga',
      status: 'cancelling',
      reason: 'action_refused',
      branch_id: 'stock',
    });
  });

  test.each<[string, Op, GlobalTransaction]>([
    ['pay', 'action', started],
    ['mail', 'action', decided],
    ['stock', 'compensate', told(begun, replied('stock', 'action', 'refused'))],
  ])('whose %s is parked leaves a warning with its op, %s', (branchId, op, before) => {
    const parked = told(
      before,
      ...Array.from({ length: CALLS_TO_PARK }, () => replied(branchId, op, 'unknown', { answer: '503' })),
    );
    expect(linesOf([before, parked]).at(-1)).toEqual({
      level: 'warn',
      gid: 'g-1',
      branch_id: branchId,
      participant: 'inventory',
      op,
      answer: '503',
      msg: 'branch parked: needs an operator',
    });
  });

  test('leaves no line for a step that succeeds, or is compensated before the last', () => {
    const two = begin({ pattern: 'saga', branches: [step('a', []), step('b', ['a'])] });
    const one = told(two, replied('a', 'action', 'succeeded'));
    const refused = told(one, replied('b', 'action', 'refused'));
    expect(linesOf([two, one]).slice(1)).toEqual([]);
    expect(linesOf([refused, told(refused, replied('b', 'compensate', 'succeeded'))]).slice(1)).toEqual([]);
  });
});

test('a branch that is completed from outside leaves a line, without the reason of a refusal', () => {
  const { log, lines } = logged();
  const tx = told(begin({ traceparent }), {
    type: 'completed',
    branchId: 'stock',
    op: 'try',
    reply: 'refused',
    result: null,
    answer: `refused from outside: ${MARKS.payload}`,
    now: exactly(T0),
  });
  log.completed(tx, { branchId: 'stock', op: 'try', reply: 'refused', at: T0 });
  expect(lines).toEqual([
    {
      level: 'info',
      gid: 'g-1',
      trace_id: TRACE_ID,
      branch_id: 'stock',
      participant: 'inventory',
      op: 'try',
      reply: 'refused',
      msg: 'branch completed from outside',
    },
  ]);
});

describe('who asked to hear of the end', () => {
  const callback = { participant: 'billing', activity: 'orders', callTimeoutMs: null };
  const ended = confirmedLater(tried(begin({ callback, traceparent })));
  const notified = (reply: Reply) => ({ ...replied('', 'notify', reply), branchId: null });

  test('is named in a line once it has heard, and in none for a call that failed', () => {
    const failed = told(ended, ...Array.from({ length: 5 }, () => notified('unknown')));
    const heard = told(failed, notified('succeeded'));
    const after = told(heard, replied('stock', 'try', 'succeeded'));
    const more = { ...after, branches: [...after.branches] };
    expect(linesOf([ended, failed, heard, more]).slice(1)).toEqual([
      { level: 'info', gid: 'g-1', trace_id: TRACE_ID, participant: 'billing', msg: 'callback delivered' },
    ]);
  });
});

describe('a branch that is parked', () => {
  const unanswered = (tx: GlobalTransaction, count: number, answer = '503') =>
    told(tx, ...Array.from({ length: count }, () => replied('stock', 'confirm', 'unknown', { answer })));
  const confirming = tried(begin({ traceparent }));
  const parked = unanswered(confirming, CALLS_TO_PARK);

  test('leaves a warning that says who did not do what, and why', () => {
    expect(branch(parked, 'stock').phaseTwo.parkedAt).not.toBeNull();
    expect(linesOf([confirming, unanswered(confirming, 1), parked]).slice(1)).toEqual([
      {
        level: 'warn',
        gid: 'g-1',
        trace_id: TRACE_ID,
        branch_id: 'stock',
        participant: 'inventory',
        op: 'confirm',
        answer: '503',
        msg: 'branch parked: needs an operator',
      },
    ]);
  });

  test('leaves out the reason that a participant gave', () => {
    const refusing = unanswered(confirming, CALLS_TO_PARK, `409: ${MARKS.detail}`);
    expect(linesOf([confirming, refusing]).at(-1)).toMatchObject({ op: 'confirm', answer: '409' });
  });

  test('is told once, not with every save while it stays parked', () => {
    const { log, lines } = logged('warn');
    log.saved(confirming, parked);
    log.saved(parked, told(parked, replied('money', 'confirm', 'succeeded')));
    expect(lines).toHaveLength(1);
  });

  test('is told again when it is parked anew after a retry', () => {
    const retried = told(parked, { type: 'retryRequested', participant: null, now: exactly(T0 + 1) });
    const { log, lines } = logged('warn');
    log.saved(parked, retried);
    log.saved(retried, unanswered(retried, CALLS_TO_PARK));
    expect(lines).toHaveLength(1);
  });
});

test('a registered branch is told at debug only', () => {
  const before = begin({ mode: 'interactive' });
  const after = told(before, { type: 'branchRegistered', branch: spec('stock'), now: exactly(T0) });
  expect(linesOf([before, after]).slice(1)).toEqual([]);
  expect(linesOf([before, after], 'debug').slice(1)).toEqual([
    { level: 'debug', gid: 'g-1', branch_id: 'stock', participant: 'inventory', msg: 'branch registered' },
  ]);
});

test('a participant that is removed is logged', () => {
  const { log, lines } = logged();
  log.participantRemoved('inventory');
  expect(lines).toEqual([{ level: 'info', participant: 'inventory', msg: 'participant removed' }]);
});

test('a circuit that opens is a warning with the address and the error, and one that is probed or closes is none', () => {
  const { log, lines } = logged();
  const failure = { origin: 'http://stock.test:9000', answer: 'connect ECONNREFUSED 10.0.0.7:9000' };
  log.circuitChanged('inventory', 'open', failure);
  log.circuitChanged('inventory', 'half-open');
  log.circuitChanged('inventory', 'closed', { answer: '200' });
  const line = { participant: 'inventory', msg: 'circuit changed' };
  expect(lines).toEqual([
    { level: 'warn', ...line, circuit: 'open', address: failure.origin, answer: failure.answer },
    { level: 'info', ...line, circuit: 'half-open' },
    { level: 'info', ...line, circuit: 'closed' },
  ]);
});

describe('secrets', () => {
  const participant = 'https://user:hunter2@hooks.test/T0KEN';
  const secret = spec('stock', { participant, payload: '{"card":"4111"}', bodyHash: 'hash-of-it' });
  const begun = begin({ businessKey: 'customer-7', branches: [secret] });
  const confirming = told(begun, replied('stock', 'try', 'succeeded'));
  const parked = told(
    confirming,
    ...Array.from({ length: CALLS_TO_PARK }, () => replied('stock', 'confirm', 'unknown', { answer: '503' })),
  );

  test('are in no line: no payload, no business key, no more of an address than its origin', () => {
    const { log, lines } = logged('trace');
    log.saved(null, begun);
    log.saved(begun, confirming);
    log.saved(confirming, parked);
    log.circuitChanged(participant, 'open');
    log.circuitChanged('http://[', 'open');
    expect(lines.map(({ msg, participant: named }) => [msg, named])).toEqual([
      ['transaction begun', undefined],
      ['branch registered', 'https://hooks.test'],
      ['transaction decided', undefined],
      ['branch parked: needs an operator', 'https://hooks.test'],
      ['circuit changed', 'https://hooks.test'],
      ['circuit changed', '(address)'],
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/4111|card|customer-7|hunter2|T0KEN|hash-of-it/);
  });

  test('nor is any field that the catalogue does not name', () => {
    const known = new Set([...Object.keys(logFields), 'level', 'msg']);
    const lines = linesOf([begun, confirming, parked], 'trace');
    expect(lines.flatMap((line) => Object.keys(line)).filter((field) => !known.has(field))).toEqual([]);
  });
});

test('nothing is built for a level that is off', () => {
  const { log, lines } = logged('silent');
  const unreadable = new Proxy(begin(), {
    get: (tx, field) => {
      if (field !== 'status' && field !== 'branches') throw new Error(`${String(field)} was read`);
      return tx[field];
    },
  });
  log.saved(null, unreadable);
  expect(lines).toEqual([]);
});
