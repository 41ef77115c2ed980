/**
 * Where a Jaeger 2 for `npm run test:jaeger` comes from, first found first taken:
 *
 * 1. the binary that TERCET_TEST_JAEGER names;
 * 2. `jaeger` on PATH;
 * 3. the cached folder (`.cache/servers`, or TERCET_SERVER_CACHE);
 * 4. built there by Go, which takes 15 minutes and is done once.
 *
 * Nothing is installed. As a script, `node scripts/servers/jaeger.ts`, it prints the path.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { cached, cacheFolder } from './cache.ts';
import { runToEnd } from './run-to-end.ts';

/** The module's number; the product of this release is called 2.13. */
const VERSION = 'v1.76.0';
const PACKAGE = 'github.com/jaegertracing/jaeger/cmd/jaeger';
const VARIABLE = 'TERCET_TEST_JAEGER';

/** @returns the path of the binary. @throws Error that says what to install */
export async function obtainJaeger(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const named = env[VARIABLE];
  if (named !== undefined && named !== '') {
    if (isJaeger(named)) return named;
    throw new Error(`${VARIABLE}: ${named} is no Jaeger 2 that runs here`);
  }
  const onPath = (env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'jaeger'))
    .find(isJaeger);
  return onPath ?? (await inCache(env));
}

/** Version 1 had no binary of this name, and no command `components`. */
const isJaeger = (path: string): boolean => spawnSync(path, ['components']).status === 0;

async function inCache(env: NodeJS.ProcessEnv): Promise<string> {
  const cache = cacheFolder(env);
  const entry = `jaeger-${process.platform}-${process.arch}`;
  const refusal = await cached(cache, entry, (folder) => build(folder, env));
  if (refusal === null) return join(cache, entry, 'jaeger');
  throw new Error(
    `no Jaeger here: ${refusal}. Name the binary of a Jaeger 2 by ${VARIABLE}, put it on PATH as \`jaeger\`, ` +
      'or install Go 1.24 or newer to have it built',
  );
}

/** In a module of its own, since Go installs no package whose module replaces others. */
async function build(folder: string, env: NodeJS.ProcessEnv): Promise<string | null> {
  if (spawnSync('go', ['version'], { env }).status !== 0) return 'there is no `go` on PATH to build it with';
  process.stderr.write(`Building Jaeger ${VERSION} with Go, once: this takes 15 minutes or more.\n`);
  const module = join(folder, 'module');
  mkdirSync(module);
  const steps = [
    ['go', 'mod', 'init', 'jaeger-for-tests'],
    ['go', 'get', '-tool', `${PACKAGE}@${VERSION}`],
    ['go', 'build', '-o', join(folder, 'jaeger'), PACKAGE],
  ];
  for (const step of steps) {
    const complaint = await runToEnd(step, { cwd: module, env });
    if (complaint !== null) return `\`${step.slice(0, 3).join(' ')}\` failed: ${complaint}`;
  }
  rmSync(module, { recursive: true });
  return null;
}

if (import.meta.main) process.stdout.write(`${await obtainJaeger()}\n`);
