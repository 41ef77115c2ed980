/** The command line of each server: private folder, loopback only, and nothing weaker than its durable settings. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Obtained } from './obtain.ts';

/** A server that can be started here. */
export type Startable = Extract<Obtained, { from: 'path' | 'cache' }>;

export type Launch = { readonly folder: string; readonly port: number; readonly flags: readonly string[] };

export function launchCommand(server: Startable, { folder, port, flags }: Launch): string[] {
  const args = server.name === 'redis' ? redisArgs(folder, port) : sqlArgs(server, folder, port);
  return [...server.command, ...args, ...flags];
}

export const datadirOf = (folder: string): string => join(folder, 'datadir');

/** What every call of a SQL server needs, also the one that initialises its folder. */
export function sqlBaseArgs(server: Startable, folder: string): string[] {
  return [
    // It must come first: the machine's own configuration is not ours.
    '--no-defaults',
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
    `--datadir=${datadirOf(folder)}`,
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

const sqlArgs = (server: Startable, folder: string, port: number): string[] => [
  ...sqlBaseArgs(server, folder),
  '--bind-address=127.0.0.1',
  `--port=${port}`,
  `--socket=${join(folder, 's')}`,
  `--pid-file=${join(folder, 'server.pid')}`,
  ...(server.name === 'mysql' ? ['--mysqlx=OFF', '--secure-file-priv=NULL'] : []),
  '--innodb-flush-log-at-trx-commit=1',
  '--sync-binlog=1',
  '--log-bin=binlog',
  '--server-id=1',
];

const redisArgs = (folder: string, port: number): string[] => [
  ...['--bind', '127.0.0.1', '--port', String(port)],
  ...['--dir', folder, '--daemonize', 'no', '--save', ''],
];
