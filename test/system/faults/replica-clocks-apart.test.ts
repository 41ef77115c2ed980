/**
 * Two replicas whose machines disagree about the time by hours, on one database: what they decide follows from the
 * database's clock, which both ask.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { migrate } from '../../../src/adapters/sql/data-source.ts';
import type { LocalClock } from '../../../src/adapters/sql/database-clock.ts';
import { openStore, type SqlStore } from '../../../src/adapters/sql/open-store.ts';
import { systemChance, systemClock } from '../../../src/adapters/system.ts';
import type { Engine } from '../../../src/application/engine.ts';
import { noWakes, testEngine } from '../../support/engine.ts';
import { describeOn } from '../../support/servers.ts';
import { until } from '../../support/until.ts';

const HOUR_MS = 3_600_000;
/** No test takes so long. */
const LONG_MS = 600_000;

/** A replica on a machine whose wall clock is wrong by `offByMs`, which may change at any time. */
class Replica {
  readonly sql: SqlStore;
  readonly engine: Engine;
  readonly #clock: { offByMs: number };

  private constructor(sql: SqlStore, clock: { offByMs: number }) {
    this.#clock = clock;
    this.sql = sql;
    this.engine = testEngine({
      store: sql.store,
      writer: sql.writer,
      registry: sql.registry,
      time: sql.time,
      chance: systemChance,
      wakes: noWakes,
    });
  }

  static async open(databaseUrl: string, offByMs: number): Promise<Replica> {
    const clock = { offByMs };
    const local: LocalClock = { ...systemClock, wallMs: () => Date.now() + clock.offByMs };
    return new Replica(await openStore(databaseUrl, 5000, { local }), clock);
  }

  /** Somebody, or a time service, sets the clock of the machine. */
  setOff(offByMs: number): void {
    this.#clock.offByMs = offByMs;
  }

  async begin(timeoutMs: number) {
    const outcome = await this.engine.coordinator.begin({ timeoutMs }, null);
    if (!outcome.accepted) throw new Error(outcome.code);
    return outcome.saved.tx;
  }
}

describeOn(['mysql', 'mariadb'], 'replicas whose clocks differ by two hours', (server) => {
  let ahead: Replica;
  let behind: Replica;

  beforeAll(async () => {
    const databaseUrl = await server.createDatabase();
    const { dataSource, close } = await openStore(databaseUrl, 5000);
    await migrate(dataSource);
    await close();
    [ahead, behind] = [await Replica.open(databaseUrl, HOUR_MS), await Replica.open(databaseUrl, -HOUR_MS)];
  });
  afterAll(async () => {
    for (const { engine, sql } of [ahead, behind]) {
      await engine.stop();
      await sql.close();
    }
  });

  async function databaseTime(): Promise<number> {
    const [{ at }] = await ahead.sql.dataSource.query('SELECT UTC_TIMESTAMP(3) AS at');
    return at.getTime();
  }

  /** Nothing but the database's own clock says when that is. */
  async function databaseTimeIs(past: number): Promise<void> {
    await until('the time has passed', async () => (await databaseTime()) > past);
  }

  const whole = (instant: number) => Math.floor(instant);

  test('begin by the time of the database, whichever of them is asked', async () => {
    for (const replica of [ahead, behind]) {
      const before = await databaseTime();
      const { beganAt, deadlineAt } = await replica.begin(60_000);
      // The earliest that it can be: a slow answer of the database widens what is known of its time, by no hour.
      expect(before - beganAt).toBeLessThan(HOUR_MS / 2);
      expect(whole(beganAt)).toBeLessThanOrEqual(await databaseTime());
      expect(deadlineAt - beganAt).toBe(60_000);
    }
  });

  test.each([
    ['ahead', () => [behind, ahead] as const],
    ['behind', () => [ahead, behind] as const],
  ])('the one that is %s neither cancels too early nor confirms too late', async (_which, replicas) => {
    const [begins, decides] = replicas();
    const inTime = await begins.begin(LONG_MS);
    expect(await decides.engine.coordinator.confirm(inTime.gid)).toMatchObject({ accepted: true });

    const late = await begins.begin(400);
    await databaseTimeIs(late.deadlineAt);
    expect(await decides.engine.coordinator.confirm(late.gid)).toMatchObject({ accepted: false });
    const { tx } = (await decides.engine.coordinator.find(late.gid)) ?? {};
    expect(tx).toMatchObject({ status: 'cancelled', decision: { reason: 'deadline_passed' } });
  });

  test('a clock that is set while it runs changes nothing', async () => {
    const tx = await ahead.begin(LONG_MS);
    ahead.setOff(-HOUR_MS);
    const other = await ahead.begin(LONG_MS);
    expect(Math.abs(other.beganAt - (await databaseTime()))).toBeLessThan(HOUR_MS / 2);
    expect(await ahead.engine.coordinator.confirm(tx.gid)).toMatchObject({ accepted: true });
    ahead.setOff(HOUR_MS);
    expect(await ahead.engine.coordinator.confirm(other.gid)).toMatchObject({ accepted: true });
  });

  test('the sweep of one that is ahead takes nothing over that is not due', async () => {
    await behind.begin(LONG_MS);
    expect(await ahead.engine.sweep.runOnce()).toBe(0);
  });
});
