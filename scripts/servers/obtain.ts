/**
 * Where a real server for tests and benchmarks comes from, first found first taken:
 *
 * 1. one that runs already, named by the environment (TERCET_TEST_MYSQL_URL and so on);
 * 2. a binary on PATH, or where Debian installs it, that is new enough;
 * 3. the cached folder (`.cache/servers`, or TERCET_SERVER_CACHE);
 * 4. fetched into the cached folder from the Debian mirror that this machine uses.
 *
 * Nothing is installed, and a server that cannot be had is a value with a reason, not an error.
 * As a script: `node scripts/servers/obtain.ts mysql mariadb redis postgres prometheus`.
 */
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { cached, cacheFolder } from './cache.ts';
import { fetchServer } from './fetch.ts';
import { type ServerName, serverNames, servers } from './servers.ts';
import { obstacle } from './unprivileged.ts';
import { askVersion, isAtLeast } from './versions.ts';

/** `command` is the binary and what must stand before it; `root` is the folder it was unpacked to, null on PATH. */
export type Obtained =
  | { readonly from: 'environment'; readonly name: ServerName; readonly url: string }
  | {
      readonly from: 'path' | 'cache';
      readonly name: ServerName;
      readonly version: string;
      readonly command: readonly string[];
      readonly root: string | null;
    }
  | { readonly from: 'nowhere'; readonly name: ServerName; readonly reason: string };

/** @param own true leaves out a server that somebody else runs, for tests that stop and kill what they use */
export async function obtainServer(
  name: ServerName,
  { own = false, env = process.env }: { own?: boolean; env?: NodeJS.ProcessEnv } = {},
): Promise<Obtained> {
  const { variable } = servers[name];
  const url = variable === undefined ? undefined : env[variable];
  if (!own && url !== undefined && url !== '') return { from: 'environment', name, url };
  const refusal = servers[name].refusesRoot === true ? await obstacle() : null;
  if (refusal !== null)
    return nowhere(name, `it refuses to run as root, and another user cannot be had here: ${refusal}`);
  return (await onPath(name, env)) ?? (await inCache(name, env));
}

async function onPath(name: ServerName, env: NodeJS.ProcessEnv): Promise<Obtained | null> {
  // Servers lie in sbin, which only root has on PATH, or in folders that nobody has there.
  const elsewhere = ['/usr/local/sbin', '/usr/sbin', ...versionedFolders('/', name)];
  const folders = [...(env.PATH ?? '').split(delimiter), ...(env.PATH ? elsewhere : [])];
  for (const binary of servers[name].binaries) {
    for (const path of folders.map((folder) => join(folder, binary))) {
      if (!isFile(path) || !hasCompanion(path, name)) continue;
      const found = await asked(name, 'path', [path], null);
      if (found !== null) return found;
    }
  }
  return null;
}

async function inCache(name: ServerName, env: NodeJS.ProcessEnv): Promise<Obtained> {
  const cache = cacheFolder(env);
  // A checkout may be shared by machines of two kinds.
  const entry = `${name}-${process.platform}-${process.arch}`;
  const refusal = await cached(cache, entry, async (folder) => {
    const fetched = await fetchServer(servers[name], folder);
    return fetched.fetched ? null : fetched.reason;
  });
  if (refusal !== null) return nowhere(name, refusal);
  const root = join(cache, entry, 'root');
  const command = commandIn(root, name);
  const found = command === null ? null : await asked(name, 'cache', command, root);
  return found ?? nowhere(name, `what lies in ${root} does not run; delete it to fetch it again`);
}

/** Run by the loader that came with it, an unpacked binary needs nothing of the system's own libraries. */
export function commandIn(root: string, name: ServerName): string[] | null {
  const folders = ['usr/lib', 'lib'].flatMap((lib) =>
    names(join(root, lib))
      .filter((name) => /-linux-gnu/.test(name))
      .map((triplet) => join(root, lib, triplet)),
  );
  const loader = [...folders, join(root, 'usr/lib'), join(root, 'lib')]
    .flatMap((folder) => names(folder).map((name) => join(folder, name)))
    .find((path) => /\/ld-linux[^/]*\.so\.\d+$/.test(path) && isFile(path));
  const binaryFolders = [join(root, 'usr/sbin'), join(root, 'usr/bin'), ...versionedFolders(root, name)];
  const binary = servers[name].binaries
    .flatMap((binary) => binaryFolders.map((folder) => join(folder, binary)))
    .find((path) => isFile(path) && hasCompanion(path, name));
  if (loader === undefined || binary === undefined) return null;
  return [loader, '--library-path', folders.join(':'), binary];
}

/** Where Debian keeps the major versions of a server apart, the newest first. */
function versionedFolders(root: string, name: ServerName): string[] {
  const { versionsFolder } = servers[name];
  if (versionsFolder === undefined) return [];
  const path = join(root, versionsFolder);
  const versions = names(path).sort((one, other) => Number(other) - Number(one));
  return versions.map((version) => join(path, version, 'bin'));
}

/** On PATH may stand a link to it alone. */
function hasCompanion(path: string, name: ServerName): boolean {
  const { companion } = servers[name];
  return companion === undefined || isFile(join(dirname(realpathSync(path)), companion));
}

/** Null when it does not run, is older than needed, or is another server under this name. */
async function asked(
  name: ServerName,
  from: 'path' | 'cache',
  command: readonly string[],
  root: string | null,
): Promise<Obtained | null> {
  const spoken = await askVersion(command);
  if (spoken?.name !== name || !isAtLeast(spoken.version, servers[name].minimumVersion)) return null;
  return { from, name, version: spoken.version, command, root };
}

const nowhere = (name: ServerName, reason: string): Obtained => ({ from: 'nowhere', name, reason });

/** A folder of PATH may be closed to this user. */
function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

const names = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

if (import.meta.main) {
  const unknown = process.argv.slice(2).filter((name) => !serverNames.includes(name as ServerName));
  if (unknown.length > 0)
    throw new Error(`no such server: ${unknown.join(', ')}; known: ${serverNames.join(', ')}`);
  const wanted = process.argv.length > 2 ? (process.argv.slice(2) as ServerName[]) : serverNames;
  const obtained = await Promise.all(wanted.map((name) => obtainServer(name)));
  for (const found of obtained) process.stderr.write(`${describe(found)}\n`);
  if (obtained.some(({ from }) => from === 'nowhere')) process.exitCode = 1;
}

function describe(found: Obtained): string {
  if (found.from === 'nowhere') return `${found.name}: ${found.reason}`;
  if (found.from === 'environment')
    return `${found.name}: runs already, named by ${servers[found.name].variable}`;
  return `${found.name} ${found.version}: ${found.command.at(-1)}`;
}
