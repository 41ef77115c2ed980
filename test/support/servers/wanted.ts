/** Which servers a run of Jest starts: those of TERCET_TEST_SERVERS (unless set, all that are shared), and none when no selected test file uses one. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type ServerName, sharedServerNames } from '../../../scripts/servers/servers.ts';

/** The part of Jest's global configuration that is asked here. */
export type SelectedRun = {
  readonly rootDir: string;
  readonly testPathPatterns: {
    toExecutor(options: { rootDir: string }): { isMatch(path: string): boolean };
  };
};

export function wantedServers(run: SelectedRun, env: NodeJS.ProcessEnv): ServerName[] {
  const listed = (env.TERCET_TEST_SERVERS ?? sharedServerNames.join(','))
    .split(',')
    .filter((name) => name !== 'none');
  const unknown = listed.filter((name) => !sharedServerNames.includes(name as ServerName));
  if (unknown.length > 0) throw new Error(`TERCET_TEST_SERVERS: unknown '${unknown.join(', ')}'`);
  return selectedTests(run).some(usesServers) ? (listed as ServerName[]) : [];
}

/** By path only: other ways to select tests may select any of them. */
function selectedTests({ rootDir, testPathPatterns }: SelectedRun): string[] {
  const tests = readdirSync(join(rootDir, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(rootDir, 'test', name));
  const patterns = testPathPatterns.toExecutor({ rootDir });
  return tests.filter((path) => patterns.isMatch(path));
}

const entrance = join(dirname(import.meta.dirname), 'servers.ts');

/** Follows the imports that are written as relative paths, as all of this checkout's are. */
function usesServers(test: string): boolean {
  const reached = new Set([test]);
  for (const path of reached) {
    if (path === entrance) return true;
    for (const imported of importsOf(path)) reached.add(imported);
  }
  return false;
}

function importsOf(path: string): string[] {
  // What looks like an import may stand in a string, as in the tests of the lint rules.
  if (!existsSync(path)) return [];
  const found = readFileSync(path, 'utf8').matchAll(/\b(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+\.ts)'/g);
  return [...found].map(([, relative = '']) => resolve(dirname(path), relative));
}
