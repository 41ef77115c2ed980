/** Makes the folder from which PostgreSQL starts, by the initdb that came with it. */
import { mkdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { datadirOf, type Startable } from './launch.ts';
import { runToEnd } from './run-to-end.ts';
import { giveToServer, unprivileged } from './unprivileged.ts';

/** Fills the datadir of `folder`; a string is the reason why it could not. */
export async function initialisePostgres(server: Startable, folder: string): Promise<string | null> {
  const programs = join(folder, 'bin');
  const initdb =
    server.root === null ? installedInitdb(server) : unpackedInitdb(server, server.root, programs);
  const settings = ['--username=postgres', '--auth=trust', '--locale=C', '--encoding=UTF8'];
  giveToServer(folder);
  const command = unprivileged([...initdb, `--pgdata=${datadirOf(folder)}`, ...settings], server, folder);
  // initdb writes down the zone in which it runs, and only this one needs no tzdata. Its complaints are read by people here.
  const refusal = await runToEnd(command, { env: { ...process.env, TZ: 'GMT', LC_ALL: 'C' } });
  rmSync(programs, { recursive: true, force: true });
  if (refusal !== null) return refusal;
  // Any account without a password, from this machine, over this one address.
  writeFileSync(join(datadirOf(folder), 'pg_hba.conf'), 'host all all 127.0.0.1/32 trust\n');
  return null;
}

const installedInitdb = (server: Startable): string[] => [join(dirname(binaryOf(server)), 'initdb')];

/**
 * initdb calls the `postgres` that lies beside it, and an unpacked one runs only by its own loader. So initdb is made to
 * believe that it lies in a folder of scripts which do that.
 */
function unpackedInitdb(server: Startable, root: string, programs: string): string[] {
  const postgres = binaryOf(server);
  const [loader = '', ...loading] = server.command.slice(0, -1);
  const initdb = join(programs, 'initdb');
  mkdirSync(programs);
  writeScript(join(programs, 'postgres'), [loader, ...loading, postgres]);
  writeScript(initdb, [loader, '--argv0', initdb, ...loading, join(dirname(postgres), 'initdb')]);
  const version = basename(dirname(dirname(postgres)));
  return [initdb, '-L', join(root, 'usr/share/postgresql', version)];
}

const binaryOf = (server: Startable): string => realpathSync(server.command.at(-1) ?? '');

const writeScript = (path: string, command: readonly string[]): void =>
  writeFileSync(path, `#!/bin/sh\nexec ${command.map(quoted).join(' ')} "$@"\n`, { mode: 0o755 });

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
