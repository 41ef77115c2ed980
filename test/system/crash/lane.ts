/**
 * One database, one coordinator after the other on it, and their participants: where rounds are run, one by one.
 * Several lanes run side by side and share nothing but the database server.
 */
import { migrate, openConnection } from '../../../src/adapters/sql/data-source.ts';
import { openStore, type SqlStore } from '../../../src/adapters/sql/open-store.ts';
import { rebuild } from '../../../src/application/journal.ts';
import { patient } from '../../support/patient.ts';
import { untilLockAwaited } from '../../support/sessions.ts';
import type { SharedServer } from '../../support/servers.ts';
import { CoordinatorProcess, isErrorLine } from './coordinator-process.ts';
import { ALL_BRANCHES, LISTENER, tcc } from './forms.ts';
import { Order, type OrderParts } from './order.ts';
import { Participants } from './participants.ts';
import type { Story } from './story.ts';

/** Longer than the server lets a save wait for a lock: then the save is set aside, and its fate is never unknown. */
const COMMIT_TIMEOUT_MS = 3000;
const SHUTDOWN_TIMEOUT_MS = 60_000;
/** No transaction is to meet its deadline unless its story says so. */
const STANDARD_TIMEOUT_MS = 600_000;
/** Ten lanes that look more often would keep a processor busy. */
const LOOK_EVERY_MS = 250;
/** Bounds a hang. */
const HEARD_WITHIN_MS = 60_000;

/** What a dead process left is taken over a call and a commit time-out and a second after its last save. */
const settings = {
  TERCET_PORT: '0',
  TERCET_COMMIT_TIMEOUT_MS: String(COMMIT_TIMEOUT_MS),
  TERCET_SWEEP_INTERVAL_MS: '250',
  TERCET_RETRY_FIRST_DELAY_MS: '20',
  TERCET_RETRY_MAX_DELAY_MS: '500',
  TERCET_SHUTDOWN_TIMEOUT_MS: String(SHUTDOWN_TIMEOUT_MS),
};

export type Lane = Awaited<ReturnType<typeof openLane>>;

/** @param callTimeoutMs how long a call may be held, and after a death a part of the time until somebody goes on */
export async function openLane(server: SharedServer, callTimeoutMs: number) {
  const databaseUrl = await server.createDatabase();
  const opened: SqlStore = await openStore(databaseUrl, COMMIT_TIMEOUT_MS);
  const sql: SqlStore = { ...opened, store: patient(opened.store) };
  await migrate(sql.dataSource);
  // One connection for all these looks: the server has a limited number of them, and this many lanes.
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

    /** A coordinator on this database, which the orders of this lane ask from now on. */
    async startCoordinator(): Promise<CoordinatorProcess> {
      const coordinator = await this.startReplica();
      asked = coordinator;
      return coordinator;
    },

    /** A further one, which nobody asks unless told by `ask`. */
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

    /** @param given.coordinatorUrl whom it asks; when absent, the coordinator that this lane asks */
    place({
      form = tcc,
      refused,
      timeoutMs = STANDARD_TIMEOUT_MS,
      coordinatorUrl = () => asked?.url ?? '',
      isUnnamed = false,
    }: Pick<Story, 'form' | 'refused' | 'timeoutMs'> &
      Partial<Pick<OrderParts, 'coordinatorUrl' | 'isUnnamed'>>): Order {
      orderCount += 1;
      const given = { form, refused, timeoutMs, coordinatorUrl, isUnnamed };
      return new Order({ participants, amount: orderCount, ...given });
    },

    /** @returns the gids that did not end within the time, or whose shop was not told of the end */
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

    /** How many there are, whoever began them. */
    async transactionCount(): Promise<number> {
      const [row] = await sql.dataSource.query('SELECT COUNT(*) AS count FROM global_transaction');
      return Number(row.count);
    },

    /** Answers when the database's clock is past an instant. */
    async untilPast(instant: number): Promise<void> {
      for (;;) {
        const [row] = await sql.dataSource.query('SELECT UNIX_TIMESTAMP(UTC_TIMESTAMP(3)) * 1000 AS now');
        if (Number(row.now) > instant) return;
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      }
    },

    /** Nobody can save these transactions until the answer is called. */
    async lockRows(gids: readonly string[]): Promise<() => Promise<void>> {
      const session = await openConnection(databaseUrl, {});
      await session.query('BEGIN');
      await session.query('SELECT gid FROM global_transaction WHERE gid IN (?) FOR UPDATE', [gids]);
      return () => session.end();
    },

    /** Answers when a save stands before the lock of `lockRows`: it is begun, and cannot end. */
    untilSomeoneWaits: () => untilLockAwaited(sql.dataSource),

    /** Answers when this coordinator has heard an answer to each of its calls: to all but the first `from`. */
    async untilAllIsHeard(coordinator: CoordinatorProcess, from: number): Promise<void> {
      const endsAt = Date.now() + HEARD_WITHIN_MS;
      while (Date.now() < endsAt) {
        const heardCount = await callCountOf(coordinator);
        if (heardCount >= participants.coordinatorCallCount - from) return;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      throw new Error(`a coordinator did not hear the answers to its calls within ${HEARD_WITHIN_MS} ms`);
    },

    /** What the coordinators of this lane logged as an error or worse. */
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

/** How many calls a coordinator has heard the answers to, by its own metrics. */
async function callCountOf({ url }: CoordinatorProcess): Promise<number> {
  const scraped = await (await fetch(`${url}/metrics`)).text();
  const counts = scraped.matchAll(/^tercet_call_attempts_total\{.*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}
