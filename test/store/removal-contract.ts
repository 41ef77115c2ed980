/**
 * How finished transactions are removed when their retention is over. Each adapter runs all of it, on a store of its own:
 * what is counted is everything that there is.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemChance, systemTime } from '../../src/adapters/system.ts';
import { GroupCommit } from '../../src/application/group-commit.ts';
import type { Save, Saved } from '../../src/application/ports.ts';
import { type GlobalTransaction, type Instant, isParked } from '../../src/domain/index.ts';
import { noLog, noObserver } from '../support/engine.ts';
import { allReplied, newTransaction, cancelRequested, newGid, saveOf } from '../support/saves.ts';
import { CALLS_TO_PARK, told } from '../support/transactions.ts';
import { newSaga, inState, TO_THE_END, UNDONE } from '../support/saga-saves.ts';
import type { StoreUnderTest } from './store-contract.ts';

const T0 = Date.UTC(2026, 0, 1);

export function removalContract(open: () => Promise<StoreUnderTest>): void {
  let under: StoreUnderTest;
  beforeAll(async () => {
    under = await open();
  });
  afterAll(() => under.close());

  const write = async (...saves: Save[]) =>
    expect(await under.writer.writeBatch(saves)).toEqual({ outcome: 'written' });
  const commit = (save: Save) =>
    new GroupCommit({
      writer: under.otherWriter,
      time: systemTime,
      chance: systemChance,
      log: noLog,
      observer: noObserver,
    }).save({ ...save, writer: 'other' });
  const endOne = async (
    finishedAt: Instant,
    beginKey: string | null = null,
    deadlineAt: Instant = finishedAt - 1,
  ): Promise<Saved> => {
    const began = { ...newTransaction(newGid()), deadlineAt };
    const tx = ended(began, finishedAt);
    await write(saveOf(null, began, { beginKey }));
    await write(saveOf({ tx: began, seq: 1 }, tx));
    return { tx, seq: 2 };
  };
  const isThere = async ({ tx, seq }: Saved) => {
    const [loaded, rows] = await Promise.all([under.store.load(tx.gid), under.store.journalOf(tx.gid)]);
    expect(rows).toHaveLength(loaded === null ? 0 : seq);
    return loaded !== null;
  };

  describe('a transaction that ended long enough ago is removed', () => {
    test('and others are not', async () => {
      const [long, longer, justNot] = [await endOne(T0 - 1), await endOne(T0 - 1000), await endOne(T0)];
      expect(await under.store.removeFinished(T0, 100)).toBe(2);
      expect([await isThere(long), await isThere(longer), await isThere(justNot)]).toEqual([
        ...[false, false, true],
      ]);
      expect(await under.store.removeFinished(T0, 100)).toBe(0);
      expect(await under.store.removeFinished(T0 + 1, 100)).toBe(1);
    });

    test('whole: nothing of it is in the way of its like', async () => {
      const beginKey = `order ${newGid()}`;
      const { tx } = await endOne(T0 - 1, beginKey);
      expect(await under.store.gidOfBeginKey(beginKey)).toBe(tx.gid);
      expect(await under.store.removeFinished(T0, 100)).toBe(1);
      expect(await under.store.gidOfBeginKey(beginKey)).toBeNull();
      expect(await under.store.bindBeginKey(beginKey, tx.gid)).toBeNull();
      expect(await under.store.findEnds([tx.gid])).toEqual([]);
      await write(saveOf(null, newTransaction(tx.gid), { beginKey }));
    });

    test('and none of its key, when others have keys too', async () => {
      const keys = [`a ${newGid()}`, `b ${newGid()}`] as const;
      await endOne(T0 - 1, keys[0]);
      const stays = await endOne(T0, keys[1]);
      expect(await under.store.removeFinished(T0, 100)).toBe(1);
      expect(await under.store.gidOfBeginKey(keys[1])).toBe(stays.tx.gid);
      await under.store.removeFinished(T0 + 1, 100);
    });

    test('and not before its deadline is as long ago', async () => {
      const [early, justNot] = [await endOne(T0 - 1000, null, T0 - 1), await endOne(T0 - 1000, null, T0)];
      expect(await under.store.removeFinished(T0, 100)).toBe(1);
      expect([await isThere(early), await isThere(justNot)]).toEqual([false, true]);
      expect(await under.store.removeFinished(T0 + 1, 100)).toBe(1);
    });

    test('page by page: of those that ended within a time', async () => {
      const ends = [T0 - 5, T0 - 4, T0 - 3, T0 - 2];
      const all = await Promise.all(ends.map((finishedAt) => endOne(finishedAt)));
      const whenEnded = { from: T0 - 4, to: T0 - 2 };
      expect(await under.store.endOfPage(whenEnded, 1)).toBe(T0 - 3);
      expect(await under.store.endOfPage(whenEnded, 2)).toBeNull();
      expect(await under.store.removeFinished(T0, 100, whenEnded)).toBe(2);
      expect(await Promise.all(all.map(isThere))).toEqual([true, false, false, true]);
      expect(await under.store.removeFinished(T0, 100)).toBe(2);
    });

    test('the longest ago first, and no more than asked for', async () => {
      const [late, early] = [await endOne(T0 - 1), await endOne(T0 - 2)];
      expect(await under.store.removeFinished(T0, 1)).toBe(1);
      expect([await isThere(late), await isThere(early)]).toEqual([true, false]);
      expect(await under.store.removeFinished(T0, 1)).toBe(1);
      expect(await isThere(late)).toBe(false);
    });

    test('once, by whichever of two replicas, when both do so at once', async () => {
      const many = Array.from({ length: 120 }, (_, index) =>
        ended({ ...newTransaction(newGid()), deadlineAt: T0 - 2000 }, T0 - 1000 + index),
      );
      await write(...many.map((tx) => saveOf(null, tx)));
      const removeAll = async (store: StoreUnderTest['store']) => {
        const counts: number[] = [];
        do counts.push(await store.removeFinished(T0, 10));
        while (await isAnyLeft());
        return counts.reduce((sum, count) => sum + count);
      };
      const isAnyLeft = async () => (await under.store.findEnds(many.map(({ gid }) => gid))).length > 0;
      const [one, other] = await Promise.all([removeAll(under.store), removeAll(under.otherStore)]);
      expect(one + other).toBe(120);
    });
  });

  describe('a transaction that is not over is never removed:', () => {
    const old = (): GlobalTransaction => ({
      ...newTransaction(newGid()),
      beganAt: T0 - 9000,
      deadlineAt: T0 - 8000,
    });

    test.each<[string, GlobalTransaction, Partial<Save>]>([
      ['it is trying', old(), {}],
      ['it has decided', cancelRequested(old()), {}],
      ['it waits for an operator', parked(cancelRequested(old())), {}],
      ['nobody has said when somebody looks at it', cancelRequested(old()), { wakeAt: null }],
      ['a late try is to be cancelled once more', withLateSuccess(ended(old(), T0 - 7000)), { wakeAt: T0 }],
      [
        'the cancel of a late try is accepted',
        allReplied(withLateSuccess(ended(old(), T0 - 7000)), 'ongoing'),
        { wakeAt: T0 },
      ],
      ['who asked to be told has not heard of its end', owingCallback(), { wakeAt: T0 }],
      ['a step of it is to be undone once more', inState(newSaga(), UNDONE), { wakeAt: T0 }],
      ['its pivot waits for an operator', withParkedPivot(), {}],
      [
        'the cancel of a late try waits for an operator',
        parked(withLateSuccess(ended(old(), T0 - 7000))),
        {},
      ],
    ])('%s', async (_why, tx, given) => {
      await write(saveOf(null, tx, given));
      expect(await under.store.removeFinished(T0 + 1e9, 100)).toBe(0);
      expect(await isThere({ tx, seq: 1 })).toBe(true);
    });
  });

  test('a transaction whose callback was heard is removed like any other', async () => {
    const saga = owingCallback();
    await write(saveOf(null, saga, { wakeAt: T0 }));
    expect(await under.store.removeFinished(T0 + 1e9, 100)).toBe(0);
    await write(saveOf({ tx: saga, seq: 1 }, inState(saga, TO_THE_END.slice(-1))));
    expect(await under.store.removeFinished(T0 + 1e9, 100)).toBe(1);
    expect(await under.store.load(saga.gid)).toBeNull();
  });

  describe('a stale writer', () => {
    test('does not revive what was removed (I14)', async () => {
      const saved = await endOne(T0 - 1);
      expect(await under.store.removeFinished(T0, 100)).toBe(1);
      const late = saveOf(saved, withLateSuccess(saved.tx), { wakeAt: T0 });
      expect(await commit(late)).toBe('lost');
      const olderStill = saveOf(
        { tx: newTransaction(saved.tx.gid), seq: 1 },
        cancelRequested(newTransaction(saved.tx.gid)),
      );
      expect(await commit(olderStill)).toBe('lost');
      expect(await isThere(saved)).toBe(false);
    });

    test('and a removal at the same moment: one of them comes first, and what is left is whole (I14)', async () => {
      for (let round = 0; round < 40; round += 1) {
        const saved = await endOne(T0 - 1);
        const late = saveOf(saved, withLateSuccess(saved.tx), { wakeAt: T0 });
        const [outcome, count] = await Promise.all([commit(late), under.store.removeFinished(T0, 100)]);
        // Where a lock stood in the way the removal is left for another time; what is owed is then owed.
        expect(await isThere({ ...saved, seq: 3 })).toBe(outcome === 'saved');
        expect(count).toBe(outcome === 'saved' ? 0 : 1);
      }
    });
  });
}

const ended = (tx: GlobalTransaction, finishedAt: Instant): GlobalTransaction => ({
  ...allReplied(cancelRequested(tx), 'succeeded'),
  finishedAt,
});

const parked = (tx: GlobalTransaction): GlobalTransaction =>
  Array.from({ length: CALLS_TO_PARK }).reduce((at: GlobalTransaction) => allReplied(at, 'unknown'), tx);

const owingCallback = (): GlobalTransaction => inState(newSaga(), TO_THE_END.slice(0, 6));

function withParkedPivot(): GlobalTransaction {
  const [, , , unknown] = TO_THE_END;
  const started = inState(newSaga(), TO_THE_END.slice(0, 2));
  const answers = Array.from({ length: CALLS_TO_PARK }, () => unknown ?? []);
  const tx = inState(started, answers as typeof TO_THE_END);
  if (!isParked(tx)) throw new Error('its budget is not spent');
  return tx;
}

function withLateSuccess(tx: GlobalTransaction): GlobalTransaction {
  const heard = { answer: '200', result: null, durationMs: 10, retryAfterMs: null, chance: 0.5 };
  const now = { earliest: T0, latest: T0 };
  return told(tx, { type: 'replied', branchId: 'a', op: 'try', reply: 'succeeded', ...heard, now });
}
