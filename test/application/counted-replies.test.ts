// Unknown replies that change only counts: they stay in memory, and join a row every ten minutes.
import { beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryTransactionStore } from '../../src/adapters/memory/transaction-store.ts';
import { InProcessWakeQueue } from '../../src/adapters/wake/in-process.ts';
import type { Engine } from '../../src/application/engine.ts';
import { type BatchOutcome, type Save, StoreUnavailable } from '../../src/application/ports.ts';
import type { CallPolicy } from '../../src/domain/index.ts';
import { httpAnswer, participantsThat, registryOf, testEngine } from '../support/engine.ts';
import { policy } from '../support/saves.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const named = (branchId: string) => ({ branchId, participant: 'inventory', activity: 'reserve' });

/** Pauses so short that the drive is kept, and so long that it is let go between calls. */
const PAUSES = [
  ['shorter than a drive is kept', 1000],
  ['longer than a drive is kept', 30_000],
] as const;

describe('a branch that gets the same unknown reply again and again', () => {
  let clock: VirtualClock;
  let store: MemoryTransactionStore;
  /** What a confirm is answered. */
  let status: number;
  let callCount: number;
  let failing: BatchOutcome | null;

  beforeEach(() => {
    [clock, store, status, callCount, failing] = [
      new VirtualClock(),
      new MemoryTransactionStore(),
      500,
      0,
      null,
    ];
  });

  function replica(
    maxDelayMs: number,
    process = { isAlive: true },
    budgetMs = 2 * DAY,
    wakes: ((gid: string) => void)[] = [],
  ): Engine {
    const retry = { firstDelayMs: 200, maxDelayMs, budgetMs };
    const given: CallPolicy = { ...policy, retry };
    const writeBatch = async (saves: readonly Save[]) => failing ?? store.writeBatch(saves);
    return testEngine({
      clock,
      store,
      process,
      writer: { writeBatch },
      wakes: (onWake) => {
        wakes.push(onWake);
        return new InProcessWakeQueue({ time: clock.timeFor(process), onWake });
      },
      settings: { policy: given },
      registry: registryOf('inventory'),
      participants: participantsThat(({ op }) => {
        if (op !== 'confirm') return 200;
        callCount += 1;
        return httpAnswer(status);
      }),
    });
  }

  /** Answered, and its confirm is called. */
  async function confirming({ coordinator }: Engine): Promise<string> {
    const outcome = await coordinator.begin({ branches: [named('a')] }, null);
    if (!outcome.accepted) throw new Error(outcome.code);
    await clock.settled();
    return outcome.saved.tx.gid;
  }

  const confirmOf = async (gid: string) => (await store.load(gid))?.tx.branches[0]?.phaseTwo;
  const rowsOf = (gid: string) => store.journalOf(gid);

  test.each(PAUSES)('writes a row each ten minutes, where its pauses are %s', async (_what, maxDelayMs) => {
    const gid = await confirming(replica(maxDelayMs));
    const lastsMs = maxDelayMs * 3000;
    await clock.run(lastsMs);
    expect(callCount).toBeGreaterThan(lastsMs / maxDelayMs);
    const { length } = await rowsOf(gid);
    const expected = lastsMs / (10 * MINUTE);
    expect(length).toBeGreaterThan(expected);
    expect(length).toBeLessThan(expected + 15);
  });

  test.each(
    PAUSES,
  )('loses only counts when its replica dies, where its pauses are %s', async (_what, maxDelayMs) => {
    const process = { isAlive: true };
    const gid = await confirming(replica(maxDelayMs, process));
    await clock.run(25 * MINUTE);
    process.isAlive = false;
    const before = await store.load(gid);
    const { attemptCount = 0, answer } = (await confirmOf(gid)) ?? {};
    expect(attemptCount).toBeLessThan(callCount);
    expect(answer).toBe('500');
    // The row is dated for the next call and not for the one that it tells of, and a replica takes over within G.
    const G = policy.callTimeoutMs + 1000 + 1000;
    expect((before?.wakeAt ?? 0) - clock.nowMs).toBeGreaterThan(0);
    expect((before?.wakeAt ?? 0) - clock.nowMs).toBeLessThanOrEqual(maxDelayMs + G + 2000);
    const other = replica(maxDelayMs);
    status = 200;
    await clock.run(maxDelayMs + G + 2000);
    expect(await other.sweep.runOnce()).toBe(1);
    await clock.settled();
    const { tx } = (await store.load(gid)) ?? {};
    expect(tx?.status).toBe('confirmed');
    expect(tx?.branches[0]?.phaseTwo.attemptCount).toBe(attemptCount + 1);
  });

  test.each(
    PAUSES,
  )('that succeeds joins all counts in one row, where its pauses are %s', async (_what, maxDelayMs) => {
    const gid = await confirming(replica(maxDelayMs));
    await clock.run(15 * MINUTE);
    const { length } = await rowsOf(gid);
    status = 200;
    await clock.run(maxDelayMs + 2000);
    const rows = await rowsOf(gid);
    expect(rows).toHaveLength(length + 1);
    expect((await store.load(gid))?.tx.status).toBe('confirmed');
    expect((await confirmOf(gid))?.attemptCount).toBe(callCount);
    const told = rows.flatMap(({ entries }) => entries.attempts ?? []).filter(({ op }) => op === 'confirm');
    if (maxDelayMs > 1000) expect(told).toHaveLength(callCount);
    expect(rows.at(-1)?.entries.attempts?.length).toBeGreaterThan(5);
    expect(rows.every(({ entries }) => (entries.attempts?.length ?? 0) <= 200)).toBe(true);
  });

  test.each(
    PAUSES,
  )('that gets another answer is saved immediately, where its pauses are %s', async (_what, maxDelayMs) => {
    const gid = await confirming(replica(maxDelayMs));
    await clock.run(15 * MINUTE);
    status = 503;
    await clock.run(maxDelayMs + 2000);
    expect(await confirmOf(gid)).toMatchObject({ answer: '503' });
  });

  test.each(
    PAUSES,
  )('is parked once its budget is spent, where its pauses are %s (I4)', async (_what, maxDelayMs) => {
    const budgetMs = 40 * MINUTE;
    const gid = await confirming(replica(maxDelayMs, { isAlive: true }, budgetMs));
    let spentMs = 0;
    while ((await confirmOf(gid))?.parkedAt === null) {
      await clock.run(1000);
      spentMs = (await confirmOf(gid))?.spentMs ?? 0;
    }
    // Each attempt spends the mean of the pause before it.
    expect(callCount).toBeGreaterThanOrEqual(Math.floor(budgetMs / (maxDelayMs / 2)));
    expect(callCount).toBeLessThan(budgetMs / (maxDelayMs / 2) + 12);
    expect(spentMs).toBeGreaterThanOrEqual(budgetMs);
    // Called hourly, it is saved each time.
    for (let hour = 1; hour <= 3; hour += 1) {
      await clock.run(60 * MINUTE);
      expect((await confirmOf(gid))?.attemptCount).toBe(callCount);
    }
  });

  test.each(
    PAUSES,
  )('is saved by a replica that stops, where its pauses are %s', async (_what, maxDelayMs) => {
    const engine = replica(maxDelayMs);
    const gid = await confirming(engine);
    await clock.run(15 * MINUTE);
    await engine.stop();
    expect((await confirmOf(gid))?.attemptCount).toBe(callCount);
  });

  test('keeps its counts while the store fails, and while another answer cannot be saved', async () => {
    const gid = await confirming(replica(30_000));
    await clock.run(15 * MINUTE);
    failing = { outcome: 'rejected', because: 'row', error: new StoreUnavailable('the disk is full') };
    status = 503;
    await clock.run(2 * MINUTE);
    const counted = (await confirmOf(gid))?.attemptCount ?? 0;
    expect(counted).toBeLessThan(callCount - 1);
    failing = null;
    await clock.run(1000);
    const { attemptCount = 0, answer } = (await confirmOf(gid)) ?? {};
    expect(answer).toBe('503');
    // One more call follows the save.
    expect(attemptCount).toBeGreaterThanOrEqual(callCount - 1);
    expect((await rowsOf(gid)).at(-1)?.entries.attempts).toHaveLength(attemptCount - counted);
  });

  test.each(
    PAUSES,
  )('is called no more once its rows are gone, where its pauses are %s', async (_what, maxDelayMs) => {
    await confirming(replica(maxDelayMs));
    await clock.run(5 * MINUTE);
    store.load = async () => null;
    const now = clock.now.bind(clock);
    let readCount = 0;
    clock.now = () => {
      readCount += 1;
      // Ends a drive that goes on without a pause, which no timer can.
      if (readCount > 10_000) throw new Error('the clock is read without end');
      return now();
    };
    await clock.run(MINUTE);
    const before = callCount;
    await clock.run(20 * MINUTE);
    expect(callCount).toBe(before);
    expect(readCount).toBeLessThan(10_000);
  });

  test('is called on by the replica that counts, and not by one that is woken for it', async () => {
    const gid = await confirming(replica(30_000));
    await clock.run(15 * MINUTE);
    const wakes: ((gid: string) => void)[] = [];
    const other = replica(30_000, { isAlive: true }, 2 * DAY, wakes);
    expect((await confirmOf(gid))?.dueAt).toBeLessThan(clock.nowMs);
    const before = callCount;
    wakes[0]?.(gid);
    await clock.settled();
    expect(callCount).toBe(before);
    // A client who asks for it is served: it may be called early, and goes on at the pace of its pauses.
    await other.coordinator.retry(gid);
    await clock.settled();
    expect(callCount).toBe(before + 1);
    await clock.run(60 * MINUTE);
    expect(callCount - before).toBeLessThan(60 * 2 * 2 * 1.3);
  });

  test('is explained with the newest counts by the replica that counts, and as one that may lag by another', async () => {
    const engine = replica(30_000);
    const gid = await confirming(engine);
    await clock.run(15 * MINUTE);
    const stored = await store.load(gid);
    if (stored === null) throw new Error('it began');
    const { attemptCount, dueAt } = stored.tx.branches[0]?.phaseTwo ?? {};
    expect(attemptCount).toBeLessThan(callCount);
    expect(engine.coordinator.explain(stored.tx)).toMatch(
      new RegExp(`: attempt ${callCount} answered 500 after 0.0 s; next at `),
    );
    const due = new Date(dueAt ?? 0).toISOString().slice(0, 19);
    expect(replica(30_000).coordinator.explain(stored.tx)).toContain(
      `: attempt ${attemptCount} answered 500 after 0.0 s; due since ${due}Z, and attempts since then with the same answer ` +
        'are stored within 10 minutes',
    );
  });
});
