/**
 * Where `kubernetes_validate` comes from, which has the schemas of Kubernetes' own objects: the Python that
 * TERCET_TEST_KUBERNETES_VALIDATE names; `python3`, if it has the module; the cached folder; or installed there by pip, in a virtual
 * environment of its own. Nothing is installed elsewhere.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { cached, cacheFolder } from '../servers/cache.ts';
import { runToEnd } from '../servers/run-to-end.ts';
import type { Tool } from './tool.ts';

const VERSION = '1.37.0';
const VARIABLE = 'TERCET_TEST_KUBERNETES_VALIDATE';
const MODULE = ['-m', 'kubernetes_validate'];

export async function obtainKubernetesValidate(env: NodeJS.ProcessEnv = process.env): Promise<Tool> {
  const named = env[VARIABLE];
  if (named !== undefined && named !== '')
    return hasModule(named, env)
      ? found(named)
      : { reason: `${VARIABLE}: ${named} is no Python with the module kubernetes_validate ${VERSION}` };
  return hasModule('python3', env) ? found('python3') : await inCache(env);
}

const hasModule = (python: string, env: NodeJS.ProcessEnv): boolean => {
  const { status, stdout } = spawnSync(python, [...MODULE, '--version'], { env, encoding: 'utf8' });
  return status === 0 && stdout.includes(VERSION);
};

const found = (python: string): Tool => ({ command: [python, ...MODULE] });

async function inCache(env: NodeJS.ProcessEnv): Promise<Tool> {
  const cache = cacheFolder(env);
  const entry = `kubernetes-validate-${VERSION}-${process.platform}-${process.arch}`;
  const refusal = await cached(cache, entry, (folder) => install(folder, env));
  return refusal === null ? found(join(cache, entry, 'bin/python')) : { reason: refusal };
}

/** The folder is renamed afterwards: its Python still finds its modules, though its scripts no longer run. */
async function install(folder: string, env: NodeJS.ProcessEnv): Promise<string | null> {
  if (spawnSync('python3', ['--version'], { env }).status !== 0) return 'there is no python3';
  const steps = [
    ['python3', '-m', 'venv', folder],
    [join(folder, 'bin/python'), '-m', 'pip', 'install', '--quiet', `kubernetes-validate==${VERSION}`],
  ];
  for (const step of steps) {
    const complaint = await runToEnd(step, { env });
    if (complaint !== null) return `\`${step.join(' ')}\` failed: ${complaint}`;
  }
  return null;
}
