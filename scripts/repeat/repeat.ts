/** The runs, one after the other, and a line for each on standard output. */
import { join } from 'node:path';
import { runJest } from './jest-run.ts';
import { startLoad } from './load.ts';
import type { Options } from './options.ts';

const outputs = join(import.meta.dirname, '../../.cache/repeat');

/** @returns whether every run passed */
export async function repeat({ files, times }: Options): Promise<boolean> {
  for (let run = 1; run <= times; run += 1) {
    // Every other one, so that a test which fails either way is found early.
    const isLoaded = run % 2 === 0;
    const name = `run ${run} of ${times}${isLoaded ? ', under load' : ''}`;
    const outputPath = join(outputs, `${process.pid}-run-${run}.log`);
    const startedAt = performance.now();
    const complaint = await (isLoaded ? runUnderLoad : runJest)(files, outputPath);
    if (complaint !== null) {
      print(`${passed(run - 1, times)}; ${name}, failed: ${complaint}; its output: ${outputPath}`);
      return false;
    }
    print(`${name}: passed in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  }
  print(passed(times, times));
  return true;
}

const passed = (count: number, times: number): string =>
  `${count} of ${times} runs passed (${Math.floor(count / 2)} under load)`;

async function runUnderLoad(...run: Parameters<typeof runJest>): Promise<string | null> {
  const load = startLoad();
  try {
    return await runJest(...run);
  } finally {
    await load.stop();
  }
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);
