/**
 * One database, one coordinator after the other on it, and their participants: where rounds run, one at a time.
 * Several systems run concurrently and share only the database server.
 */
import { migrate, openConnection } from '../../../src/adapters/sql/data-source.ts';
import { openStore, type SqlStore } from '../../../src/adapters/sql/open-store.ts';
import { rebuild } from '../../../src/application/journal.ts';
import { withReadRetries } from '../../support/read-retries.ts';
import { untilLockAwaited } from '../../support/database-sessions.ts';
import type { SharedServer } from '../../support/servers.ts';
import { CoordinatorProcess, isErrorLine } from '../../support/coordinator-process.ts';
import { ALL_BRANCHES, LISTENER, tcc } from './transaction-shapes.ts';
import { Initiator, type InitiatorParts } from './initiator.ts';
import { Participants } from './participants.ts';
import type { KillScenario } from './kill-scenario.ts';

/** Longer than the server lets a save wait for a lock: then the save is set aside, and its fate is never unknown. */
const COMMIT_TIMEOUT_MS = 3000;
const SHUTDOWN_TIMEOUT_MS = 60_000;
/** No transaction reaches its deadline unless its scenario says so. */
const STANDARD_TIMEOUT_MS = 600_000;
/** Ten systems that poll more often would keep a processor busy. */
const LOOK_EVERY_MS = 250;
/** Bounds a hang. */
const HEARD_WITHIN_MS = 60_000;

/** Work of a dead process is taken over a call timeout, a commit timeout and a second after its last save. */
const settings = {
  TERCET_PORT: '0',
  TERCET_COMMIT_TIMEOUT_MS: String(COMMIT_TIMEOUT_MS),
  TERCET_SWEEP_INTERVAL_MS: '250',
  TERCET_RETRY_FIRST_DELAY_MS: '20',
  TERCET_RETRY_MAX_DELAY_MS: '500',
  TERCET_SHUTDOWN_TIMEOUT_MS: String(SHUTDOWN_TIMEOUT_MS),
};

export type SystemUnderTest = Awaited<ReturnType<typeof openSystem>>;

/** @param callTimeoutMs how long a call may be held; also part of the time until another replica takes over */
export async function openSystem(server: SharedServer, callTimeoutMs: number) {
  const databaseUrl = await server.createDatabase();
  const opened: SqlStore = await openStore(databaseUrl, COMMIT_TIMEOUT_MS);
  const sql: SqlStore = { ...opened, store: withReadRetries(opened.store) };
  await migrate(sql.dataSource);
  // One connection for all these reads: the server has a limited number of them.
  const journal = await openConnection(databaseUrl, {});
  const durable = async (gid: string) => {
    const [rows] = await journal.query('SELECT entries FROM journal WHERE gid = ? ORDER BY seq', [gid]);
    const entries = (rows as { entries: string }[]).map((row) => ({ entries: JSON.parse(row.entries) }));
    return entries.length > 0 ? rebuild(gid, entries) : null;
  };
  const participants = new Participants({ durable });
  await participants.listen();
  for (const name of [...ALL_BRANCHES.map(({ participant }) => participant), LISTENER])
    await sql.registry.put({
      name,
      baseUrls: [participants.baseUrlOf(name)],
      paths: {},
      callTimeoutMs: null,
    });
  const processes: CoordinatorProcess[] = [];
  let asked: CoordinatorProcess | null = null;
  let orderCount = 0;

  return {
    sql,
    participants,

    /** A coordinator on this database; initiators of this system send their requests to it from now on. */
    async startCoordinator(): Promise<CoordinatorProcess> {
      const coordinator = await this.startReplica();
      asked = coordinator;
      return coordinator;
    },

    /** A further one, which gets no requests before `ask`. */
    async startReplica(): Promise<CoordinatorProcess> {
      const ours = { TERCET_DATABASE_URL: databaseUrl, TERCET_CALL_TIMEOUT_MS: String(callTimeoutMs) };
      const all = { ...settings, ...ours };
      const replica = new CoordinatorProcess(all);
      processes.push(replica);
      await replica.start();
      return replica;
    },

    ask(coordinator: CoordinatorProcess): void {
      asked = coordinator;
    },

    /** @param given.coordinatorUrl where it sends requests; when absent, to the coordinator that `startCoordinator` or `ask` set */
    place({
      shape = tcc,
      refused,
      timeoutMs = STANDARD_TIMEOUT_MS,
      coordinatorUrl = () => asked?.url ?? '',
      isUnnamed = false,
    }: Pick<KillScenario, 'shape' | 'refused' | 'timeoutMs'> &
      Partial<Pick<InitiatorParts, 'coordinatorUrl' | 'isUnnamed'>>): Initiator {
      orderCount += 1;
      const given = { shape, refused, timeoutMs, coordinatorUrl, isUnnamed };
      return new Initiator({ participants, amount: orderCount, ...given });
    },

    /** @returns the gids that did not end within the time, or whose callback was not delivered */
    async unended(gids: readonly string[], withinMs: number): Promise<readonly string[]> {
      if (gids.length === 0) return [];
      const endsAt = Date.now() + withinMs;
      for (;;) {
        const open: { gid: string }[] = await sql.dataSource.query(
          'SELECT gid FROM global_transaction WHERE (finished_at IS NULL OR wake_at IS NOT NULL) AND gid IN (?)',
          [gids],
        );
        if (open.length === 0 || Date.now() > endsAt) return open.map(({ gid }) => gid);
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      }
    },

    /** How many there are, of all initiators. */
    async transactionCount(): Promise<number> {
      const [row] = await sql.dataSource.query('SELECT COUNT(*) AS count FROM global_transaction');
      return Number(row.count);
    },

    /** Resolves when the database's clock is past an instant. */
    async untilPast(instant: number): Promise<void> {
      for (;;) {
        const [row] = await sql.dataSource.query('SELECT UNIX_TIMESTAMP(UTC_TIMESTAMP(3)) * 1000 AS now');
        if (Number(row.now) > instant) return;
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      }
    },

    /** No replica can save these transactions until the returned function is called. */
    async lockRows(gids: readonly string[]): Promise<() => Promise<void>> {
      const session = await openConnection(databaseUrl, {});
      await session.query('BEGIN');
      await session.query('SELECT gid FROM global_transaction WHERE gid IN (?) FOR UPDATE', [gids]);
      return () => session.end();
    },

    /** Resolves when a save waits for the lock of `lockRows`. */
    untilSomeoneWaits: () => untilLockAwaited(sql.dataSource),

    /** Resolves when this coordinator has received the answers to all its calls but the first `from`. */
    async untilAllIsHeard(coordinator: CoordinatorProcess, from: number): Promise<void> {
      const endsAt = Date.now() + HEARD_WITHIN_MS;
      while (Date.now() < endsAt) {
        const heardCount = await callCountOf(coordinator);
        if (heardCount >= participants.coordinatorCallCount - from) return;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      throw new Error(`a coordinator did not hear the answers to its calls within ${HEARD_WITHIN_MS} ms`);
    },

    /** What the coordinators of this system logged as an error or worse. */
    get errorLines(): readonly string[] {
      const lines = processes.flatMap(({ printed }) => printed.split('\n'));
      return lines.filter(isErrorLine);
    },

    async close(): Promise<void> {
      await Promise.all(processes.map((coordinator) => coordinator.remove()));
      await participants.close();
      await journal.end();
      await sql.close();
    },
  };
}

/** How many answers to calls a coordinator has received, by its own metrics. */
async function callCountOf({ url }: CoordinatorProcess): Promise<number> {
  const scraped = await (await fetch(`${url}/metrics`)).text();
  const counts = scraped.matchAll(/^tercet_call_attempts_total\{.*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}
