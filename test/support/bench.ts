/** Runs the benchmark to its end, in a process of its own, as `npm run bench` does. */
import { execFile } from 'node:child_process';

export type Ended = { readonly exitCode: number; readonly stdout: string; readonly stderr: string };

export function bench(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['--conditions=tercet-source', 'bench/main.ts', ...args],
      (_error, stdout, stderr) => resolve({ exitCode: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}
