/**
 * Where the Helm of the tests comes from, first found first taken:
 *
 * 1. the binary that TERCET_TEST_HELM names;
 * 2. `helm` on PATH, 3 or 4;
 * 3. the cached folder (`.cache/servers`, or TERCET_SERVER_CACHE);
 * 4. built there by Go, which takes three minutes and is done once.
 *
 * Nothing is installed. As a script, `node scripts/tools/helm.ts`, it prints the path.
 */
import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { cached, cacheFolder } from '../servers/cache.ts';
import { runToEnd } from '../servers/run-to-end.ts';
import type { Tool } from './tool.ts';

const VERSION = 'v3.22.0';
const PACKAGE = 'helm.sh/helm/v3/cmd/helm';
const VARIABLE = 'TERCET_TEST_HELM';

export async function obtainHelm(env: NodeJS.ProcessEnv = process.env): Promise<Tool> {
  const named = env[VARIABLE];
  if (named !== undefined && named !== '')
    return isHelm(named)
      ? found(named)
      : { reason: `${VARIABLE}: ${named} is no Helm 3 or 4 that runs here` };
  const onPath = (env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'helm'))
    .find(isHelm);
  return onPath === undefined ? await inCache(env) : found(onPath);
}

const isHelm = (path: string): boolean => {
  const { status, stdout } = spawnSync(path, ['version', '--short'], { encoding: 'utf8' });
  return status === 0 && /^v[34]\b/.test(stdout);
};

const found = (path: string): Tool => ({ command: [path] });

async function inCache(env: NodeJS.ProcessEnv): Promise<Tool> {
  const cache = cacheFolder(env);
  const entry = `helm-${VERSION}-${process.platform}-${process.arch}`;
  const refusal = await cached(cache, entry, (folder) => build(folder, env));
  return refusal === null ? found(join(cache, entry, 'helm')) : { reason: refusal };
}

async function build(folder: string, env: NodeJS.ProcessEnv): Promise<string | null> {
  if (spawnSync('go', ['version'], { env }).status !== 0)
    return 'there is no `helm` on PATH, and no `go` to build it with';
  process.stderr.write(`Building Helm ${VERSION} with Go, once: this takes three minutes or more.\n`);
  const complaint = await runToEnd(['go', 'install', `${PACKAGE}@${VERSION}`], {
    env: { ...env, GOBIN: folder, CGO_ENABLED: '0' },
  });
  return complaint === null ? null : `\`go install ${PACKAGE}@${VERSION}\` failed: ${complaint}`;
}

if (import.meta.main) {
  const helm = await obtainHelm();
  if ('reason' in helm) throw new Error(helm.reason);
  process.stdout.write(`${helm.command.join(' ')}\n`);
}
