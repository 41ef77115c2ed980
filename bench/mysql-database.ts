/**
 * A real MySQL or MariaDB with full durability: one that is started for the run, or one that runs already, in which the
 * run makes a database of its own and drops it in the end.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { createDatabase } from '../scripts/servers/database.ts';
import { obtainServer } from '../scripts/servers/obtain.ts';
import { startServer } from '../scripts/servers/run.ts';
import { openConnection } from '../src/adapters/sql/data-source.ts';
import { migrateBy } from './checkout.ts';
import {
  COUNT_JOURNAL,
  COUNT_TRANSACTIONS,
  type DatabaseServer,
  gidsOf,
  type Span,
  type Tally,
} from './database.ts';
import type { Options } from './options.ts';

export async function openMysql(options: Options, opened: AsyncDisposableStack): Promise<DatabaseServer> {
  const server = await serverOf(options);
  opened.defer(() => server.stop());
  const connection = await connectTo(server.url, opened);
  const isForeign = server.pid === null;
  const backgroundPerMs = isForeign ? await commitsPerMs(connection) : 0;
  const startedAt = performance.now();
  const counters = async () => {
    const status = await statusOf(connection);
    const background = backgroundPerMs * (performance.now() - startedAt);
    return {
      commits: (status.get('com_commit') ?? 0) - background,
      logSyncs: status.get('innodb_os_log_fsyncs') ?? null,
    };
  };
  return {
    title: `${/mariadb/i.test(server.version) ? 'MariaDB' : 'MySQL'} ${server.version}`,
    async createFor(checkout) {
      const url = await createDatabase(server);
      if (isForeign) opened.defer(() => drop(connection, url));
      await migrateBy(checkout, url);
      const inside = await connectTo(url, opened);
      return { url, pid: server.pid, coordinatorFlags: [], counters, tally: (spans) => tally(inside, spans) };
    },
  };
}

async function connectTo(uri: string, opened: AsyncDisposableStack): Promise<Connection> {
  const connection = await openConnection(uri, {});
  // The server may be stopped while this is open.
  connection.on('error', () => {});
  opened.defer(() => connection.destroy());
  return connection;
}

async function tally(connection: Connection, spans: readonly Span[]): Promise<Tally> {
  const ask = async <Row>(sql: string, values: string[] = []): Promise<Row> =>
    (await connection.query<(Row & RowDataPacket)[]>(sql, values))[0][0] as Row;
  const counted = await ask<{ transactionCount: number; confirmedCount: string }>(COUNT_TRANSACTIONS);
  const journalRowCounts: number[] = [];
  for (const span of spans)
    journalRowCounts.push((await ask<{ rowCount: number }>(COUNT_JOURNAL, gidsOf(span))).rowCount);
  const { transactionCount } = counted;
  return { transactionCount, confirmedCount: Number(counted.confirmedCount), journalRowCounts };
}

async function serverOf({ database, databaseUrl: url }: Options) {
  if (database === 'sqlite') throw new Error('SQLite is no server');
  if (url !== null) return await startServer({ from: 'environment', name: 'mysql', url });
  return await startServer(await obtainServer(database, { own: true }));
}

async function drop(connection: Connection, url: string): Promise<void> {
  await connection.query(`DROP DATABASE ${new URL(url).pathname.slice(1)}`);
}

/** What others commit on a server that is not ours alone, as far as a look at it can tell. */
async function commitsPerMs(connection: Connection): Promise<number> {
  const lookMs = 1000;
  const before = (await statusOf(connection)).get('com_commit') ?? 0;
  await sleep(lookMs);
  return (((await statusOf(connection)).get('com_commit') ?? 0) - before) / lookMs;
}

async function statusOf(connection: Connection): Promise<Map<string, number>> {
  const [rows] = await connection.query<RowDataPacket[]>(
    "SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_commit', 'Innodb_os_log_fsyncs')",
  );
  return new Map(rows.map((row) => [String(row.Variable_name).toLowerCase(), Number(row.Value)]));
}
