/**
 * A freshly initialised SQL server takes seconds to make and is always the same, so it is made once per version, kept in
 * the cached folder, and copied for each start. The account is `root` without a password, in PostgreSQL `postgres`.
 */
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cached, cacheFolder } from './cache.ts';
import { initialisePostgres } from './initialise-postgres.ts';
import { datadirOf, mysqlBaseArgs, type Startable } from './launch.ts';
import { runToEnd } from './run-to-end.ts';
import { giveToServer } from './unprivileged.ts';

/** Fills the datadir of `folder`. */
export async function copyTemplate(server: Startable, folder: string): Promise<void> {
  const entry = `initialised-${server.name}-${server.version.replaceAll(/[^\w.+-]/g, '_')}-${process.arch}`;
  const refusal = await cached(cacheFolder(), entry, (half) => initialise(server, half));
  if (refusal !== null)
    throw new Error(`${server.name} ${server.version} could not be initialised: ${refusal}`);
  cpSync(join(cacheFolder(), entry), folder, { recursive: true });
  if (server.name !== 'postgres') return;
  // It refuses a datadir that is not its own, or that others may read.
  chmodSync(datadirOf(folder), 0o700);
  giveToServer(folder);
}

const initialise = (server: Startable, folder: string): Promise<string | null> =>
  server.name === 'postgres' ? initialisePostgres(server, folder) : initialiseMysql(server, folder);

async function initialiseMysql(server: Startable, folder: string): Promise<string | null> {
  mkdirSync(datadirOf(folder), { mode: 0o750 });
  const base = mysqlBaseArgs(server, folder);
  const outcome =
    server.name === 'mysql'
      ? await runToEnd([...server.command, ...base, '--initialize-insecure'])
      : await runToEnd([...server.command, ...base, ...bootstrapArgs], { input: bootstrapSql(server) });
  // A server writes its own id here, and two copies would share it.
  rmSync(join(datadirOf(folder), 'auto.cnf'), { force: true });
  return outcome;
}

// What mariadb-install-db does, which as a shell script looks for its parts where they would have been installed.
const bootstrapArgs = ['--bootstrap', '--skip-log-bin', '--skip-networking', '--max-allowed-packet=8M'];

function bootstrapSql(server: Startable): string {
  const prefix =
    server.root === null ? dirname(dirname(server.command.at(-1) ?? '')) : join(server.root, 'usr');
  const folders = ['share/mariadb', 'share/mysql'].map((share) => join(prefix, share));
  const parts = bootstrapParts.map((names) => {
    const path = folders.flatMap((folder) => names.map((name) => join(folder, name))).find(existsSync);
    if (path === undefined) throw new Error(`no ${names.join(' or ')} in ${folders.join(' or ')}`);
    return readFileSync(path, 'utf8');
  });
  return ['CREATE DATABASE mysql;', 'USE mysql;', 'SET @auth_root_socket=NULL;', ...parts].join('\n');
}

// They were renamed with MariaDB 11.
const bootstrapParts = ['system_tables', 'performance_tables', 'system_tables_data'].map((part) => [
  `mariadb_${part}.sql`,
  `mysql_${part}.sql`,
]);
