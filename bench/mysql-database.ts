/**
 * A real MySQL or MariaDB with full durability: one that is started for the run, or one that runs already, in which the
 * run makes a database of its own and drops it in the end.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { createDatabase } from '../scripts/servers/database.ts';
import { obtainServer } from '../scripts/servers/obtain.ts';
import { startServer } from '../scripts/servers/run.ts';
import { migrate, openDataSource } from '../src/adapters/sql/data-source.ts';
import { type BenchDatabase, COUNT_JOURNAL, COUNT_TRANSACTIONS, gidsOf } from './database.ts';
import type { Options } from './options.ts';

export async function openMysql(options: Options, opened: AsyncDisposableStack): Promise<BenchDatabase> {
  const server = await serverOf(options);
  opened.defer(() => server.stop());
  const url = await createDatabase(server);
  const connection = await createConnection({ uri: url });
  // The server may be stopped while this is open.
  connection.on('error', () => {});
  opened.defer(() => connection.destroy());
  if (server.pid === null) opened.defer(() => drop(connection, url));
  await bringUpToDate(url);
  const backgroundPerMs = server.pid === null ? await commitsPerMs(connection) : 0;
  const startedAt = performance.now();
  return {
    title: `${/mariadb/i.test(server.version) ? 'MariaDB' : 'MySQL'} ${server.version}`,
    ...{ url, pid: server.pid, coordinatorFlags: [] },
    async counters() {
      const status = await statusOf(connection);
      const background = backgroundPerMs * (performance.now() - startedAt);
      return {
        commits: (status.get('com_commit') ?? 0) - background,
        logSyncs: status.get('innodb_os_log_fsyncs') ?? null,
      };
    },
    async tally(spans) {
      const ask = async <Row>(sql: string, values: string[] = []): Promise<Row> =>
        (await connection.query<(Row & RowDataPacket)[]>(sql, values))[0][0] as Row;
      const counted = await ask<{ transactionCount: number; confirmedCount: string }>(COUNT_TRANSACTIONS);
      const journalRowCounts: number[] = [];
      for (const span of spans)
        journalRowCounts.push((await ask<{ rowCount: number }>(COUNT_JOURNAL, gidsOf(span))).rowCount);
      const { transactionCount } = counted;
      return { transactionCount, confirmedCount: Number(counted.confirmedCount), journalRowCounts };
    },
  };
}

async function serverOf({ database, databaseUrl: url }: Options) {
  if (database === 'sqlite') throw new Error('SQLite is no server');
  if (url !== null) return await startServer({ from: 'environment', name: 'mysql', url });
  return await startServer(await obtainServer(database, { own: true }));
}

async function bringUpToDate(url: string): Promise<void> {
  const dataSource = await openDataSource(url);
  await migrate(dataSource);
  await dataSource.destroy();
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
