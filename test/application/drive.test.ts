/** One transaction being carried out: what is sent, what is saved, and in which order. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryTransactionStore } from '../../src/adapters/memory/transaction-store.ts';
import type { Coordinator, Outcome } from '../../src/application/coordinator.ts';
import type { Engine } from '../../src/application/engine.ts';
import {
  type BatchOutcome,
  type HttpAnswer,
  type ParticipantCall,
  type Save,
  StoreUnavailable,
} from '../../src/application/ports.ts';
import type { DeclaredBranchRequest } from '../../src/application/requests.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { registryOf, testEngine } from '../support/engine.ts';
import { policy } from '../support/saves.ts';

const named = (branchId: string) => ({ branchId, participant: 'inventory', activity: 'reserve' });
const PAIR = ['a', 'b'].map(named);

describe('a drive', () => {
  let clock: VirtualClock;
  let store: MemoryTransactionStore;
  let engine: Engine;
  let coordinator: Coordinator;
  /** The calls that were sent and not answered yet, by `op branchId`. */
  let calls: Map<
    string,
    { call: ParticipantCall; answer: (httpStatus: number | null, body?: string) => Promise<void> }
  >;
  /** Every call that was sent, and every commit that was begun and acknowledged. */
  let events: string[];
  /** A commit is acknowledged only when this is resolved; null acknowledges at once. */
  let gate: Promise<void> | null;
  let failing: BatchOutcome | null;

  beforeEach(() => {
    [clock, store, calls, events, gate, failing] = [
      new VirtualClock(),
      new MemoryTransactionStore(),
      new Map(),
      [],
      null,
      null,
    ];
    engine = testEngine({
      clock,
      store,
      writer: { writeBatch },
      registry: registryOf('inventory'),
      participants: { call: remember },
    });
    coordinator = engine.coordinator;
  });

  async function writeBatch(saves: readonly Save[]): Promise<BatchOutcome> {
    if (failing) return failing;
    const outcome = await store.writeBatch(saves);
    await gate;
    for (const { after, seq } of saves) events.push(`saved ${seq} ${after.status}`);
    return outcome;
  }

  function remember(call: ParticipantCall): Promise<HttpAnswer> {
    const key = call.branchId === null ? call.op : `${call.op} ${call.branchId}`;
    events.push(key);
    return new Promise((resolve) => {
      const answer = (httpStatus: number | null, body?: string) => {
        calls.delete(key);
        const told = call.isResultWanted && body !== undefined ? { body } : {};
        resolve({ httpStatus, answer: String(httpStatus), retryAfterMs: null, ...told });
        return settle();
      };
      calls.set(key, { call, answer });
    });
  }

  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  const answer = (key: string, httpStatus: number | null, body?: string) => {
    const sent = calls.get(key);
    if (sent === undefined) throw new Error(`${key} was not called; under way: ${[...calls.keys()]}`);
    return sent.answer(httpStatus, body);
  };
  const begin = async (): Promise<string> => gidOf(await coordinator.begin({ branches: PAIR }, null));
  const beginSaga = async (...branches: readonly DeclaredBranchRequest[]): Promise<string> => {
    const gid = gidOf(await coordinator.begin({ pattern: 'saga', branches }, null));
    await settle();
    return gid;
  };
  const gidOf = (outcome: Outcome) => (outcome.accepted ? outcome.saved.tx.gid : outcome.code);

  test('makes a transaction in which nothing goes wrong durable three times', async () => {
    const gid = await begin();
    for (const key of ['try a', 'try b', 'confirm b', 'confirm a']) await answer(key, 200);
    expect(events).toEqual([
      ...['saved 1 trying', 'try a', 'try b'],
      ...['saved 2 confirming', 'confirm a', 'confirm b', 'saved 3 confirmed'],
    ]);
    expect(await store.journalOf(gid)).toHaveLength(3);
  });

  test('does not act on a decision that it took while an earlier reply was being saved (I9)', async () => {
    await begin();
    let acknowledge = () => {};
    gate = new Promise((resolve) => {
      acknowledge = resolve;
    });
    await answer('try a', 503);
    await answer('try b', 409);
    gate = null;
    acknowledge();
    await settle();
    expect(events.slice(3)).toEqual(['saved 2 trying', 'saved 3 cancelling', 'cancel a', 'cancel b']);
  });

  test('does not cancel a branch while its own try of it is under way', async () => {
    await begin();
    await answer('try a', 409);
    expect(events.slice(3)).toEqual(['saved 2 cancelling', 'cancel a']);
    await answer('try b', null);
    expect(events.at(-1)).toBe('cancel b');
  });

  test('lets a success wait for its siblings also after an unknown reply that changed nothing', async () => {
    const gid = gidOf(await coordinator.begin({ branches: ['a', 'b', 'c'].map(named) }, null));
    await answer('try a', 409);
    await answer('try b', null);
    await answer('cancel a', 200);
    expect(events.slice(4)).toEqual(['saved 2 cancelling', 'cancel a', 'cancel b']);
    await answer('try c', null);
    await answer('cancel b', 200);
    await answer('cancel c', 200);
    expect(events.slice(7)).toEqual(['cancel c', 'saved 3 cancelled']);
    expect(await store.journalOf(gid)).toHaveLength(3);
  });

  test('saves an attempt that failed at once, and tries again when its delay is over', async () => {
    await begin();
    await answer('try a', 503);
    expect(events.slice(3)).toEqual(['saved 2 trying']);
    await clock.step();
    expect(events.at(-1)).toBe('try a');
    expect(calls.get('try a')?.call.attempt).toBe(2);
  });

  test('saves the first answer that it is at work, and no later poll', async () => {
    await begin();
    await answer('try a', 202);
    expect(events.slice(3)).toEqual(['saved 2 trying']);
    await clock.step();
    await answer('try a', 202);
    expect(events.slice(4)).toEqual(['try a']);
    await clock.step();
    await answer('try a', 200);
    await answer('try b', 200);
    expect(events.slice(5, 7)).toEqual(['try a', 'saved 3 confirming']);
  });

  test('parks a branch that is accepted for longer than its poll budget (I4)', async () => {
    const gid = await begin();
    for (const key of ['try a', 'try b', 'confirm b']) await answer(key, 200);
    while ((await coordinator.find(gid))?.tx.branches[0]?.phaseTwo.parkedAt === null) {
      if (calls.has('confirm a')) await answer('confirm a', 202);
      else await clock.step();
    }
    const { tx } = (await coordinator.find(gid)) ?? {};
    const { parkedAt, acceptedAt } = tx?.branches[0]?.phaseTwo ?? {};
    expect((parkedAt ?? 0) - (acceptedAt ?? 0)).toBeGreaterThanOrEqual(policy.poll.budgetMs);
    expect(tx?.status).toBe('confirming');
  });

  test('compares a begin with the transaction that this very process began and ended before (I3)', async () => {
    const gid = '0193f000-0000-7000-8000-000000000002';
    const first = coordinator.begin({ gid, branches: PAIR }, null);
    await settle();
    for (const key of ['try a', 'try b', 'confirm a', 'confirm b']) await answer(key, 200);
    await first;
    const other = await coordinator.begin({ gid, branches: PAIR.slice(1) }, null);
    expect(other).toMatchObject({ accepted: false, code: 'transaction_differs' });
    const same = await coordinator.begin({ gid, branches: PAIR }, null);
    expect(same).toMatchObject({ accepted: true, isChanged: false, saved: { seq: 3 } });
    expect(events.filter((event) => event.startsWith('try'))).toHaveLength(2);
  });

  test('answers a client only after what it says is durable (I3)', async () => {
    const gid = await begin();
    let acknowledge = () => {};
    gate = new Promise((resolve) => {
      acknowledge = resolve;
    });
    let isAnswered = false;
    const cancelling = coordinator.cancel(gid).then((outcome) => {
      isAnswered = true;
      return outcome;
    });
    await settle();
    expect(isAnswered).toBe(false);
    acknowledge();
    expect(await cancelling).toMatchObject({ accepted: true, saved: { seq: 2 } });
  });

  test('tells a client that the store failed, and keeps the replies that it heard', async () => {
    const gid = await begin();
    await answer('try a', 200);
    failing = { outcome: 'rejected', because: 'row', error: new Error('the disk is full') };
    await expect(coordinator.cancel(gid)).rejects.toBeInstanceOf(StoreUnavailable);
    await answer('try b', 200);
    expect(events.filter((event) => event.startsWith('c'))).toEqual([]);
    failing = null;
    await clock.step();
    expect(events.at(-1)).toBe('confirm b');
  });

  test('that is stopped sends nothing more, saves what it hears, and leaves the rest to others', async () => {
    const gid = await begin();
    let isStopped = false;
    const stopping = engine.stop().then(() => {
      isStopped = true;
    });
    await answer('try a', 200);
    expect(isStopped).toBe(false);
    await answer('try b', 200);
    await stopping;
    expect(events.slice(3)).toEqual(['saved 2 confirming']);
    expect((await store.load(gid))?.tx.status).toBe('confirming');
    // Another one takes over at once, and not only when this one must be dead.
    expect((await store.load(gid))?.wakeAt).toBe(clock.nowMs);
  });

  test('compares a repeated begin with the first, whatever is registered or allowed by now', async () => {
    const gid = '0193f000-0000-7000-8000-000000000001';
    const request = { gid, branches: PAIR };
    await coordinator.begin(request, 'key');
    const again = await coordinator.begin(request, 'key');
    expect(again).toMatchObject({ accepted: true, isChanged: false });
    const elsewhere = { gid, branches: [{ branchId: 'a', participant: 'nobody', activity: 'reserve' }] };
    expect(await coordinator.begin(elsewhere, null)).toMatchObject({ code: 'transaction_differs' });
    const fresh = { branches: elsewhere.branches };
    expect(await coordinator.begin(fresh, null)).toMatchObject({ code: 'unknown_participant' });
  });

  describe('of a saga', () => {
    test.each([
      [1, 2],
      [2, 3],
      [4, 5],
    ])('of %i steps in a row makes it durable %i times: begun, and once for each step', async (count, saves) => {
      const ids = Array.from({ length: count }, (_, n) => `s${n}`);
      const gid = await beginSaga(...ids.map(named));
      for (const id of ids) await answer(`action ${id}`, 200);
      expect(await store.journalOf(gid)).toHaveLength(saves);
      expect(events.slice(-1)).toEqual([`saved ${saves} confirmed`]);
    });

    test('of steps side by side makes it durable once for each layer', async () => {
      const side = { dependsOn: ['a'] };
      const gid = await beginSaga(
        named('a'),
        { ...named('b'), ...side },
        { ...named('c'), ...side },
        {
          ...named('d'),
          dependsOn: ['b', 'c'],
        },
      );
      for (const id of ['a', 'c', 'b', 'd']) await answer(`action ${id}`, 200);
      expect(events).toEqual([
        ...['saved 1 trying', 'action a', 'saved 2 trying', 'action b', 'action c'],
        ...['saved 3 trying', 'action d', 'saved 4 confirmed'],
      ]);
      expect(await store.journalOf(gid)).toHaveLength(4);
    });

    test('saves a success that opens another call before it sends that one, while a sibling is under way (I10)', async () => {
      await beginSaga(
        ...[
          { ...named('a'), dependsOn: [] },
          { ...named('b'), dependsOn: [] },
        ],
        ...[{ ...named('c'), dependsOn: ['a'] }],
      );
      let acknowledge = () => {};
      gate = new Promise((resolve) => {
        acknowledge = resolve;
      });
      await answer('action a', 200);
      expect(events).toEqual(['saved 1 trying', 'action a', 'action b']);
      gate = null;
      acknowledge();
      await settle();
      expect(events.slice(3)).toEqual(['saved 2 trying', 'action c']);
      expect([...calls.keys()]).toEqual(['action b', 'action c']);
    });

    test('lets a success wait that opens nothing yet', async () => {
      const gid = await beginSaga(
        ...[
          { ...named('a'), dependsOn: [] },
          { ...named('b'), dependsOn: [] },
        ],
        ...[{ ...named('c'), dependsOn: ['a', 'b'] }],
      );
      await answer('action a', 200);
      expect(await store.journalOf(gid)).toHaveLength(1);
      await answer('action b', 200);
      expect(events.slice(3)).toEqual(['saved 2 trying', 'action c']);
    });

    test('calls the pivot only when it is durable that it is started, and then notes a wish to cancel (I10)', async () => {
      const gid = await beginSaga(named('a'), { ...named('p'), isPivot: true }, named('z'));
      let acknowledge = () => {};
      gate = new Promise((resolve) => {
        acknowledge = resolve;
      });
      await answer('action a', 200);
      expect((await store.load(gid))?.tx.pivotStartedAt).toBe(clock.nowMs);
      expect(events.slice(2)).toEqual([]);
      gate = null;
      acknowledge();
      await settle();
      expect(events.slice(2)).toEqual(['saved 2 trying', 'action p']);
      for (let time = 1; time <= 2; time += 1)
        expect(await coordinator.cancel(gid)).toEqual({ accepted: false, code: 'pivot_in_flight' });
      expect((await store.load(gid))?.tx.cancelAskedAt).toBe(clock.nowMs);
      await answer('action p', 200);
      await answer('action z', 200);
      expect(events.slice(4)).toEqual([
        ...['saved 3 trying', 'saved 4 confirming', 'action z', 'saved 5 confirmed'],
      ]);
    });

    test('does not compensate a step while its own action of it is under way, and does so with its sibling', async () => {
      const side = { dependsOn: ['a'] };
      await beginSaga(named('a'), { ...named('b'), ...side }, { ...named('c'), ...side });
      await answer('action a', 200);
      await answer('action b', 409);
      expect(events.slice(5)).toEqual(['saved 3 cancelling', 'compensate b']);
      await answer('compensate b', 200);
      await answer('action c', null);
      expect(events.at(-1)).toBe('compensate c');
      expect([...calls.keys()]).toEqual(['compensate c']);
      await answer('compensate c', 200);
      await answer('compensate a', 200);
      expect(events.at(-1)).toMatch(/^saved \d cancelled$/);
    });

    test('sends what a payload refers to, the same text in each attempt and to undo it', async () => {
      const payload = { id: { $from: 'a.id' }, as: { $$from: 'given' } };
      await beginSaga(named('a'), { ...named('b'), payload });
      expect(calls.get('action a')?.call).toMatchObject({ payload: '{}', isResultWanted: true });
      await answer('action a', 200, '{"id":"h-7","rest":1.50}');
      const sent = '{"id":"h-7","as":{"$from":"given"}}';
      expect(calls.get('action b')?.call).toMatchObject({ payload: sent, isResultWanted: false });
      await answer('action b', 503);
      await clock.step();
      expect(calls.get('action b')?.call).toMatchObject({ payload: sent, attempt: 2 });
      await answer('action b', 409);
      expect(calls.get('compensate b')?.call.payload).toBe(sent);
    });

    test.each([
      ['lacks it', '{"name":"Ulm"}'],
      ['is no JSON', 'ok'],
      ['is empty', ''],
      ['is over its limit', undefined],
      ['has a number that JSON cannot carry', '{"id":1234567890123456789}'],
    ])('takes a success for unknown whose result %s, and asks again', async (_what, body) => {
      const gid = await beginSaga(named('a'), { ...named('b'), payload: { $from: 'a.id' } });
      await answer('action a', 200, body);
      expect(events.slice(2)).toEqual(['saved 2 trying']);
      const [a] = (await coordinator.find(gid))?.tx.branches ?? [];
      expect(a).toMatchObject({ result: null, phaseOne: { reply: 'unknown', attemptCount: 1 } });
      expect(a?.phaseOne.answer).toMatch(/^200, but its result /);
      await clock.step();
      await answer('action a', 200, '{"id":0}');
      expect(calls.get('action b')?.call.payload).toBe('0');
    });

    test('keeps no result to which nobody refers, and asks for none', async () => {
      const gid = await beginSaga(named('a'), named('b'));
      expect(calls.get('action a')?.call.isResultWanted).toBe(false);
      await answer('action a', 200, 'never looked at');
      expect((await coordinator.find(gid))?.tx.branches[0]?.result).toBeNull();
      expect([...calls.keys()]).toEqual(['action b']);
    });

    test('whose definition is at fault calls nobody and writes nothing', async () => {
      const outcome = await coordinator.begin(
        { pattern: 'saga', branches: [{ ...named('a'), dependsOn: ['nobody'] }] },
        null,
      );
      expect(outcome).toMatchObject({ code: 'unknown_dependency', place: '/0/dependsOn/0' });
      expect(events).toEqual([]);
    });
  });

  describe('that has to tell of the end', () => {
    const callback = { participant: 'inventory', activity: 'ended' };

    test('calls it once the end is durable, and again until it is heard', async () => {
      const gid = gidOf(await coordinator.begin({ branches: PAIR.slice(1), callback }, null));
      for (const key of ['try b', 'confirm b']) await answer(key, 200);
      expect(events.slice(-2)).toEqual(['saved 3 confirmed', 'notify']);
      expect((await store.load(gid))?.wakeAt).not.toBeNull();
      const notice = calls.get('notify')?.call.payload ?? '';
      expect(JSON.parse(notice)).toMatchObject({ gid, status: 'confirmed', reason: 'all_tries_succeeded' });
      await answer('notify', 500);
      await clock.step();
      expect(calls.get('notify')?.call).toMatchObject({ branchId: null, attempt: 2, payload: notice });
      await answer('notify', 202);
      expect((await store.load(gid))?.wakeAt).toBeNull();
      expect(calls.size).toBe(0);
    });

    test('has the end told to who waits for it before the callback is heard', async () => {
      const gid = gidOf(await coordinator.begin({ branches: PAIR.slice(1), callback }, null));
      const found = await coordinator.find(gid);
      if (found === null) throw new Error('it began');
      const waiting = coordinator.waitForEnd(found, 60_000);
      for (const key of ['try b', 'confirm b']) await answer(key, 200);
      expect((await waiting).tx.status).toBe('confirmed');
      expect([...calls.keys()]).toEqual(['notify']);
    });
  });
});
