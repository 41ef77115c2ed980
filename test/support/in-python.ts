/** Scenes that need a python3. */
import { spawnSync } from 'node:child_process';
import { describe } from '@jest/globals';

const hasPython = spawnSync('python3', ['--version']).status === 0;

/** Skipped where there is none; but under CI that is a failure: there what the examples claim has to be proven. */
export function describeInPython(title: string, scenes: () => void): void {
  if (hasPython || process.env.CI) describe(title, scenes);
  else describe.skip(`${title} (there is no python3 here)`, scenes);
}
