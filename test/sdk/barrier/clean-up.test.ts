/**
 * Rows of the barrier are removed when the coordinator reports that their transaction ended long ago, and not before:
 *
 * - The retention has to be shorter than the coordinator's own.
 * - Rows are read in batches, past those that stay.
 * - A call that is repeated with a later deadline keeps its row as long, also while a clean-up runs.
 */
import { describe, expect, test } from '@jest/globals';
import { mysql2Barrier } from '@tercet/sdk/barrier/mysql2';
import { type BarrierCall, InProgress, Refusal } from '@tercet/sdk';
import type { FinalityView } from '@tercet/sdk/wire';
import { createPool } from 'mysql2/promise';
import { describeOn } from '../../support/servers.ts';
import { HeldWork, raise } from './contract-support.ts';
import { type BarrierWorld, callOf, freshGid } from './barrier-world.ts';
import { betterSqliteWorld, mysql2World, nodeSqliteWorld, pgWorld } from './worlds-by-driver.ts';

const DAY_MS = 86_400_000;
const NOW = Date.now();
const LONG_AGO = NOW - 3 * DAY_MS;
const iso = (at: number) => new Date(at).toISOString();

/** A coordinator that forgets after 10 days, and knows these transactions. */
function coordinatorWith(known: { readonly [gid: string]: { isFinal: boolean; finishedAt: number | null } }) {
  const asked: string[][] = [];
  return {
    asked,
    async finality(gids: readonly string[]): Promise<FinalityView> {
      asked.push([...gids]);
      const transactions = gids.flatMap((gid) => {
        const { isFinal, finishedAt } = known[gid] ?? { isFinal: false, finishedAt: null };
        const end = { finishedAt: finishedAt === null ? null : iso(finishedAt), deadlineAt: iso(LONG_AGO) };
        return known[gid] ? [{ gid, isFinal, ...end }] : [];
      });
      return { now: iso(NOW), retentionMs: 10 * DAY_MS, transactions };
    },
  };
}

async function withWorld(
  open: () => BarrierWorld | Promise<BarrierWorld>,
  act: (world: BarrierWorld) => Promise<void>,
) {
  const world = await open();
  try {
    await world.barrier.createTable();
    await act(world);
  } finally {
    await world.close();
  }
}

function cleanUpSuite(open: () => BarrierWorld | Promise<BarrierWorld>): void {
  /** A branch that is over here: its deadline has passed, and what came first was the cancel. */
  const leaveRow = (world: BarrierWorld, gid: string, branchId = 'money', deadlineAt = LONG_AGO) =>
    world.barrier.run(callOf('cancel', { gid, branchId, deadlineAt }), () => null);
  const branchesIn = async (world: BarrierWorld) =>
    (await world.query('SELECT gid, branch_id FROM tercet_barrier ORDER BY gid, branch_id')).map(
      (row) => `${row.gid}/${row.branch_id}`,
    );

  test('rows of a transaction that is long over are removed, and those of every other stay', () =>
    withWorld(open, async (world) => {
      const [over, underWay, justEnded, owed, absent] = [1, 2, 3, 4, 5].map(freshGid) as [
        string,
        string,
        string,
        string,
        string,
      ];
      for (const gid of [over, underWay, justEnded, owed, absent]) await leaveRow(world, gid);
      await leaveRow(world, over, 'stock');
      const coordinator = coordinatorWith({
        [over]: { isFinal: true, finishedAt: LONG_AGO },
        [underWay]: { isFinal: false, finishedAt: null },
        [justEnded]: { isFinal: true, finishedAt: NOW - DAY_MS },
        // Ended, and a late try is still to be cancelled once more.
        [owed]: { isFinal: false, finishedAt: LONG_AGO },
      });
      const report = await world.barrier.cleanUp({ coordinator, retentionMs: 2 * DAY_MS });
      expect(report).toEqual({ removedCount: 2, keptCount: 3, absentCount: 1 });
      expect(await branchesIn(world)).toEqual(
        [underWay, justEnded, owed, absent].map((gid) => `${gid}/money`),
      );
    }));

  test('a row whose deadline is not long past is not even asked about', () =>
    withWorld(open, async (world) => {
      const gid = freshGid();
      await leaveRow(world, gid, 'money', NOW - DAY_MS);
      const coordinator = coordinatorWith({ [gid]: { isFinal: true, finishedAt: LONG_AGO } });
      await world.barrier.cleanUp({ coordinator, retentionMs: 2 * DAY_MS });
      expect(coordinator.asked.flat()).not.toContain(gid);
      expect(await branchesIn(world)).toEqual([`${gid}/money`]);
    }));

  test('a retention that is not shorter than the coordinator’s is refused, and nothing is removed', () =>
    withWorld(open, async (world) => {
      const gid = freshGid();
      await leaveRow(world, gid, 'money', NOW - 30 * DAY_MS);
      const coordinator = coordinatorWith({ [gid]: { isFinal: true, finishedAt: NOW - 30 * DAY_MS } });
      const tooLong = world.barrier.cleanUp({ coordinator, retentionMs: 10 * DAY_MS });
      await expect(tooLong).rejects.toThrow('TERCET_RETENTION_DAYS');
      expect(await branchesIn(world)).toHaveLength(1);
    }));

  test('many rows are looked at batch by batch, past those that stay', () =>
    withWorld(open, async (world) => {
      const gids = Array.from({ length: 12 }, freshGid);
      for (const gid of gids) for (const branchId of ['a', 'b']) await leaveRow(world, gid, branchId);
      const over = gids.filter((_gid, index) => index % 3 === 0);
      const coordinator = coordinatorWith(
        Object.fromEntries(over.map((gid) => [gid, { isFinal: true, finishedAt: LONG_AGO }])),
      );
      const report = await world.barrier.cleanUp({ coordinator, retentionMs: DAY_MS, batchSize: 5 });
      expect(report).toEqual({ removedCount: 8, keptCount: 0, absentCount: 16 });
      expect(Math.max(...coordinator.asked.map(({ length }) => length))).toBeLessThanOrEqual(5);
    }));

  test('a batch of no rows, or of no time, is refused', () =>
    withWorld(open, async (world) => {
      const coordinator = coordinatorWith({});
      for (const wrong of [
        { retentionMs: 0 },
        { retentionMs: DAY_MS, batchSize: 0 },
        { retentionMs: DAY_MS, batchSize: 501 },
      ])
        await expect(world.barrier.cleanUp({ coordinator, ...wrong })).rejects.toBeInstanceOf(RangeError);
    }));

  laterDeadlines(open);
}

const [FIRST, LATER] = [NOW + DAY_MS, NOW + 5 * DAY_MS];

/** Asked between the deadlines of two calls for a branch whose transaction is over by then. */
const coordinatorBetween = (gid: string, meanwhile: () => Promise<unknown> = async () => {}) => ({
  async finality(gids: readonly string[]): Promise<FinalityView> {
    if (gids.includes(gid)) await meanwhile();
    const over = { isFinal: true, finishedAt: iso(NOW), deadlineAt: iso(NOW) };
    const transactions = gids.includes(gid) ? [{ gid, ...over }] : [];
    return { now: iso(NOW + 3 * DAY_MS), retentionMs: 10 * DAY_MS, transactions };
  },
});

/** The coordinator gives each call of a step after the pivot a deadline of its own. */
function laterDeadlines(open: () => BarrierWorld | Promise<BarrierWorld>): void {
  const isPivot = true;
  const refused = () => raise(new Refusal('sold out'));
  const failed = () => raise(new Error('the bank is away'));
  const refusedWith = (code: string) => (answer: Promise<unknown>) =>
    expect(answer).rejects.toMatchObject({ name: 'Refusal', code });
  const answered = (outcome: string) => (answer: Promise<unknown>) =>
    expect(answer).resolves.toMatchObject({ outcome });
  type Barrier = BarrierWorld['barrier'];
  type Op = 'action' | 'compensate';

  test.each<
    [
      string,
      Op,
      (barrier: Barrier, call: BarrierCall) => Promise<unknown>,
      (answer: Promise<unknown>) => Promise<void>,
    ]
  >([
    ['done', 'action', (barrier, call) => barrier.run(call, () => 1), answered('repeated')],
    ['done outside', 'action', (barrier, call) => barrier.outside(call, async () => 1), answered('repeated')],
    [
      'started outside',
      'action',
      (barrier, call) => barrier.outside(call, async () => failed()).catch(() => {}),
      answered('done'),
    ],
    [
      'a tombstone',
      'action',
      (barrier, call) => barrier.run({ ...call, op: 'compensate' }, () => 1),
      refusedWith('cancelled_before'),
    ],
    [
      'of the other pattern',
      'action',
      (barrier, call) => barrier.run({ ...call, op: 'try' }, () => 1),
      refusedWith('another_pattern'),
    ],
    [
      'a pivot that refused',
      'action',
      (barrier, call) => barrier.run(call, refused, { isPivot }).catch(() => {}),
      refusedWith('refused'),
    ],
    [
      'a pivot that refused, with nothing to undo',
      'compensate',
      (barrier, call) => barrier.run(call, refused, { isPivot }).catch(() => {}),
      answered('nothing_to_undo'),
    ],
  ])('a branch that is %s stays until the deadline of its last call', async (_what, op, before, expected) => {
    for (const by of ['run', 'outside'] as const)
      await withWorld(open, async (world) => {
        const { barrier } = world;
        const first = callOf('action', { deadlineAt: FIRST });
        await before(barrier, first);
        const last = { ...first, op, deadlineAt: LATER };
        await expected(by === 'run' ? barrier.run(last, () => 2) : barrier.outside(last, async () => 2));
        const cleaned = barrier.cleanUp({ coordinator: coordinatorBetween(first.gid), retentionMs: 1 });
        expect(await cleaned).toEqual({ removedCount: 0, keptCount: 0, absentCount: 0 });
      });
  });

  test('a branch stays until the deadline of a call that was asked to wait', () =>
    withWorld(open, async ({ barrier }) => {
      const first = callOf('action', { deadlineAt: FIRST });
      const held = new HeldWork();
      const done = barrier.outside(first, held.run);
      await held.begun;
      const last = { ...first, deadlineAt: LATER };
      await expect(barrier.outside(last, async () => 2)).rejects.toBeInstanceOf(InProgress);
      held.end('paid');
      await done;
      await barrier.cleanUp({ coordinator: coordinatorBetween(first.gid), retentionMs: 1 });
      expect((await barrier.outside(last, async () => 2)).outcome).toBe('repeated');
    }));

  test('a branch stays whose deadline is raised while the coordinator is asked', () =>
    withWorld(open, async ({ barrier }) => {
      const first = callOf('action', { deadlineAt: FIRST });
      await barrier.run(first, () => 1);
      const last = { ...first, deadlineAt: LATER };
      const coordinator = coordinatorBetween(first.gid, () => barrier.run(last, () => 2));
      expect((await barrier.cleanUp({ coordinator, retentionMs: 1 })).removedCount).toBe(0);
      expect((await barrier.run(last, () => 3)).outcome).toBe('repeated');
    }));

  test('a call with an earlier deadline, or the same, changes nothing', () =>
    withWorld(open, async ({ barrier, query }) => {
      const rows = async () =>
        (await query('SELECT * FROM tercet_barrier')).map((row) => JSON.stringify(row));
      const last = callOf('action', { deadlineAt: LATER });
      await barrier.run(last, () => 1);
      const before = await rows();
      for (const deadlineAt of [LATER, FIRST])
        expect((await barrier.run({ ...last, deadlineAt }, () => 2)).outcome).toBe('repeated');
      expect(await rows()).toEqual(before);
    }));

  test('a joined call leaves the deadline raised with what its caller commits', () =>
    withWorld(open, async (world) => {
      const first = callOf('action', { deadlineAt: FIRST });
      await world.barrier.run(first, () => 1);
      const last = { ...first, deadlineAt: LATER };
      await world.inSqlTx((sqlTx) => world.within(sqlTx, last, () => 2));
      await world.barrier.cleanUp({ coordinator: coordinatorBetween(first.gid), retentionMs: 1 });
      expect((await world.barrier.run(last, () => 3)).outcome).toBe('repeated');
    }));
}

describeOn(['mysql', 'mariadb'], 'cleaning up by mysql2', (server) => {
  cleanUpSuite(async () => mysql2World(await server.createDatabase()));
});
describeOn(['postgres'], 'cleaning up by pg', (server) => {
  cleanUpSuite(async () => pgWorld(await server.createDatabase()));
});
describeOn(['mysql', 'mariadb'], 'cleaning up while calls are under way', (server) => {
  test.each([
    [1, 1],
    [1, 20],
    [2, 1],
    [200, 100],
    [500, 5],
  ])('removes %d rows next to %d others, and waits for none of those', async (overCount, keptCount) => {
    const pool = createPool({ uri: await server.createDatabase(), connectionLimit: 4 });
    // What waits for a lock fails soon; a statement that names its rows by no index fails, too.
    pool.on(
      'connection',
      (connection) => void connection.query('SET innodb_lock_wait_timeout = 1, sql_safe_updates = 1'),
    );
    const barrier = mysql2Barrier({ pool });
    await barrier.createTable();
    const gids = Array.from({ length: overCount + keptCount }, freshGid);
    const rows = gids.map((gid) => `('${gid}', 'money', 'cancelled', 'x', ${LONG_AGO}, 0)`).join();
    await pool.query(
      `INSERT INTO tercet_barrier (gid, branch_id, phase, pass, deadline_at, changed_at) VALUES ${rows}`,
    );
    // Those that stay are in the middle.
    const kept = gids.splice(Math.floor(overCount / 2), keptCount);
    const ended = Object.fromEntries(gids.map((gid) => [gid, { isFinal: true, finishedAt: LONG_AGO }]));
    const { promise: untilCleaned, resolve: cleaned } = Promise.withResolvers<void>();
    const locked = Promise.withResolvers<void>();
    const underWay = barrier.run(callOf('try'), async (connection) => {
      for (const gid of kept)
        await connection.query('SELECT gid FROM tercet_barrier WHERE gid = ? AND branch_id = ? FOR UPDATE', [
          gid,
          'money',
        ]);
      locked.resolve();
      await untilCleaned;
    });
    await locked.promise;
    const cleaning = barrier.cleanUp({
      coordinator: coordinatorWith(ended),
      retentionMs: DAY_MS,
      batchSize: 500,
    });
    const report = await cleaning.finally(cleaned);
    expect(report.removedCount).toBe(overCount);
    await underWay;
    const [left] = await pool.query("SELECT gid FROM tercet_barrier WHERE pass = 'x' ORDER BY gid");
    expect(left).toEqual(kept.map((gid) => ({ gid })));
    await pool.end();
  });
});

describe('cleaning up by better-sqlite3', () => cleanUpSuite(betterSqliteWorld));
describe('cleaning up by node:sqlite', () => cleanUpSuite(nodeSqliteWorld));
