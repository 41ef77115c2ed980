/**
 * Fetches a server from the Debian mirror that this machine already uses, into one folder, without installing it and
 * without root: a private apt configuration with its own lists, then `dpkg-deb -x` of each package.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type AptSource, debianMirror } from './apt-sources.ts';
import { packageClosure } from './package-closure.ts';
import type { ServerKind } from './servers.ts';
import { isAtLeast } from './versions.ts';

export type Fetched =
  | { readonly fetched: true; readonly suite: string }
  | { readonly fetched: false; readonly reason: string };

/** Fills `folder/root` with the server and what it loads, from the first suite whose version is new enough. */
export async function fetchServer(server: ServerKind, folder: string): Promise<Fetched> {
  for (const tool of ['apt-get', 'apt-cache', 'apt-config', 'dpkg-deb']) {
    if (!(await runs(tool))) return missing(`there is no ${tool} to fetch it with`);
  }
  const codename = /^VERSION_CODENAME="?([\w-]+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? '';
  const mirror = debianMirror('/etc/apt', codename);
  if (mirror === null) return missing(`apt's sources have no mirror that serves the suite '${codename}'`);
  const refusals: string[] = [];
  for (const suite of new Set(server.suites.map((name) => name ?? codename))) {
    const refusal = await fetchFrom(mirror, suite, server, folder);
    if (refusal === null) return { fetched: true, suite };
    refusals.push(`${suite}: ${refusal}`);
  }
  return missing(`no suite of the Debian mirror gave it (${refusals.join('; ')})`);
}

/** @returns why this suite does not serve, or null when the server has been fetched. */
async function fetchFrom(
  mirror: AptSource,
  suite: string,
  server: ServerKind,
  folder: string,
): Promise<string | null> {
  const root = join(folder, 'root');
  const apt = await privateApt(mirror, suite, join(folder, 'apt'));
  try {
    await apt('apt-get', ['update', '--error-on=any']);
    const version = /Candidate: (\d\S*)/.exec(await apt('apt-cache', ['policy', ...server.packages]))?.[1];
    if (version === undefined) return 'it has no such package';
    if (!isAtLeast(version, server.minimumVersion))
      return `${version} is older than ${server.minimumVersion}`;
    await unpack(apt, server.packages, root, join(folder, 'packages'));
    return null;
  } catch (error) {
    rmSync(root, { recursive: true, force: true });
    return complaint(error);
  } finally {
    rmSync(join(folder, 'apt'), { recursive: true, force: true });
    rmSync(join(folder, 'packages'), { recursive: true, force: true });
  }
}

type Apt = (tool: string, args: readonly string[], folder?: string) => Promise<string>;

async function privateApt(mirror: AptSource, suite: string, folder: string): Promise<Apt> {
  for (const name of ['sources', 'state/lists/partial', 'cache/archives/partial']) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  writeFileSync(join(folder, 'sources', 'debian.sources'), sourceStanza(mirror, suite));
  writeFileSync(join(folder, 'status'), '');
  const configuration = join(folder, 'apt.conf');
  writeFileSync(configuration, `${await systemAcquire()}\n${privateSettings(folder)}`);
  return (tool, args, cwd = folder) =>
    run(tool, args, { cwd, env: { ...plainEnv, APT_CONFIG: configuration } });
}

const sourceStanza = (mirror: AptSource, suite: string): string =>
  [
    'Types: deb',
    `URIs: ${mirror.uri}`,
    `Suites: ${suite}`,
    'Components: main',
    ...Object.entries(mirror.fields).map(([name, value]) => `${name}: ${value}`),
    '',
  ].join('\n');

/**
 * How the machine reaches its mirror (proxies, time-outs). The rest of its configuration is left out: its hooks act on
 * the system's own caches.
 */
const systemAcquire = async (): Promise<string> =>
  (await run('apt-config', ['dump'], { env: plainEnv }))
    .split('\n')
    .filter((line) => line.startsWith('Acquire::') && !line.startsWith('Acquire::IndexTargets'))
    .join('\n');

const privateSettings = (folder: string): string =>
  [
    'Dir::Etc::Main "/dev/null";',
    'Dir::Etc::Parts "/dev/null";',
    'Dir::Etc::PreferencesParts "/dev/null";',
    'Dir::Etc::Preferences "/dev/null";',
    'Dir::Etc::SourceList "/dev/null";',
    `Dir::Etc::SourceParts "${folder}/sources";`,
    `Dir::State "${folder}/state";`,
    `Dir::State::Status "${folder}/status";`,
    `Dir::Cache "${folder}/cache";`,
    // apt's own user may not reach into the folders of this checkout.
    'APT::Sandbox::User "";',
    'Acquire::Languages "none";',
    'Acquire::Retries "2";',
    'Acquire::http::Timeout "20";',
    'Acquire::https::Timeout "20";',
    '',
  ].join('\n');

async function unpack(apt: Apt, packages: readonly string[], root: string, downloads: string): Promise<void> {
  mkdirSync(root, { recursive: true });
  mkdirSync(downloads, { recursive: true });
  const dependencies = await apt('apt-cache', ['depends', '--recurse', ...onlyNeeds, ...packages]);
  await apt('apt-get', ['download', '--quiet', ...packageClosure(dependencies, packages)], downloads);
  for (const file of readdirSync(downloads).sort())
    await run('dpkg-deb', ['-x', join(downloads, file), root]);
}

const onlyNeeds = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map(
  (relation) => `--no-${relation}`,
);

// Answers are read, so they must not come in the user's language.
const plainEnv = { ...process.env, LC_ALL: 'C' };

async function run(
  tool: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const limits = { maxBuffer: 64 * 1024 * 1024, timeout: 300_000 };
  return (await promisify(execFile)(tool, [...args], { ...limits, ...options })).stdout;
}

const runs = (tool: string): Promise<boolean> =>
  run(tool, ['--version']).then(
    () => true,
    () => false,
  );

const missing = (reason: string): Fetched => ({ fetched: false, reason });

/** Of what apt prints, its first complaint says most. */
function complaint(error: unknown): string {
  const lines = String(error).trim().split('\n');
  return lines.find((line) => /^[EW]: /.test(line)) ?? lines.at(-1) ?? '';
}
