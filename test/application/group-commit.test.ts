import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryTransactionStore } from '../../src/adapters/memory/transaction-store.ts';
import { GroupCommit, MAX_BATCH_BYTES, MAX_BATCH_SAVES } from '../../src/application/group-commit.ts';
import { type BatchOutcome, type Save, StoreUnavailable } from '../../src/application/ports.ts';
import type { GlobalTransaction } from '../../src/domain/index.ts';
import { noChance, noLog, noObserver } from '../support/engine.ts';
import { type Fault, FaultWriter, scripted } from '../support/fault-writer.ts';
import { newTransaction, cancelRequested, newGid, saveOf } from '../support/saves.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

describe('group commit', () => {
  let store: MemoryTransactionStore;
  let writer: FaultWriter;
  let commit: GroupCommit;

  const startWith = (script: readonly Fault[]) => {
    writer = new FaultWriter(store, scripted(script));
    commit = new GroupCommit({
      writer,
      time: new VirtualClock({ isSelfRunning: true }),
      chance: noChance,
      log: noLog,
      observer: noObserver,
    });
  };
  beforeEach(() => {
    store = new MemoryTransactionStore();
    startWith([]);
  });

  const saveAll = (saves: readonly Save[]) => Promise.all(saves.map((save) => commit.save(save)));
  const fresh = () => saveOf(null, newTransaction(newGid()));
  const freshOnes = (count: number) => Array.from({ length: count }, fresh);
  const gidsOf = (saves: readonly Save[]) => saves.map(({ gid }) => gid);

  test('gathers what arrives while a commit is under way into the next one', async () => {
    const saves = freshOnes(10);
    expect(new Set(await saveAll(saves))).toEqual(new Set(['saved']));
    expect(writer.batches).toEqual([gidsOf(saves).slice(0, 1), gidsOf(saves).slice(1)]);
  });

  test('never puts two saves of one transaction into a batch', async () => {
    const first = fresh();
    const tx = first.after;
    const second = saveOf({ tx, seq: 1 }, cancelRequested(tx));
    const outcomes = await saveAll([fresh(), first, second, fresh()]);
    expect(outcomes).toEqual(['saved', 'saved', 'saved', 'saved']);
    for (const batch of writer.batches) expect(new Set(batch).size).toBe(batch.length);
  });

  test(`sends at most ${MAX_BATCH_SAVES} saves at once`, async () => {
    await saveAll(freshOnes(2 * MAX_BATCH_SAVES));
    expect(Math.max(...writer.batches.map((batch) => batch.length))).toBe(MAX_BATCH_SAVES);
  });

  test('sends about a mebibyte at most, and a larger save alone', async () => {
    const heavy = () => saveOf(null, withPayload(newTransaction(newGid()), 'x'.repeat(MAX_BATCH_BYTES / 8)));
    const [small, whole] = [
      fresh(),
      saveOf(null, withPayload(newTransaction(newGid()), 'x'.repeat(MAX_BATCH_BYTES))),
    ];
    await saveAll([small, ...Array.from({ length: 8 }, heavy), whole, fresh()]);
    expect(writer.batches.map((batch) => batch.length)).toEqual([1, 3, 3, 2, 1, 1]);
  });

  test('answers the rows that are taken, and sends the rest again as one batch', async () => {
    const standing = fresh();
    await store.writeBatch([{ ...standing, writer: 'other' }]);
    const [ahead, before, behind] = [fresh(), freshOnes(2), freshOnes(2)];
    const outcomes = await saveAll([ahead, ...before, standing, ...behind]);
    expect(outcomes).toEqual(['saved', 'saved', 'saved', 'lost', 'saved', 'saved']);
    expect(writer.batches.at(-1)).toEqual(gidsOf([...before, ...behind]));
  });

  test('isolates a row that is refused on its own account; its neighbours are saved', async () => {
    const saves = freshOnes(20);
    writer.poisoned.add(saves[13]!.gid);
    const outcomes = await Promise.allSettled(saves.map((save) => commit.save(save)));
    expect(outcomes[13]).toMatchObject({ status: 'rejected', reason: expect.any(StoreUnavailable) });
    outcomes.splice(13, 1);
    expect(outcomes.every((outcome) => outcome.status === 'fulfilled' && outcome.value === 'saved')).toBe(
      true,
    );
  });

  test.each<Fault>([
    'unknown, not written',
    'unknown, written',
    'unknown, written late',
  ])('after a COMMIT that is “%s”, sends the same rows and nothing else until it is answered', async (fault) => {
    startWith(['none', fault]);
    const [ahead, saves, later] = [fresh(), freshOnes(3), fresh()];
    const saving = saveAll([ahead, ...saves]);
    await untilSent(2);
    const savingLater = commit.save(later);
    expect(await saving).toEqual(['saved', 'saved', 'saved', 'saved']);
    expect(await savingLater).toBe('saved');
    expect(writer.batches).toEqual([gidsOf([ahead]), gidsOf(saves), gidsOf(saves), gidsOf([later])]);
    for (const { gid } of [...saves, later]) expect(await store.journalOf(gid)).toHaveLength(1);
  });

  test('after an unknown COMMIT, transient errors are borne for as long as they come', async () => {
    startWith(['unknown, written', ...Array.from({ length: 50 }, (): Fault => 'transient')]);
    expect(await commit.save(fresh())).toBe('saved');
    expect(writer.batches).toHaveLength(52);
  });

  test('keeps nobody waiting behind a commit whose fate stays unknown, and goes on when it is known', async () => {
    let isAnswered = false;
    writer = new FaultWriter(store, () => (isAnswered ? 'none' : 'unknown, written'));
    const time = new VirtualClock({ isSelfRunning: true });
    // The longest pauses, so that time passes.
    const chance = { ...noChance, draw: () => 1 };
    commit = new GroupCommit({ writer, time, chance, log: noLog, observer: noObserver });
    const stuck = commit.save(fresh());
    await expect(commit.save(fresh())).rejects.toBeInstanceOf(StoreUnavailable);
    expect(commit.stuck?.message).toMatch(/outcome unknown/);
    await expect(commit.save(fresh())).rejects.toBeInstanceOf(StoreUnavailable);
    isAnswered = true;
    expect(await stuck).toBe('saved');
    expect(commit.stuck).toBeNull();
    expect(await commit.save(fresh())).toBe('saved');
  });

  test('repeats a batch that met a transient error', async () => {
    startWith(['transient', 'transient']);
    expect(await commit.save(fresh())).toBe('saved');
    expect(writer.batches).toHaveLength(3);
  });

  test('gives a save up when transient errors do not end, and surely wrote nothing', async () => {
    startWith(Array.from({ length: 10 }, (): Fault => 'transient'));
    const save = fresh();
    await expect(commit.save(save)).rejects.toBeInstanceOf(StoreUnavailable);
    expect(await store.load(save.gid)).toBeNull();
    expect(await commit.save(save)).toBe('saved');
  });

  test('keeps no save waiting while the writer gets no connection, says so once, and goes on when it has one', async () => {
    const lines: string[] = [];
    const time = new VirtualClock({ isSelfRunning: true });
    let isSilent = true;
    const silent = {
      writeBatch: async (saves: readonly Save[]): Promise<BatchOutcome> => {
        if (!isSilent) return store.writeBatch(saves);
        await new Promise<void>((resolve) => time.after(5000, resolve));
        return { outcome: 'rejected', because: 'store', error: new Error('no answer') };
      },
    };
    const log = { error: (what: string) => void lines.push(what) };
    commit = new GroupCommit({ writer: silent, time, chance: noChance, log, observer: noObserver });
    const saves = freshOnes(3);
    const sinceMs = time.elapsedMs();
    const outcomes = await Promise.allSettled(saves.map((save) => commit.save(save)));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(time.elapsedMs() - sinceMs).toBe(5000);
    expect(commit.stuck?.message).toMatch(/does not answer/);
    await expect(commit.save(fresh())).rejects.toBeInstanceOf(StoreUnavailable);
    expect(lines).toEqual([commit.stuck?.message]);
    isSilent = false;
    while (commit.stuck !== null) await setImmediate();
    expect(await commit.save(saves[0]!)).toBe('saved');
  });

  test('takes a writer that throws for an unknown COMMIT', async () => {
    const throwing = {
      calls: 0,
      writeBatch: (saves: readonly Save[]): Promise<BatchOutcome> => {
        throwing.calls += 1;
        if (throwing.calls === 1) throw new Error('broken');
        return store.writeBatch(saves);
      },
    };
    const over = new GroupCommit({
      writer: throwing,
      time: new VirtualClock({ isSelfRunning: true }),
      chance: noChance,
      log: noLog,
      observer: noObserver,
    });
    expect(await over.save(fresh())).toBe('saved');
  });

  async function untilSent(count: number): Promise<void> {
    while (writer.batches.length < count) await setImmediate();
  }
});

const withPayload = (tx: GlobalTransaction, payload: string): GlobalTransaction => ({
  ...tx,
  branches: tx.branches.map((branch) => ({ ...branch, payload })),
});
