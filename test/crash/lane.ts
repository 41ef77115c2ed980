/**
 * One database, one coordinator after the other on it, and their participants: where rounds are run, one by one.
 * Several lanes run side by side and share nothing but the database server.
 */
import { migrate, openConnection } from '../../src/adapters/sql/data-source.ts';
import { openStore, type SqlStore } from '../../src/adapters/sql/open-store.ts';
import { rebuild } from '../../src/application/journal.ts';
import type { SharedServer } from '../support/servers.ts';
import { CoordinatorProcess } from './coordinator-process.ts';
import { Order } from './order.ts';
import { BRANCHES, Participants } from './participants.ts';
import type { Story } from './points.ts';

const COMMIT_TIMEOUT_MS = 700;
export const SHUTDOWN_TIMEOUT_MS = 5000;
const STANDARD_TIMEOUT_MS = 60_000;
/** Ten lanes that look more often would keep a processor busy. */
const LOOK_EVERY_MS = 250;

/**
 * A call must not time out while it is held and a busy machine brings the others to their gates. What a dead process
 * left is taken over a call and a commit time-out and a second after its last save.
 */
const settings = {
  TERCET_PORT: '0',
  TERCET_CALL_TIMEOUT_MS: '3000',
  TERCET_COMMIT_TIMEOUT_MS: String(COMMIT_TIMEOUT_MS),
  TERCET_SWEEP_INTERVAL_MS: '250',
  TERCET_RETRY_FIRST_DELAY_MS: '20',
  TERCET_RETRY_MAX_DELAY_MS: '500',
  TERCET_SHUTDOWN_TIMEOUT_MS: String(SHUTDOWN_TIMEOUT_MS),
};

export type Lane = Awaited<ReturnType<typeof openLane>>;

export async function openLane(server: SharedServer) {
  const databaseUrl = await server.createDatabase();
  const sql: SqlStore = await openStore(databaseUrl, COMMIT_TIMEOUT_MS);
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
  for (const { participant: name } of BRANCHES)
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
      const all = { ...settings, TERCET_DATABASE_URL: databaseUrl };
      const replica = new CoordinatorProcess(all);
      processes.push(replica);
      await replica.start();
      return replica;
    },

    ask(coordinator: CoordinatorProcess): void {
      asked = coordinator;
    },

    place({
      isRefused = false,
      timeoutMs = STANDARD_TIMEOUT_MS,
    }: Pick<Story, 'isRefused' | 'timeoutMs'>): Order {
      orderCount += 1;
      const coordinatorUrl = () => asked?.url ?? '';
      return new Order({ participants, coordinatorUrl, amount: orderCount, isRefused, timeoutMs });
    },

    /** @returns the gids that did not end within the time */
    async unended(gids: readonly string[], withinMs: number): Promise<readonly string[]> {
      if (gids.length === 0) return [];
      const endsAt = Date.now() + withinMs;
      for (;;) {
        const open: { gid: string }[] = await sql.dataSource.query(
          'SELECT gid FROM global_transaction WHERE finished_at IS NULL AND gid IN (?)',
          [gids],
        );
        if (open.length === 0 || Date.now() > endsAt) return open.map(({ gid }) => gid);
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
    async untilSomeoneWaits(withinMs = 10_000): Promise<void> {
      const endsAt = Date.now() + withinMs;
      while (Date.now() < endsAt) {
        // Not information_schema.innodb_trx: it is a cache, which whoever else reads it keeps from being refreshed.
        const rows: unknown[] = await sql.dataSource.query(
          `SELECT 1 FROM information_schema.processlist
           WHERE db = DATABASE() AND info LIKE 'UPDATE global_transaction SET seq%'`,
        );
        if (rows.length > 0) return;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      throw new Error(`no save stood before a lock within ${withinMs} ms`);
    },

    /** What the coordinators of this lane logged as an error or worse. */
    get errorLines(): readonly string[] {
      const lines = processes.flatMap(({ printed }) => printed.split('\n'));
      return lines.filter((line) => line !== '' && !/"level":(?:[123]\d|40)\b/.test(line));
    },

    async close(): Promise<void> {
      await Promise.all(processes.map((coordinator) => coordinator.remove()));
      await participants.close();
      await journal.end();
      await sql.close();
    },
  };
}
