/**
 * A rolling upgrade under load, and the way back: replicas of the commit in `previous` and of this checkout run next to each other on
 * one MySQL, over a migration. A thousand transactions and more are in flight over each switch, some of them parked by a replica of
 * the commit in `previous`.
 *
 * What must hold: nothing is lost, contradicted or decided twice (I1, I2, I6, I8), whichever version drives it; both versions decide
 * some; projections equal what the journal rebuilds to (I12). What the old version parked ends without an operator.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openStore, type SqlStore } from '../../../src/adapters/sql/open-store.ts';
import { eventsView } from '../../../src/api/events-view.ts';
import { rebuild } from '../../../src/application/journal.ts';
import { type Checkout, CoordinatorProcess } from '../../support/coordinator-process.ts';
import { describeOn } from '../../support/servers.ts';
import { until } from '../../support/until.ts';
import { LoadBalancedClient, type View } from './load-balanced-client.ts';
import { FAIL, Participant, REFUSE } from './participant.ts';
import { previousCheckout } from './previous-checkout.ts';

const run = promisify(execFile);
const current: Checkout = { folder: join(import.meta.dirname, '../../..'), flags: [] };

const HELD_COUNT = 1000;
const PARKED_COUNT = 20;
const CONCURRENCY = 24;
/** Longer than the client's probes take on a slow machine, so that it has left before the listener closes. */
const DRAIN_MS = 3000;
/** Bounds a hang. */
const LIMIT_MS = 1_800_000;

/** Runs `act` for each, so many at a time. */
async function forEach<T>(all: readonly T[], act: (one: T, index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < all.length; index = next++) await act(all[index] as T, index);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

describeOn(['mysql'], 'a rolling upgrade and the way back', (server) => {
  const participant = new Participant();
  const client = new LoadBalancedClient();
  const replicas: CoordinatorProcess[] = [];
  /** The writers of each version's journal rows. */
  const writers = { previous: new Set<string>(), current: new Set<string>() };
  let settings: Record<string, string>;
  let previous: Checkout;
  let sql: SqlStore;
  let isOver = false;

  beforeAll(async () => {
    const databaseUrl = await server.createDatabase();
    previous = { folder: (await previousCheckout()).folder, flags: [] };
    settings = {
      TERCET_PORT: '0',
      TERCET_DATABASE_URL: databaseUrl,
      TERCET_DRAIN_MS: String(DRAIN_MS),
      TERCET_SHUTDOWN_TIMEOUT_MS: '60000',
      TERCET_COMMIT_TIMEOUT_MS: '60000',
      TERCET_SWEEP_INTERVAL_MS: '500',
      TERCET_LOG_LEVEL: 'info',
    };
    await migrateBy(previous);
    sql = await openStore(databaseUrl, 60_000);
  }, LIMIT_MS);
  afterAll(async () => {
    isOver = true;
    await client.stop();
    for (const replica of replicas) await replica.remove();
    await participant.stop();
    await sql.close();
  });

  const migrateBy = async ({ folder, flags }: Checkout): Promise<string> => {
    const program = [...flags, join(folder, 'src/migrate.ts')];
    const { stdout } = await run(process.execPath, program, { env: { ...settings, PATH: process.env.PATH } });
    return stdout;
  };

  async function startReplica(version: 'previous' | 'current'): Promise<CoordinatorProcess> {
    const known = new Set((await heartbeats()).map(({ id }) => id));
    const replica = new CoordinatorProcess(settings, version === 'previous' ? previous : current);
    replicas.push(replica);
    await replica.start();
    for (const { id } of await heartbeats()) if (!known.has(id)) writers[version].add(id);
    client.add(replica);
    return replica;
  }

  const heartbeats = (): Promise<{ id: string }[]> => sql.dataSource.query('SELECT id FROM replica');

  async function stopReplica(replica: CoordinatorProcess): Promise<void> {
    const ended = replica.end('SIGTERM');
    await client.untilLeft(replica);
    expect((await ended).code).toBe(0);
  }

  /** Interactive transactions, tried and not decided: what is in flight over a switch. */
  async function hold(): Promise<string[]> {
    const gids: string[] = [];
    await forEach(Array.from({ length: HELD_COUNT }), async () => {
      const begun = await client.send('POST', '/v1/transactions', { timeoutMs: 3_600_000 });
      const { gid } = (await begun.json()) as View;
      await client.send('POST', `/v1/transactions/${gid}/branches`, branch('a'));
      participant.call(`${gid}/a`, 'try');
      gids.push(gid);
    });
    return gids;
  }

  /** Every third is cancelled. */
  const opOf = (index: number) => (index % 3 === 0 ? 'cancel' : 'confirm');

  /** Transactions whose confirm fails until the old version has parked them. */
  async function park(): Promise<string[]> {
    participant.isFailing = true;
    const gids: string[] = [];
    await forEach(Array.from({ length: PARKED_COUNT }), async () => {
      // In calls, as the old version takes it.
      const retry = { firstDelayMs: 1, maxDelayMs: 5, budget: 2 };
      const branches = [branch('a'), branch('b', { [FAIL]: true })];
      const begun = await client.send('POST', '/v1/transactions', { branches, retry });
      gids.push(((await begun.json()) as View).gid);
    });
    await until('the old version has parked them', async () => (await parkedCount()) === PARKED_COUNT);
    return gids;
  }

  const parkedCount = () => countOf('parked_at IS NOT NULL');

  async function decide(gids: readonly string[]): Promise<void> {
    await forEach(gids, async (gid, index) => {
      const answer = await client.send('POST', `/v1/transactions/${gid}/${opOf(index)}`);
      expect([200, 202]).toContain(answer.status);
    });
  }

  /** Declared transactions, one after the other, until the test is over: their gids by Idempotency-Key. */
  async function traffic(worker: number, ended: Map<string, string>): Promise<void> {
    for (let index = 0; !isOver; index += 1) {
      const key = `order-${worker}-${index}`;
      const body = { branches: [branch('a'), branch('b', index % 5 === 0 ? { [REFUSE]: true } : {})] };
      const headers = { 'idempotency-key': key, prefer: 'wait=30' };
      const answer = await client.send('POST', '/v1/transactions', body, headers);
      ended.set(key, ((await answer.json()) as View).gid);
    }
  }

  const branch = (branchId: string, payload = {}) => ({
    branchId,
    participant: 'stock',
    activity: 'reserve',
    payload,
  });

  test(
    'lose and contradict nothing, and each version decides some',
    async () => {
      const baseUrl = await participant.start();
      const [oldOne, oldTwo] = [await startReplica('previous'), await startReplica('previous')];
      await client.send('PUT', '/v1/participants/stock', { baseUrl });
      const byKey = new Map<string, string>();
      const loads = Array.from({ length: 8 }, (_, worker) => traffic(worker, byKey));

      // The upgrade: the migration, then one replica after the other.
      const held = await hold();
      const parked = await park();
      expect(await migrateBy(current)).toMatch(/ran BudgetsInTimeExpandOnly/);
      const newOne = await startReplica('current');
      await decide(held.slice(0, 300));
      await stopReplica(oldOne);
      const newTwo = await startReplica('current');
      await decide(held.slice(300, 600));
      await stopReplica(oldTwo);
      await decide(held.slice(600));
      participant.isFailing = false;
      await until('what was parked has ended', async () => (await parkedCount()) === 0);

      // The way back, over rows of the new version.
      const heldAgain = await hold();
      const oldThree = await startReplica('previous');
      await decide(heldAgain.slice(0, 300));
      await stopReplica(newOne);
      const oldFour = await startReplica('previous');
      await decide(heldAgain.slice(300, 600));
      await stopReplica(newTwo);
      await decide(heldAgain.slice(600));
      isOver = true;
      await Promise.all(loads);

      const gids = [...held, ...heldAgain, ...parked, ...byKey.values()];
      await until('nothing is owed', async () => (await owedCount()) === 0);
      expect(participant.violations).toEqual([]);
      expect(client.unanswered).toEqual([]);
      await expectEnds([...held, ...heldAgain]);
      await forEach(gids, expectWhole);
      await expectDecidedByBoth();
      for (const replica of [oldThree, oldFour]) await stopReplica(replica);
      process.stdout.write(
        `rolling upgrade: ${gids.length} transactions, ${byKey.size} of them by traffic\n`,
      );
    },
    LIMIT_MS,
  );

  const owedCount = () => countOf('wake_at IS NOT NULL');

  async function countOf(condition: string): Promise<number> {
    const [{ count }]: [{ count: string }] = await sql.dataSource.query(
      `SELECT COUNT(*) AS count FROM global_transaction WHERE ${condition}`,
    );
    return Number(count);
  }

  /** @param gids of held transactions, both thousands in their order */
  async function expectEnds(gids: readonly string[]): Promise<void> {
    const slices = [0, 300, 600].flatMap((from) => [from, HELD_COUNT + from]);
    await forEach(gids, async (gid, index) => {
      const from = Math.max(...slices.filter((start) => start <= index));
      const loaded = await sql.store.load(gid);
      expect(loaded?.tx.status).toBe(opOf(index - from) === 'cancel' ? 'cancelled' : 'confirmed');
    });
  }

  /** The participant agrees with the status, and the journal with the projections. */
  async function expectWhole(gid: string): Promise<void> {
    const [loaded, rows] = [await sql.store.load(gid), await sql.store.journalOf(gid)];
    if (loaded === null) throw new Error(`${gid} is lost`);
    const { tx } = loaded;
    const states = tx.branches.map(({ branchId }) => participant.stateOf(`${gid}/${branchId}`));
    if (tx.status === 'confirmed') expect(new Set(states)).toEqual(new Set(['confirmed']));
    else
      expect([tx.status, states.includes('confirmed'), states.includes('reserved')]).toEqual([
        'cancelled',
        false,
        false,
      ]);
    const withoutPayloads = tx.branches.map((one) => ({ ...one, payload: '' }));
    expect(rebuild(gid, rows)).toEqual({ ...tx, branches: withoutPayloads });
    expect(eventsView(rows).events).toHaveLength(rows.length);
  }

  async function expectDecidedByBoth(): Promise<void> {
    const rows: { writer: string; count: string }[] = await sql.dataSource.query(
      `SELECT writer, COUNT(*) AS count FROM journal WHERE INSTR(entries, '"decision":{') > 0 GROUP BY writer`,
    );
    const countBy = (version: 'previous' | 'current') =>
      rows
        .filter(({ writer }) => writers[version].has(writer))
        .reduce((sum, { count }) => sum + Number(count), 0);
    expect(countBy('previous')).toBeGreaterThan(0);
    expect(countBy('current')).toBeGreaterThan(0);
  }
});
