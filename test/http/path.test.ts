// The path that a transaction has taken, as reading it tells: from the cause to the last compensation, in one answer.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { PathEntry, TransactionDetails } from '@tercet/sdk/wire';
import { branch, openWorld, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const begin = async (body: object, prefer = 'wait=5'): Promise<string> =>
  (await world.send('POST', '/v1/transactions', body, { prefer })).json().gid;
const read = async (gid: string): Promise<TransactionDetails> =>
  (await world.send('GET', `/v1/transactions/${gid}`)).json();

/** Reads the transaction again and again while time passes. */
async function readUntil(gid: string, isReached: (view: TransactionDetails) => boolean) {
  for (let looks = 0; ; looks += 1) {
    const view = await read(gid);
    if (isReached(view)) return view;
    expect(looks).toBeLessThan(1000);
    world.time.pass(50);
  }
}

/** Each entry in a few words. */
const words = ({ path }: TransactionDetails): string[] =>
  path.map((entry: PathEntry) => {
    switch (entry.what) {
      case 'called':
        return `${entry.op} ${entry.branchId}: ${entry.reply} after ${entry.attemptCount}`;
      case 'decided':
        return `decided ${entry.decision}, ${entry.reason}`;
      case 'ended':
        return entry.status;
      case 'began':
      case 'cancel_asked':
        return entry.what;
      default:
        return `${entry.what} ${entry.branchId}`;
    }
  });

const step = (branchId: string, more: object = {}) => branch(branchId, { activity: branchId, ...more });

describe('the path of a saga', () => {
  test('that was cancelled tells cause, decision and each compensation in order, with its attempts', async () => {
    const firstTries = new Set<string>();
    world.answer(({ op, branchId }) => {
      if (op === 'action') return branchId === 'd' ? 409 : 200;
      // Each compensation takes a second try.
      const isFirst = !firstTries.has(`${branchId}`);
      firstTries.add(`${branchId}`);
      return isFirst ? 503 : 200;
    });
    const side = { dependsOn: ['a'] };
    const branches = [step('a'), step('b', side), step('c', side), step('d', { dependsOn: ['b', 'c'] })];
    const gid = await begin({ pattern: 'saga', branches }, 'wait=0');
    const ended = await readUntil(gid, ({ finishedAt }) => finishedAt !== null);
    const told = words(ended);
    expect(told.slice(0, 7)).toEqual([
      'began',
      'action a: succeeded after 1',
      'action b: succeeded after 1',
      'action c: succeeded after 1',
      'action d: refused after 1',
      'decided cancel, action_refused',
      'compensate d: succeeded after 2',
    ]);
    expect(told.slice(7, 9).sort()).toEqual([
      'compensate b: succeeded after 2',
      'compensate c: succeeded after 2',
    ]);
    expect(told.slice(9)).toEqual(['compensate a: succeeded after 2', 'cancelled']);

    const [refused, decided, undone] = ended.path.slice(4, 7);
    expect(refused).toEqual({
      what: 'called',
      branchId: 'd',
      op: 'action',
      attemptCount: 1,
      reply: 'refused',
      at: '2026-01-01T00:00:00.000Z',
      firstAt: '2026-01-01T00:00:00.000Z',
      attempts: [
        { at: '2026-01-01T00:00:00.000Z', durationMs: 0, httpStatus: 409, reply: 'refused', error: null },
      ],
    });
    expect(decided).toMatchObject({
      what: 'decided',
      decision: 'cancel',
      reason: 'action_refused',
      branchId: 'd',
      cause: { branchId: 'd', op: 'action', httpStatus: 409, reply: 'refused' },
    });
    expect(undone).toMatchObject({
      firstAt: '2026-01-01T00:00:00.000Z',
      attempts: [
        { httpStatus: 503, reply: 'unknown' },
        { httpStatus: 200, reply: 'succeeded' },
      ],
    });
    const times = ended.path.map(({ at }) => at);
    expect(times).toEqual([...times].sort());
    expect(times.at(-1)).toBe(ended.finishedAt);
  });

  test('tells when its pivot was started, and a wish to cancel that came too late', async () => {
    world.answer(({ branchId }) => (branchId === 'pay' ? 503 : 200));
    const steps = [step('stock'), step('pay', { isPivot: true, retry: { budgetMs: 100_000 } }), step('mail')];
    const gid = await begin({ pattern: 'saga', branches: steps }, 'wait=0');
    await readUntil(gid, ({ path }) => path.some(({ what }) => what === 'pivot_started'));
    world.time.pass(50);
    await world.send('POST', `/v1/transactions/${gid}/cancel`);
    world.answer(() => 200);
    const ended = await readUntil(gid, ({ finishedAt }) => finishedAt !== null);
    expect(words(ended)).toEqual([
      'began',
      'action stock: succeeded after 1',
      'pivot_started pay',
      'cancel_asked',
      expect.stringMatching(/^action pay: succeeded after \d/),
      'decided confirm, pivot_succeeded',
      'action mail: succeeded after 1',
      'confirmed',
    ]);
    expect(ended.path.find(({ what }) => what === 'decided')).toMatchObject({ branchId: null, cause: null });
  });

  test('goes on behind the end while somebody is to hear of it', async () => {
    const answers = [500, 200];
    world.answer(({ op }) => (op === 'notify' ? (answers.shift() ?? 200) : 200));
    const callback = { participant: 'payment', activity: 'orders' };
    const gid = await begin({ pattern: 'saga', branches: [step('a')], callback });
    const told = await readUntil(gid, ({ callback: shown }) => shown?.notify?.reply === 'succeeded');
    expect(words(told).slice(-3)).toEqual([
      'decided confirm, all_actions_succeeded',
      'confirmed',
      'notify null: succeeded after 2',
    ]);
  });
});

describe('the path of a tcc', () => {
  test('that is declared tells its tries and what followed', async () => {
    world.answer(({ op, branchId }) => (op === 'try' && branchId === 'b' ? 422 : 200));
    const ended = await read(await begin({ branches: [branch('a'), branch('b')] }));
    expect(words(ended)).toEqual([
      'began',
      'try a: succeeded after 1',
      'try b: refused after 1',
      'decided cancel, try_refused',
      'cancel a: succeeded after 1',
      'cancel b: succeeded after 1',
      'cancelled',
    ]);
    expect(ended.path[3]).toMatchObject({
      branchId: 'b',
      cause: { branchId: 'b', op: 'try', httpStatus: 422 },
    });
  });

  test('that is interactive tells when each branch was registered', async () => {
    const gid = await begin({});
    for (const branchId of ['a', 'b']) {
      world.time.pass(10);
      await world.send('POST', `/v1/transactions/${gid}/branches`, branch(branchId));
    }
    world.time.pass(10);
    await world.send('POST', `/v1/transactions/${gid}/cancel`, undefined, { prefer: 'wait=5' });
    const ended = await read(gid);
    expect(words(ended)).toEqual([
      'began',
      'registered a',
      'registered b',
      'decided cancel, cancel_requested',
      'cancel a: succeeded after 1',
      'cancel b: succeeded after 1',
      'cancelled',
    ]);
    expect(ended.path[1]?.at).toBe('2026-01-01T00:00:00.010Z');
    expect(ended.path[3]).toMatchObject({ at: '2026-01-01T00:00:00.030Z', branchId: null, cause: null });
  });

  test('counts the calls after a retry by hand with those before it', async () => {
    world.answer(({ op }) => (op === 'confirm' ? 503 : 200));
    const gid = await begin({ branches: [branch('a')] }, 'wait=0');
    await readUntil(gid, ({ isParked }) => isParked);
    await world.send('POST', `/v1/transactions/${gid}/retry`);
    await readUntil(gid, ({ isParked }) => isParked);
    const parked = await read(gid);
    expect(words(parked).at(-1)).toBe('confirm a: unknown after 20');
    expect(parked.branches[0]?.confirm?.attemptCount).toBe(10);
  });

  test('tells the newest 20 of many calls, and how many there were', async () => {
    // Each attempt spends half of its pause, rounded up.
    const retry = { firstDelayMs: 1, maxDelayMs: 1, budgetMs: 24 };
    world.answer(({ op }) => (op === 'confirm' ? 503 : 200));
    const gid = await begin({ branches: [branch('a')], retry }, 'wait=0');
    const { path } = await readUntil(gid, ({ isParked }) => isParked);
    const called = path.at(-1);
    if (called?.what !== 'called') throw new Error('it ends with its calls');
    expect([called.attemptCount, called.attempts.length]).toEqual([25, 20]);
    expect(Date.parse(called.firstAt)).toBeLessThan(Date.parse(called.attempts[0]?.at ?? ''));
    expect(called.attempts.at(-1)?.at).toBe(called.at);
  });
});

test('the path says no more than the state beside it, whatever is written meanwhile', async () => {
  world.answer(() => null);
  const gid = await begin({ branches: [branch('a')] }, 'wait=0');
  const journalOf = world.store.journalOf.bind(world.store);
  world.store.journalOf = async (asked) => {
    world.store.journalOf = journalOf;
    await world.send('POST', `/v1/transactions/${gid}/cancel`);
    return journalOf(asked);
  };
  const before = await read(gid);
  expect([before.status, words(before)]).toEqual(['trying', ['began']]);
  const after = await read(gid);
  expect([after.status, words(after)]).toEqual(['cancelling', ['began', 'decided cancel, cancel_requested']]);
});

test('what is removed between the two looks is not there', async () => {
  const gid = await begin({ branches: [branch('a')] });
  world.store.journalOf = async () => [];
  const gone = await world.send('GET', `/v1/transactions/${gid}`);
  expect([gone.statusCode, gone.json().code]).toEqual([404, 'unknown_transaction']);
});

test('other answers show the transaction without its path', async () => {
  const answered = await world.send(
    'POST',
    '/v1/transactions',
    { branches: [branch('a')] },
    { prefer: 'wait=5' },
  );
  const { path, ...read } = (await world.send('GET', `/v1/transactions/${answered.json().gid}`)).json();
  expect(answered.json()).toEqual(read);
  expect(path).toHaveLength(5);
});
