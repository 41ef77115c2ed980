/** The command line of each server: private folder, loopback only, and nothing weaker than its durable settings. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Obtained } from './obtain.ts';
import { unprivileged } from './unprivileged.ts';

/** Test files share a server, and each of them may have dozens of pools; the defaults are 100 to 151. */
const MAX_CONNECTIONS = 500;

/** A server that can be started here. */
export type Startable = Extract<Obtained, { from: 'path' | 'cache' }>;

export type Launch = { readonly folder: string; readonly port: number; readonly flags: readonly string[] };

export function launchCommand(server: Startable, { folder, port, flags }: Launch): string[] {
  const { name, command } = server;
  if (name === 'redis') return [...command, ...redisArgs(folder, port), ...flags];
  if (name === 'prometheus') return [...command, ...prometheusArgs(folder, port), ...flags];
  if (name === 'postgres')
    return unprivileged([...command, ...postgresArgs(folder, port), ...flags], server, folder);
  return [...command, ...mysqlArgs(server, folder, port), ...flags];
}

export const datadirOf = (folder: string): string => join(folder, 'datadir');

/** What every call of MySQL or MariaDB needs, also the one that initialises its folder. */
export function mysqlBaseArgs(server: Startable, folder: string): string[] {
  return [
    // It must come first: the machine's own configuration is not ours.
    '--no-defaults',
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
    `--datadir=${datadirOf(folder)}`,
    // As it starts, MariaDB deletes the temporary tables in there, which may be another server's.
    `--tmpdir=${folder}`,
    ...(server.root === null ? [] : unpackedArgs(server, server.root)),
  ];
}

// An unpacked server looks for its messages and character sets where it would have been installed.
function unpackedArgs({ name }: Startable, root: string): string[] {
  const share = join(root, 'usr/share', name);
  const folder = existsSync(share) ? share : join(root, 'usr/share/mysql');
  return [
    `--basedir=${join(root, 'usr')}`,
    `--lc-messages-dir=${folder}`,
    `--character-sets-dir=${join(folder, 'charsets')}`,
  ];
}

const mysqlArgs = (server: Startable, folder: string, port: number): string[] => [
  ...mysqlBaseArgs(server, folder),
  '--bind-address=127.0.0.1',
  `--port=${port}`,
  `--socket=${join(folder, 's')}`,
  `--pid-file=${join(folder, 'server.pid')}`,
  ...(server.name === 'mysql' ? ['--mysqlx=OFF', '--secure-file-priv=NULL'] : []),
  '--innodb-flush-log-at-trx-commit=1',
  '--sync-binlog=1',
  '--log-bin=binlog',
  '--server-id=1',
  `--max-connections=${MAX_CONNECTIONS}`,
];

/** Its durable settings are its defaults; the last of two equal ones counts, so `flags` can change them. */
const postgresArgs = (folder: string, port: number): string[] => [
  ...['-D', datadirOf(folder)],
  ...['-c', 'listen_addresses=127.0.0.1', '-c', `port=${port}`, '-c', 'unix_socket_directories='],
  ...['-c', `max_connections=${MAX_CONNECTIONS}`],
];

const redisArgs = (folder: string, port: number): string[] => [
  ...['--bind', '127.0.0.1', '--port', String(port)],
  ...['--dir', folder, '--daemonize', 'no', '--save', ''],
];

/** Its configuration is the caller's: `--config.file=PATH` among the flags. */
const prometheusArgs = (folder: string, port: number): string[] => [
  `--web.listen-address=127.0.0.1:${port}`,
  `--storage.tsdb.path=${datadirOf(folder)}`,
];
