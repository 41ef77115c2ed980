/**
 * Where `openapi-typescript` comes from, which writes the types of a client from an OpenAPI document: the cached folder, or
 * npm. It needs the JavaScript API of TypeScript 5, which our own compiler does not have; so it is no dependency.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached, cacheFolder } from '../servers/cache.ts';
import { runToEnd } from '../servers/run-to-end.ts';
import type { Tool } from './tool.ts';

const VERSIONS = { 'openapi-typescript': '7.13.0', typescript: '5.9.3' } as const;

export async function obtainOpenapiTypescript(env: NodeJS.ProcessEnv = process.env): Promise<Tool> {
  const cache = cacheFolder(env);
  const entry = `openapi-typescript-${VERSIONS['openapi-typescript']}`;
  const refusal = await cached(cache, entry, (folder) => install(folder, env));
  if (refusal !== null) return { reason: refusal };
  return {
    command: [process.execPath, join(cache, entry, 'node_modules/openapi-typescript/bin/cli.js')],
  };
}

async function install(folder: string, env: NodeJS.ProcessEnv): Promise<string | null> {
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: VERSIONS }));
  const command = ['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'];
  const complaint = await runToEnd(command, { env, cwd: folder });
  return complaint === null ? null : `\`${command.join(' ')}\` failed: ${complaint}`;
}
