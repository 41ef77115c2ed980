/** What a server says of its own version, and whether that is new enough. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ServerName } from './servers.ts';

/** What `--version` printed, read: which server it really is, and its full version. */
export type Spoken = { readonly name: ServerName; readonly version: string };

/** Null for anything that is none of them. */
export function readVersion(text: string): Spoken | null {
  const redis = /^Redis server v=(\S+)/m.exec(text)?.[1];
  if (redis !== undefined) return { name: 'redis', version: redis };
  const postgres = /^postgres \(PostgreSQL\) (\d\S*)/m.exec(text)?.[1];
  if (postgres !== undefined) return { name: 'postgres', version: postgres };
  const prometheus = /^prometheus, version (\d\S*)/m.exec(text)?.[1];
  if (prometheus !== undefined) return { name: 'prometheus', version: prometheus };
  const version = /\bVer (\d\S*)/.exec(text)?.[1];
  if (version === undefined) return null;
  // A `mysqld` of MariaDB says so in its version only.
  return { name: /mariadb/i.test(text) ? 'mariadb' : 'mysql', version };
}

/** Compares the leading numbers; a Debian epoch (`1:10.11`) does not count. */
export function isAtLeast(version: string, minimum: string): boolean {
  const have = numbersOf(version);
  for (const [index, wanted] of numbersOf(minimum).entries()) {
    const found = have[index] ?? 0;
    if (found !== wanted) return found > wanted;
  }
  return true;
}

/** Runs a server's command with `--version`; null when it does not run here at all. */
export async function askVersion(command: readonly string[]): Promise<Spoken | null> {
  const [file, ...args] = command;
  if (file === undefined) return null;
  try {
    const { stdout } = await promisify(execFile)(file, [...args, '--version'], { timeout: 20_000 });
    return readVersion(stdout);
  } catch {
    return null;
  }
}

const numbersOf = (version: string): number[] =>
  (/^(?:\d+:)?(\d+(?:\.\d+)*)/.exec(version)?.[1] ?? '0').split('.').map(Number);
