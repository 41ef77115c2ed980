/** SQLite in a temporary file. The coordinator holds the file alone, so what SQLite commits is counted inside of it. */
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { watchedFolder } from '../scripts/servers/watched-folder.ts';
import {
  type BenchDatabase,
  COUNT_JOURNAL,
  COUNT_TRANSACTIONS,
  type DatabaseServer,
  gidsOf,
} from './database.ts';

export async function openSqlite(opened: AsyncDisposableStack): Promise<DatabaseServer> {
  const folder = watchedFolder('bench');
  opened.defer(() => folder.remove());
  let fileCount = 0;
  return {
    title: `SQLite ${versionOf()}`,
    // A coordinator brings its file up to date by itself.
    async createFor() {
      fileCount += 1;
      return databaseIn(join(folder.path, `bench-${fileCount}.sqlite`));
    },
  };
}

function databaseIn(file: string): BenchDatabase {
  const counting = new URL('sqlite-commits.ts', import.meta.url).href;
  return {
    url: `sqlite:${file}`,
    pid: null,
    coordinatorFlags: ['--import', counting],
    async counters(coordinator) {
      const { commits } = await coordinator.ask<{ commits: number }>({ count: 'commits' });
      return { commits, logSyncs: null };
    },
    async tally(spans) {
      using database = disposable(new SQLite(file, { readonly: true }));
      const counted = database.prepare(COUNT_TRANSACTIONS).get() as Counted;
      return {
        ...counted,
        journalRowCounts: spans.map((span) => {
          const countRows = database.prepare<[string, string], { rowCount: number }>(COUNT_JOURNAL);
          return countRows.get(...gidsOf(span))?.rowCount ?? 0;
        }),
      };
    },
  };
}

type Counted = { transactionCount: number; confirmedCount: number };

const disposable = (database: SQLite.Database) =>
  Object.assign(database, { [Symbol.dispose]: () => void database.close() });

function versionOf(): string {
  using database = disposable(new SQLite(':memory:'));
  return String(database.prepare('SELECT sqlite_version()').pluck().get());
}
