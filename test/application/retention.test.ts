/** When finished transactions are removed, and how much at a time. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { BATCH_SIZE, PAGE_SIZE, Retention, type RetentionParts } from '../../src/application/retention.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

describe('retention', () => {
  let clock: VirtualClock;
  /** What the store was asked to remove, and when. */
  let asked: { before: number; limit: number; atMs: number }[];
  /** How many transactions there are to remove; how long the store takes for a batch. */
  let there: number;
  let batchTakesMs: number;
  let failure: Error | null;
  let removed: number[];
  let errors: unknown[];
  let began: number;

  beforeEach(() => {
    clock = new VirtualClock();
    [asked, there, batchTakesMs, failure, removed, errors] = [[], 0, 0, null, [], []];
    began = clock.nowMs;
  });

  const retentionWith = (given: Partial<RetentionParts> = {}) =>
    new Retention({
      store: {
        async removeFinished(before, limit) {
          asked.push({ before, limit, atMs: clock.nowMs - began });
          clock.nowMs += batchTakesMs;
          if (failure) throw failure;
          const count = Math.min(there, limit);
          there -= count;
          return count;
        },
        async endOfPage() {
          return null;
        },
      },
      time: clock,
      chance: { draw: () => 0.5, newId: () => '' },
      log: { error: (_what, error) => errors.push(error) },
      observer: { removed: (count) => removed.push(count) },
      hasLostCommits: () => false,
      retentionMs: 30 * DAY_MS,
      ...given,
    });

  test('removes what ended longer ago, one batch in a pass, and tells how much it was', async () => {
    there = BATCH_SIZE + 3;
    const retention = retentionWith();
    expect(await retention.runOnce()).toBe(BATCH_SIZE);
    expect(await retention.runOnce()).toBe(3);
    expect(await retention.runOnce()).toBe(0);
    expect(asked[0]).toMatchObject({ before: clock.nowMs - 30 * DAY_MS, limit: BATCH_SIZE });
    expect(removed).toEqual([BATCH_SIZE, 3]);
  });

  test('passes over those that stay page by page, and begins again after the last page', async () => {
    // Ends of transactions that all stay; those of a page may be of one millisecond.
    const ends = [1, 2, 3, 3, 3, 3].flatMap((at) => Array(PAGE_SIZE / 2).fill(at));
    const pages: unknown[] = [];
    const retention = retentionWith({
      store: {
        async removeFinished(_before, _limit, ended) {
          pages.push(ended);
          const count = Math.min(there, BATCH_SIZE);
          there -= count;
          return count;
        },
        async endOfPage({ from, to }, count) {
          return ends.filter((at) => at >= from && at < to)[count] ?? null;
        },
      },
    });
    const before = began - 30 * DAY_MS;
    const all = [
      { from: 0, to: 3 },
      { from: 3, to: 4 },
      { from: 4, to: before },
    ];
    for (let pass = 0; pass < 4; pass += 1) await retention.runOnce();
    expect(pages).toEqual([...all, all[0]]);
    // After a full batch the rest of the page is next.
    there = BATCH_SIZE + 1;
    for (let pass = 0; pass < 3; pass += 1) await retention.runOnce();
    expect(pages.slice(4)).toEqual([all[1], all[1], all[2]]);
  });

  test('goes on with the next page soon, and hourly after the last', async () => {
    const retention = retentionWith({
      store: {
        async removeFinished(before, limit) {
          asked.push({ before, limit, atMs: clock.nowMs - began });
          return 0;
        },
        endOfPage: async ({ from }) => (from < 2 ? from + 1 : null),
      },
    });
    retention.start();
    for (let step = 0; step < 4; step += 1) await clock.step();
    expect(asked.map(({ atMs }) => atMs)).toEqual([
      ...[0.5 * HOUR_MS, 0.5 * HOUR_MS + 20, 0.5 * HOUR_MS + 40, 1.5 * HOUR_MS + 40],
    ]);
  });

  test('judges by a clock that can be trusted', async () => {
    const time = clock.timeFor({ isAlive: true });
    const settle = async () => {
      clock.nowMs += DAY_MS;
    };
    await retentionWith({ time: { ...time, settle } }).runOnce();
    expect(asked[0]?.before).toBe(began - 29 * DAY_MS);
  });

  test('in doubt about the time takes the earlier one', async () => {
    const time = clock.timeFor({ isAlive: true });
    const now = () => ({ earliest: clock.nowMs - 7, latest: clock.nowMs + 7 });
    await retentionWith({ time: { ...time, now } }).runOnce();
    expect(asked[0]?.before).toBe(began - 7 - 30 * DAY_MS);
  });

  test('removes nothing from a database that has lost commits', async () => {
    there = 1;
    expect(await retentionWith({ hasLostCommits: () => true }).runOnce()).toBe(0);
    expect(asked).toEqual([]);
  });

  test('begins by chance within the hour, goes on after each full batch, and then hourly', async () => {
    there = 2 * BATCH_SIZE + 1;
    retentionWith().start();
    for (let step = 0; step < 5; step += 1) await clock.step();
    expect(asked.map(({ atMs }) => atMs)).toEqual([
      ...[0.5 * HOUR_MS, 0.5 * HOUR_MS + 20, 0.5 * HOUR_MS + 40],
      ...[1.5 * HOUR_MS + 40, 2.5 * HOUR_MS + 40],
    ]);
  });

  test('rests between two batches as long as the first one took', async () => {
    there = 2 * BATCH_SIZE;
    batchTakesMs = 300;
    retentionWith().start();
    for (let step = 0; step < 2; step += 1) await clock.step();
    expect(asked.map(({ atMs }) => atMs)).toEqual([0.5 * HOUR_MS, 0.5 * HOUR_MS + 600]);
  });

  test('that fails says so once, and tries again an hour later', async () => {
    failure = new Error('away');
    retentionWith().start();
    for (let step = 0; step < 2; step += 1) await clock.step();
    expect(asked.map(({ atMs }) => atMs)).toEqual([0.5 * HOUR_MS, 1.5 * HOUR_MS]);
    expect(errors).toEqual([failure, failure]);
  });

  test('that fails after the first page goes on with the same page an hour later', async () => {
    const from: number[] = [];
    const retention = retentionWith({
      store: {
        async removeFinished(before, limit, ended) {
          asked.push({ before, limit, atMs: clock.nowMs - began });
          from.push(ended?.from ?? NaN);
          if (from.length === 2) throw new Error('away');
          return 0;
        },
        endOfPage: async (ended) => (ended.from === 0 ? 1 : null),
      },
    });
    retention.start();
    for (let step = 0; step < 3; step += 1) await clock.step();
    expect(from).toEqual([0, 1, 1]);
    expect(asked.map(({ atMs }) => atMs)).toEqual([
      ...[0.5 * HOUR_MS, 0.5 * HOUR_MS + 20, 1.5 * HOUR_MS + 20],
    ]);
  });

  test('that is stopped begins no other pass, also in the midst of one', async () => {
    there = 2 * BATCH_SIZE;
    const retention = retentionWith();
    retention.start();
    const stepping = clock.step();
    retention.stop();
    await stepping;
    clock.after(10 * HOUR_MS, () => {});
    await clock.step();
    expect(asked).toHaveLength(1);
  });
});
