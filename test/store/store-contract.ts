/**
 * What every store must do, whatever it is made of. Each adapter runs all of it; what one of them cannot suffer is
 * left out by name and with the reason, in the adapter's own test file.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemChance, systemTime } from '../../src/adapters/system.ts';
import { GroupCommit, type SaveOutcome } from '../../src/application/group-commit.ts';
import { rebuild } from '../../src/application/journal.ts';
import type { Heartbeat, HeartbeatStore } from '../../src/application/replicas.ts';
import type {
  BatchWriter,
  ParticipantRegistry,
  Resumptions,
  Save,
  TransactionStore,
} from '../../src/application/ports.ts';
import { type GlobalTransaction, type Kind, MAX_BRANCHES } from '../../src/domain/index.ts';
import { noLog, noObserver } from '../support/engine.ts';
import {
  AWKWARD_PAYLOAD,
  allReplied,
  newTransaction,
  cancelRequested,
  newGid,
  saveOf,
} from '../support/saves.ts';
import { CALLS_TO_PARK, told } from '../support/transactions.ts';
import { AWKWARD_RESULT, newSaga, inState, TO_THE_END, UNDONE } from '../support/saga-saves.ts';

export type StoreUnderTest = {
  readonly store: TransactionStore;
  readonly writer: BatchWriter;
  /** A second replica's, where the adapter can have one; else the same. */
  readonly otherWriter: BatchWriter;
  readonly otherStore: TransactionStore;
  readonly registry: ParticipantRegistry;
  readonly resumptions: Resumptions;
  readonly otherResumptions: Resumptions;
  readonly heartbeats: HeartbeatStore;
  readonly otherHeartbeats: HeartbeatStore;
  close(): Promise<void>;
};

/** What an adapter's nature rules out, and why. */
export type CannotSuffer = {
  /** connection-faults.ts */
  readonly 'a connection that is cut'?: string;
  /** lock-faults.ts */
  readonly 'the locks of others'?: string;
};

export function storeContract(open: () => Promise<StoreUnderTest>): void {
  let under: StoreUnderTest;
  const commitOn = (writer: BatchWriter) =>
    new GroupCommit({ writer, time: systemTime, chance: systemChance, log: noLog, observer: noObserver });
  const commit = (...saves: Save[]): Promise<SaveOutcome[]> => {
    const group = commitOn(under.writer);
    return Promise.all(saves.map((save) => group.save(save)));
  };
  const beginOne = async (branchIds?: readonly string[]) => {
    const tx = newTransaction(newGid(), branchIds);
    await commit(saveOf(null, tx));
    return { tx, seq: 1 };
  };
  const load = async (gid: string) => {
    const loaded = await under.store.load(gid);
    return loaded && { tx: loaded.tx, seq: loaded.seq };
  };

  beforeAll(async () => {
    under = await open();
  });
  afterAll(() => under.close());

  describe('what was saved is found', () => {
    test('a transaction is loaded as it was saved, to the letter of its payload', async () => {
      const { tx } = await beginOne(['b', '10', '9', 'a', '__proto__']);
      const saved = await load(tx.gid);
      expect(saved).toEqual({ tx, seq: 1 });
      expect(saved?.tx.branches[0]?.payload).toBe(AWKWARD_PAYLOAD);
    });

    test('a gid that nobody began is not found', async () => {
      expect(await load(newGid())).toBeNull();
      expect(await under.store.journalOf(newGid())).toEqual([]);
    });

    test('a page of its journal is the first rows after a row', async () => {
      let saved = await beginOne();
      for (const step of [cancelRequested, unknown, unknown]) {
        const next = step(saved.tx);
        await commit(saveOf(saved, next));
        saved = { tx: next, seq: saved.seq + 1 };
      }
      const seqsOf = async (after: number, limit: number) =>
        (await under.store.journalOf(saved.tx.gid, { after, limit })).map(({ seq }) => seq);
      expect(await seqsOf(0, 2)).toEqual([1, 2]);
      expect(await seqsOf(2, 2)).toEqual([3, 4]);
      expect(await seqsOf(3, 2)).toEqual([4]);
      expect(await seqsOf(4, 2)).toEqual([]);
    });

    test('each state equals what its journal rows amount to (I12)', async () => {
      let saved = await beginOne();
      for (const step of [
        cancelRequested,
        unknown,
        unknown,
        accepted,
        unknown,
        ...PARKING,
        accepted,
        succeeded,
      ]) {
        const next = step(saved.tx);
        expect(await commit(saveOf(saved, next))).toEqual(['saved']);
        saved = { tx: next, seq: saved.seq + 1 };
        const loaded = await load(next.gid);
        const rebuilt = rebuild(next.gid, await under.store.journalOf(next.gid));
        expect(loaded).toEqual(saved);
        expect(rebuilt).toEqual(withoutPayloads(next));
      }
    });

    test.each([
      ['to the end, and until somebody has heard of it', TO_THE_END],
      ['back, and once more after a late success', UNDONE],
    ])('each state of a saga that goes %s is loaded, and equals what its journal rows amount to (I12)', async (_way, changes) => {
      const tx = newSaga();
      let saved = { tx, seq: 1 };
      expect(await commit(saveOf(null, tx))).toEqual(['saved']);
      expect(await load(tx.gid)).toEqual(saved);
      for (const [what, change] of changes) {
        const next = change(saved.tx);
        expect([what, await commit(saveOf(saved, next))]).toEqual([what, ['saved']]);
        saved = { tx: next, seq: saved.seq + 1 };
        expect([what, await load(tx.gid)]).toEqual([what, saved]);
        const rebuilt = rebuild(tx.gid, await under.store.journalOf(tx.gid));
        expect([what, rebuilt]).toEqual([what, withoutPayloads(next)]);
      }
    });

    test('a result is kept to the letter, and so is the plan', async () => {
      const tx = inState(newSaga(), TO_THE_END.slice(0, 5));
      await commit(saveOf(null, tx));
      const [a, p] = (await load(tx.gid))?.tx.branches ?? [];
      expect(a?.result).toBe(AWKWARD_RESULT);
      expect(p).toMatchObject({ step: { dependsOn: ['a'], isPivot: true, references: ['a.z', 'a'] } });
    });

    test('a plan as large as one may be is kept', async () => {
      const [first] = newSaga().branches;
      const name = (n: number) => `${n}`.padStart(64, '_');
      const references = Array.from({ length: 16 }, (_, n) => `${name(0)}.${n}`.padEnd(256, '\u0001'));
      const branches = Array.from({ length: MAX_BRANCHES }, (_, n) => {
        const dependsOn = Array.from({ length: n }, (_each, before) => name(before));
        const step = {
          dependsOn,
          isPivot: false,
          isCompensated: true,
          references: n === 0 ? [] : references,
        };
        return { ...first!, branchId: name(n), step };
      });
      const tx = { ...newSaga(), branches };
      expect(await commit(saveOf(null, tx))).toEqual(['saved']);
      expect(await load(tx.gid)).toEqual({ tx, seq: 1 });
    });

    test('sagas and tccs in every stage are written in one batch', async () => {
      const ways = [...TO_THE_END.keys()].map((count) => TO_THE_END.slice(0, count + 1));
      const sagas = ways.map((changes) => ({ tx: inState(newSaga(), changes.slice(0, -1)), changes }));
      await commit(...sagas.map(({ tx }) => saveOf(null, tx)));
      const tcc = newTransaction(newGid());
      const later = sagas.map(({ tx, changes }) => saveOf({ tx, seq: 1 }, inState(tx, changes.slice(-1))));
      expect(new Set(await commit(saveOf(null, tcc), ...later))).toEqual(new Set(['saved']));
      for (const { gid, after } of later) expect(await load(gid)).toEqual({ tx: after, seq: 2 });
      expect(await load(tcc.gid)).toEqual({ tx: tcc, seq: 1 });
    });

    test('branches that are registered later are found in their order', async () => {
      const saved = await beginOne(['z']);
      const branch = { ...saved.tx.branches[0]!, branchId: 'a' };
      const next = { ...saved.tx, branches: [...saved.tx.branches, branch] };
      await commit(saveOf(saved, next));
      expect(await load(next.gid)).toEqual({ tx: next, seq: 2 });
    });

    test('polling is progress of one replica and is not stored', async () => {
      const saved = await beginOne();
      const polling = (tx: GlobalTransaction) => ({
        ...tx,
        branches: tx.branches.map((b) => ({
          ...b,
          phaseTwo: { ...b.phaseTwo, ongoing: { count: 3, nextAt: 7 } },
        })),
      });
      await commit(saveOf(saved, polling(cancelRequested(saved.tx))));
      expect(await load(saved.tx.gid)).toEqual({ tx: cancelRequested(saved.tx), seq: 2 });
    });

    test('the database answers a check', async () => {
      await expect(under.store.check()).resolves.toBeUndefined();
    });
  });

  describe('the journal’s primary key is the compare-and-set', () => {
    test('of two writers that race for a row, one is saved and the other lost, and only one is written (I14)', async () => {
      const saved = await beginOne();
      const one = saveOf(saved, cancelRequested(saved.tx), { writer: 'one' });
      const other = saveOf(saved, { ...saved.tx, cancelAskedAt: saved.tx.beganAt }, { writer: 'other' });
      const outcomes = await Promise.all([
        commitOn(under.writer).save(one),
        commitOn(under.otherWriter).save(other),
      ]);
      expect([...outcomes].sort()).toEqual(['lost', 'saved']);
      const winner = outcomes[0] === 'saved' ? one : other;
      expect(await load(saved.tx.gid)).toEqual({ tx: winner.after, seq: 2 });
      expect(await under.store.journalOf(saved.tx.gid)).toHaveLength(2);
    });

    test('a stale writer writes nothing (I14)', async () => {
      const saved = await beginOne();
      const next = cancelRequested(saved.tx);
      await commit(saveOf(saved, next));
      const stale = saveOf(saved, { ...saved.tx, name: 'stale' }, { writer: 'other' });
      expect(await commit(stale)).toEqual(['lost']);
      expect(await load(saved.tx.gid)).toEqual({ tx: next, seq: 2 });
    });

    test('a second begin of the same gid is lost', async () => {
      const saved = await beginOne();
      const again = saveOf(null, { ...saved.tx, bodyHash: 'c'.repeat(64) }, { writer: 'other' });
      expect(await commit(again)).toEqual(['lost']);
      expect(await load(saved.tx.gid)).toEqual(saved);
    });

    test('a second begin with the same key is lost, and nothing of it is written', async () => {
      const [one, other] = [newTransaction(newGid()), newTransaction(newGid())];
      const beginKey = `order ${one.gid}`;
      expect(await commit(saveOf(null, one, { beginKey }))).toEqual(['saved']);
      expect(await commit(saveOf(null, other, { beginKey, writer: 'other' }))).toEqual(['lost']);
      expect(await under.store.gidOfBeginKey(beginKey)).toBe(one.gid);
      expect(await load(other.gid)).toBeNull();
    });

    test('a key is bound later to a transaction that stands, once, and never to another', async () => {
      const [one, other] = [await beginOne(), await beginOne()];
      const beginKey = `later ${one.tx.gid}`;
      expect(await under.store.bindBeginKey(beginKey, one.tx.gid)).toBe(one.tx.gid);
      expect(await under.store.bindBeginKey(beginKey, one.tx.gid)).toBe(one.tx.gid);
      expect(await under.store.bindBeginKey(beginKey, other.tx.gid)).toBe(one.tx.gid);
      expect(await under.store.gidOfBeginKey(beginKey)).toBe(one.tx.gid);
      const third = newTransaction(newGid());
      expect(await commit(saveOf(null, third, { beginKey, writer: 'other' }))).toEqual(['lost']);
    });

    test('a key is not bound to a transaction that does not stand', async () => {
      const gid = newGid();
      expect(await under.store.bindBeginKey(`none ${gid}`, gid)).toBeNull();
      expect(await under.store.gidOfBeginKey(`none ${gid}`)).toBeNull();
    });

    test('a key that several bind at the same time, and one begins with, is one transaction’s', async () => {
      const standing = await Promise.all(Array.from({ length: 4 }, () => beginOne()));
      const fresh = newTransaction(newGid());
      const beginKey = `raced ${fresh.gid}`;
      const [[began], ...bound] = await Promise.all([
        commit(saveOf(null, fresh, { beginKey, writer: 'other' })),
        ...standing.map(({ tx }) => under.store.bindBeginKey(beginKey, tx.gid)),
      ]);
      const gid = await under.store.gidOfBeginKey(beginKey);
      expect(new Set(bound)).toEqual(new Set([gid]));
      expect(began).toBe(gid === fresh.gid ? 'saved' : 'lost');
    });

    test('keys differ when only the case of a letter does', async () => {
      const [one, other] = [newTransaction(newGid()), newTransaction(newGid())];
      expect(await commit(saveOf(null, one, { beginKey: `k-${one.gid}` }))).toEqual(['saved']);
      expect(await commit(saveOf(null, other, { beginKey: `K-${one.gid}` }))).toEqual(['saved']);
    });
  });

  describe('a batch', () => {
    test('in which one save loses writes all the others', async () => {
      const stale = await beginOne();
      await commit(saveOf(stale, cancelRequested(stale.tx)));
      const others = await Promise.all([beginOne(), beginOne(), beginOne()]);
      const fresh = newTransaction(newGid());
      const outcomes = await commit(
        saveOf(others[0]!, cancelRequested(others[0]!.tx)),
        saveOf(stale, { ...stale.tx, name: 'stale' }, { writer: 'other' }),
        saveOf(others[1]!, cancelRequested(others[1]!.tx)),
        saveOf(null, fresh),
        saveOf(others[2]!, cancelRequested(others[2]!.tx)),
      );
      expect(outcomes).toEqual(['saved', 'lost', 'saved', 'saved', 'saved']);
      for (const { tx } of others) expect((await load(tx.gid))?.tx.status).toBe('cancelling');
      expect(await load(fresh.gid)).toEqual({ tx: fresh, seq: 1 });
    });

    test('that is refused names each row, and writes none of them', async () => {
      const stale = await beginOne();
      await commit(saveOf(stale, cancelRequested(stale.tx)));
      const fresh = newTransaction(newGid());
      const result = await under.writer.writeBatch([
        saveOf(null, fresh),
        saveOf(stale, { ...stale.tx, name: 'stale' }, { writer: 'other' }),
      ]);
      expect(result).toEqual({ outcome: 'taken', ours: new Set(), lost: new Set([stale.tx.gid]) });
      expect(await load(fresh.gid)).toBeNull();
    });

    test('that is sent again is told to be ours, and is written once', async () => {
      const saves = [saveOf(null, newTransaction(newGid())), saveOf(null, newTransaction(newGid()))];
      expect(await under.writer.writeBatch(saves)).toEqual({ outcome: 'written' });
      const gids = new Set(saves.map(({ gid }) => gid));
      expect(await under.writer.writeBatch(saves)).toEqual({ outcome: 'taken', ours: gids, lost: new Set() });
      expect(await under.store.journalOf(saves[0]!.gid)).toHaveLength(1);
    });

    test('never holds two begins with one key: one is saved, the other lost, and their neighbours do not notice', async () => {
      const beginKey = `twice ${newGid()}`;
      const twins = [
        saveOf(null, newTransaction(newGid()), { beginKey }),
        saveOf(null, newTransaction(newGid()), { beginKey }),
      ];
      const outcomes = await commit(...[1, 2].map(fresh), ...twins, ...[1, 2].map(fresh));
      expect(outcomes).toEqual(['saved', 'saved', 'saved', 'lost', 'saved', 'saved']);
    });

    test('is not ours because an earlier save of this process stands in its place', async () => {
      const saved = await beginOne();
      const other = { ...saved.tx, bodyHash: 'd'.repeat(64) };
      expect(await commit(saveOf(null, other))).toEqual(['lost']);
    });

    test('of many transactions in every stage is written whole', async () => {
      const trying = await Promise.all(Array.from({ length: 30 }, () => beginOne()));
      const saves = trying.flatMap((saved, index) =>
        index % 3 === 0
          ? [saveOf(null, newTransaction(newGid())), saveOf(saved, cancelRequested(saved.tx))]
          : [
              saveOf(
                saved,
                index % 3 === 1 ? cancelRequested(saved.tx) : succeeded(cancelRequested(saved.tx)),
              ),
            ],
      );
      expect(new Set(await commit(...saves))).toEqual(new Set(['saved']));
      for (const { gid, after, seq } of saves) expect(await load(gid)).toEqual({ tx: after, seq });
    });
  });

  describe('a load', () => {
    test('never mixes two versions', async () => {
      let saved = await beginOne(['a', 'b', 'c', 'd']);
      let isWriting = true;
      const isTorn = ({ tx, seq }: typeof saved) => tx.branches.some((b) => b.lateSuccessCount !== seq);
      const loads = (async () => {
        const torn = [];
        while (isWriting) {
          const loaded = await load(saved.tx.gid);
          if (loaded && loaded.seq > 1 && isTorn(loaded)) torn.push(loaded);
        }
        return torn;
      })();
      try {
        for (let seq = 2; seq <= 150; seq += 1) {
          const branches = saved.tx.branches.map((branch) => ({ ...branch, lateSuccessCount: seq }));
          const next = { ...saved.tx, branches };
          await commit(saveOf(saved, next));
          saved = { tx: next, seq };
        }
      } finally {
        // Also after an error: nothing goes on after the test.
        isWriting = false;
      }
      expect(await loads).toEqual([]);
    });
  });

  describe('what is due is claimed', () => {
    const wakeAt = Date.UTC(2020, 0, 1);
    const claimOf = (now: number) => ({ now, limit: 100, waker: systemChance.newId(), againAfterMs: 1000 });
    const dueAt = async (at: number) => {
      const tx = newTransaction(newGid());
      await commit(saveOf(null, tx, { wakeAt: at }));
      return tx;
    };

    test('by one of three sweepers each, and is due again later, and then later still', async () => {
      const due = await Promise.all(Array.from({ length: 50 }, (_, index) => dueAt(wakeAt + index)));
      const now = wakeAt + 60;
      const claims = await Promise.all([1, 2, 3].map(() => under.store.claimDue(claimOf(now))));
      expect(claims.flat().sort()).toEqual(due.map(({ gid }) => gid).sort());
      expect(await under.store.claimDue(claimOf(now + 999))).toEqual([]);
      expect(await under.store.claimDue(claimOf(now + 1000))).toHaveLength(50);
      expect(await under.store.claimDue(claimOf(now + 2999))).toEqual([]);
      expect(await under.store.claimDue(claimOf(now + 3000))).toHaveLength(50);
      await Promise.all(due.map((tx) => commit(saveOf({ tx, seq: 1 }, succeeded(cancelRequested(tx))))));
    });

    test('no more than asked for, the longest due first', async () => {
      const [late, early] = [await dueAt(wakeAt + 5), await dueAt(wakeAt)];
      const claim = { ...claimOf(wakeAt + 60), limit: 1 };
      expect(await under.store.claimDue(claim)).toEqual([early.gid]);
      expect(await under.store.claimDue({ ...claim, waker: systemChance.newId() })).toEqual([late.gid]);
      for (const tx of [late, early]) await commit(saveOf({ tx, seq: 1 }, succeeded(cancelRequested(tx))));
    });

    test('and so is what ended and owes its callback, until that is heard', async () => {
      const ended = inState(newSaga(), TO_THE_END.slice(0, 6));
      expect(ended.finishedAt).not.toBeNull();
      await commit(saveOf(null, ended, { wakeAt }));
      expect(await under.store.claimDue(claimOf(wakeAt + 60))).toEqual([ended.gid]);
      const heard = inState(ended, TO_THE_END.slice(-1));
      await commit(saveOf({ tx: ended, seq: 1 }, heard));
      expect(await under.store.claimDue(claimOf(wakeAt + 1e9))).toEqual([]);
    });

    test('but never what is finished', async () => {
      const tx = await dueAt(wakeAt);
      await commit(saveOf({ tx, seq: 1 }, succeeded(cancelRequested(tx))));
      expect(await under.store.claimDue(claimOf(wakeAt + 60))).toEqual([]);
    });
  });

  describe('participants', () => {
    const inventory = {
      name: 'inventory',
      baseUrls: ['http://127.0.0.1:1/a'],
      paths: { 'reserve/try': '/t' },
      callTimeoutMs: null,
    };

    test('are registered by several services at the same moment', async () => {
      const shipping = {
        name: 'shipping',
        baseUrls: ['http://127.0.0.1:3'],
        paths: {},
        callTimeoutMs: null,
        secrets: ['whsec_one'],
      };
      await Promise.all(Array.from({ length: 10 }, () => under.registry.put(shipping)));
      expect(await under.registry.find('shipping')).toEqual(shipping);
    });

    test('are found by name, listed, and replaced', async () => {
      expect(await under.registry.find('inventory')).toBeNull();
      expect(await under.registry.put(inventory)).toEqual({ isNew: true });
      expect(await under.registry.find('inventory')).toEqual(inventory);
      const moved = {
        ...inventory,
        baseUrls: ['http://127.0.0.1:2', 'http://127.0.0.1:4'],
        callTimeoutMs: 700,
      };
      expect(await under.registry.put(moved)).toEqual({ isNew: false });
      expect(await under.registry.find('inventory')).toEqual(moved);
      expect(await under.registry.put({ ...inventory, name: 'billing' })).toEqual({ isNew: true });
      expect((await under.registry.list()).map(({ name }) => name)).toEqual([
        'billing',
        'inventory',
        'shipping',
      ]);
    });

    test('keep their paths and their call time-out until others, or none, are given', async () => {
      const { name, paths, baseUrls } = { ...inventory, name: 'tram' };
      const put = async (more: object) => {
        await under.registry.put({ name, baseUrls, ...more });
        const { paths, callTimeoutMs } = (await under.registry.find(name)) ?? {};
        return [paths, callTimeoutMs];
      };
      expect(await put({})).toEqual([{}, null]);
      expect(await put({ paths, callTimeoutMs: 700 })).toEqual([paths, 700]);
      expect(await put({})).toEqual([paths, 700]);
      expect(await put({ paths: {} })).toEqual([{}, 700]);
      expect(await put({ callTimeoutMs: null })).toEqual([{}, null]);
    });

    test('keep their limits of calls until others, or none, are given', async () => {
      const { name, baseUrls } = { ...inventory, name: 'barge' };
      const put = async (more: object) => {
        await under.registry.put({ name, baseUrls, ...more });
        const found = await under.registry.find(name);
        return [found?.maxConcurrentCalls ?? null, found?.maxCallsPerSecond ?? null];
      };
      expect(await put({})).toEqual([null, null]);
      expect(await put({ maxConcurrentCalls: 3, maxCallsPerSecond: 20 })).toEqual([3, 20]);
      expect(await put({})).toEqual([3, 20]);
      expect(await put({ maxConcurrentCalls: null, maxCallsPerSecond: 5 })).toEqual([null, 5]);
    });

    test('keep what one of several registrations at the same moment gives', async () => {
      const { paths, baseUrls } = inventory;
      const name = 'lorry';
      await Promise.all(
        [{ paths }, {}, {}, {}].map((more) => under.registry.put({ name, baseUrls, ...more })),
      );
      expect((await under.registry.find(name))?.paths).toEqual(paths);
    });

    test('are listed in pages, each after a name', async () => {
      const namesOf = async (after: string, limit: number) =>
        (await under.registry.list({ after, limit })).map(({ name }) => name);
      for (const name of ['page', 'Page', 'page-2', 'page_1'])
        await under.registry.put({ ...inventory, name });
      const all = (await under.registry.list()).map(({ name }) => name);
      expect(all.slice(0, 1)).toEqual(['Page']);
      const paged: string[] = [];
      for (let page = await namesOf('', 2); page.length > 0; page = await namesOf(page.at(-1) ?? '', 2))
        paged.push(...page);
      expect(paged).toEqual(all);
    });

    test('are removed once', async () => {
      await under.registry.put({ ...inventory, name: 'gone', secrets: ['whsec_one'] });
      await under.registry.find('gone');
      expect(await under.registry.remove('gone')).toBe(true);
      expect(await under.registry.find('gone')).toBeNull();
      expect(await under.registry.remove('gone')).toBe(false);
      await under.registry.put({ ...inventory, name: 'gone' });
      expect(await under.registry.find('gone')).toEqual({ ...inventory, name: 'gone' });
    });

    test('keep the kinds of their activities until others, or none, are given', async () => {
      const kinds = { charge: 'pivot', send: 'final' } as const;
      const put = async (activities?: Readonly<Record<string, Kind>>) => {
        await under.registry.put({ ...inventory, name: 'bank', ...(activities && { activities }) });
        return (await under.registry.find('bank'))?.activities;
      };
      expect(await put()).toBeUndefined();
      expect(await put(kinds)).toEqual(kinds);
      expect(await put()).toEqual(kinds);
      expect(await put({})).toEqual({});
      expect(await put()).toEqual({});
    });

    test('keep their secrets until others, or none, are given', async () => {
      const name = 'ferry';
      const put = async (baseUrl: string, secrets?: readonly string[]) => {
        const addresses = { baseUrls: [baseUrl], paths: {}, callTimeoutMs: null };
        await under.registry.put({ name, ...addresses, ...(secrets && { secrets }) });
        const found = await under.registry.find(name);
        expect((await under.registry.list()).find((listed) => listed.name === name)).toEqual(found);
        return [found?.baseUrls[0], found?.secrets];
      };
      expect(await put('http://a.test')).toEqual(['http://a.test', undefined]);
      expect(await put('http://b.test', ['whsec_one', 'whsec_two'])).toEqual([
        'http://b.test',
        ['whsec_one', 'whsec_two'],
      ]);
      expect(await put('http://c.test')).toEqual(['http://c.test', ['whsec_one', 'whsec_two']]);
      expect(await put('http://c.test', ['whsec_two'])).toEqual(['http://c.test', ['whsec_two']]);
      expect(await put('http://c.test', [])).toEqual(['http://c.test', []]);
      expect(await put('http://d.test')).toEqual(['http://d.test', []]);
    });
  });

  test('the note of a decision is stored with it, and rebuilt from the journal', async () => {
    const saved = await beginOne();
    const note = "duplicate of “order 41” \\ '; 日本";
    const next = told(saved.tx, { type: 'cancelRequested', note, now: { earliest: 1, latest: 1 } });
    await commit(saveOf(saved, next));
    expect(await load(saved.tx.gid)).toEqual({ tx: next, seq: 2 });
    const rows = await under.store.journalOf(saved.tx.gid);
    expect(rebuild(saved.tx.gid, rows).decision).toEqual(next.decision);
    const longest = await beginOne();
    const long = {
      type: 'cancelRequested',
      note: '日'.repeat(500),
      now: { earliest: 1, latest: 1 },
    } as const;
    await commit(saveOf(longest, told(longest.tx, long)));
    expect((await load(longest.tx.gid))?.tx.decision?.note).toBe(long.note);
  });

  describe('heartbeats', () => {
    const AT = Date.UTC(2026, 0, 1);
    const beatOf = (id: string, given: Partial<Heartbeat> = {}): Heartbeat => ({
      id,
      programVersion: '0.1.0',
      newestReadVersion: 3,
      seenAt: AT,
      ...given,
    });

    test('are seen by every replica until they are removed, or expire', async () => {
      const [one, other] = [newGid(), newGid()];
      expect(await under.heartbeats.beat(beatOf(one), AT)).toEqual([beatOf(one)]);
      const newer = beatOf(other, { programVersion: '0.2.0', newestReadVersion: 4, seenAt: AT + 7 });
      expect(await under.otherHeartbeats.beat(newer, AT)).toEqual([beatOf(one), newer]);
      // A heartbeat takes the place of the one before it.
      const again = beatOf(one, { seenAt: AT + 9 });
      expect(await under.heartbeats.beat(again, AT)).toEqual([again, newer]);
      expect(await under.heartbeats.beat(again, AT + 8)).toEqual([again]);
      // What has expired is gone for all, and may come again.
      expect(await under.otherHeartbeats.beat(newer, AT)).toEqual([again, newer]);
      await under.heartbeats.remove(one);
      await under.heartbeats.remove(one);
      expect(await under.otherHeartbeats.beat(newer, AT)).toEqual([newer]);
      await under.otherHeartbeats.remove(other);
    });
  });
}

const fresh = () => saveOf(null, newTransaction(newGid()));
const unknown = (tx: GlobalTransaction) => allReplied(tx, 'unknown');
const accepted = (tx: GlobalTransaction) => allReplied(tx, 'ongoing');
/** After three others, the last of these parks its branches. */
const PARKING = Array.from({ length: CALLS_TO_PARK - 3 }, () => unknown);
const succeeded = (tx: GlobalTransaction) => allReplied(tx, 'succeeded');

const withoutPayloads = (tx: GlobalTransaction): GlobalTransaction => ({
  ...tx,
  branches: tx.branches.map((branch) => ({ ...branch, payload: '' })),
});
