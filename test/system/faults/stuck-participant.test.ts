/**
 * Five thousand transactions wait for a participant that accepts calls and never answers, their coordinator is dead, and
 * nobody but the sweep of the next one finds them. What failed freshly elsewhere must not wait behind them (I15).
 */
import { expect, test } from '@jest/globals';
import { migrate } from '../../../src/adapters/sql/data-source.ts';
import { openStore, type SqlStore } from '../../../src/adapters/sql/open-store.ts';
import { systemChance } from '../../../src/adapters/system.ts';
import type { Coordinator } from '../../../src/application/coordinator.ts';
import type { Engine } from '../../../src/application/engine.ts';
import type { HttpAnswer, ParticipantCall } from '../../../src/application/ports.ts';
import { httpAnswer as answered, noWakes, testEngine } from '../../support/engine.ts';
import { withReadRetries } from '../../support/read-retries.ts';
import { describeOn } from '../../support/servers.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

/** Bounds a hang. */
const LIMIT_MS = 900_000;
const STUCK_COUNT = 5000;
/** Of these each second one fails at first: so few in a row that their participant is given no rest. */
const FRESH_COUNT = 1000;
/** No more than the slots of a participant, so that every first call finds one. */
const AT_ONCE = 50;
const SWEEP_INTERVAL_MS = 1000;
const CALL_TIMEOUT_MS = 2000;
const COMMIT_TIMEOUT_MS = 1000;
const TAKE_OVER_MS = CALL_TIMEOUT_MS + COMMIT_TIMEOUT_MS + 1000;
const GATE = { concurrency: 50, failureCount: 10, firstOpenMs: 1000, maxOpenMs: 10_000 };
const backoff = { firstDelayMs: 100, maxDelayMs: 1000, budgetMs: 7000 };

const SETTINGS = {
  policy: { callTimeoutMs: CALL_TIMEOUT_MS, retry: backoff, poll: backoff, maxRetryAfterMs: 1000 },
  gate: GATE,
  commitTimeoutMs: COMMIT_TIMEOUT_MS,
  sweepIntervalMs: SWEEP_INTERVAL_MS,
};

describeOn(['mysql'], 'five thousand branches stuck on one participant', (server) => {
  let sql: SqlStore;
  let clock: VirtualClock;
  const calls = { stuck: 0, well: 0 };

  /** A coordinator that is woken by nothing but its own timers and its sweep. */
  function newEngine(process: { isAlive: boolean }): Engine {
    return testEngine({
      store: clock.watching(withReadRetries(sql.store)),
      writer: clock.watching(sql.writer),
      registry: sql.registry,
      clock,
      process,
      chance: systemChance,
      wakes: noWakes,
      participants: { call: answer },
      settings: SETTINGS,
    });
  }

  /** Both take confirms only: their tries were their initiators'. */
  function answer({ participant, timeoutMs }: ParticipantCall): Promise<HttpAnswer> {
    calls[participant as 'stuck' | 'well'] += 1;
    if (participant === 'stuck')
      return new Promise((resolve) => clock.after(timeoutMs, () => resolve(answered(null))));
    const isFailing = calls.well <= FRESH_COUNT && calls.well % 2 === 0;
    return Promise.resolve(answered(isFailing ? 503 : 200));
  }

  async function confirmAll(engine: Engine, participant: string, count: number): Promise<void> {
    for (let begun = 0; begun < count; begun += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, () => confirmOne(engine.coordinator, participant)));
      await clock.settled();
    }
  }

  async function confirmOne(coordinator: Coordinator, participant: string): Promise<void> {
    const begun = await coordinator.begin({}, null);
    if (!begun.accepted) throw new Error(begun.code);
    const { gid } = begun.saved.tx;
    await coordinator.registerBranch(gid, { branchId: 'b', participant, activity: 'reserve' });
    expect(await coordinator.confirm(gid)).toMatchObject({ accepted: true });
  }

  const countOf = async (sqlText: string) => Number((await sql.dataSource.query(sqlText))[0].count);
  const finishedCount = () =>
    countOf('SELECT COUNT(*) AS count FROM global_transaction WHERE finished_at IS NOT NULL');

  test(
    'do not keep fresh failures of another from being retried within two intervals of the sweep',
    async () => {
      sql = await openStore(await server.createDatabase(), 10_000);
      await migrate(sql.dataSource);
      for (const name of ['stuck', 'well'])
        await sql.registry.put({ name, baseUrls: ['http://127.0.0.1:1'], paths: {}, callTimeoutMs: null });
      clock = new VirtualClock({ stepMs: 100 });

      const dying = { isAlive: true };
      const first = newEngine(dying);
      await confirmAll(first, 'stuck', STUCK_COUNT);
      await clock.run(20_000);
      await confirmAll(first, 'well', FRESH_COUNT);
      expect([calls.well, await finishedCount()]).toEqual([FRESH_COUNT, FRESH_COUNT / 2]);
      dying.isAlive = false;

      const second = newEngine({ isAlive: true });
      second.sweep.start();
      calls.stuck = 0;
      // The fresh ones are due for another replica when the retry that the dead one owed is overdue.
      await clock.run(backoff.maxDelayMs + TAKE_OVER_MS + 2 * SWEEP_INTERVAL_MS);
      await clock.settled();
      expect(await finishedCount()).toBe(FRESH_COUNT);
      expect(calls.well).toBe(FRESH_COUNT * 1.5);
      // The stuck one was spared: at first as many calls as fit, from then on one after each rest.
      expect(calls.stuck).toBeLessThanOrEqual(GATE.concurrency + 10);

      // In the next seconds each of them was called or held back again and again, and none was forgotten or given up.
      await clock.run(10_000);
      const overdue = new Date(clock.elapsedMs() - 15_000).toISOString().replace('T', ' ').slice(0, 23);
      expect(
        await countOf(`SELECT COUNT(*) AS count FROM global_transaction WHERE wake_at < '${overdue}'`),
      ).toBe(0);
      expect(
        await countOf('SELECT COUNT(*) AS count FROM global_transaction WHERE wake_at IS NOT NULL'),
      ).toBe(STUCK_COUNT);
      const spent = await countOf(
        'SELECT SUM(phase_two_attempt_count) AS count FROM branch WHERE participant = "stuck"',
      );
      expect(spent).toBeLessThan(STUCK_COUNT);
      second.sweep.stop();
      await sql.close();
    },
    LIMIT_MS,
  );
});
