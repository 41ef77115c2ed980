/** Programs that tests start: what they print and how they end, or a participant that listens until it is stopped. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

export const NODE_FROM_SOURCE = [
  '--conditions=tercet-source',
  '--disable-warning=ExperimentalWarning',
] as const;

export type Ended = { readonly exitCode: number | null; readonly stdout: string; readonly stderr: string };

export async function run(command: string, args: readonly string[]): Promise<Ended> {
  const child = spawn(command, [...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  return { exitCode, stdout, stderr };
}

/** Stops the program when its own input ends: at the latest when who started it is gone, even by kill -9. */
const UNTIL_INPUT_ENDS = '"$@" & exec >&-; cat > /dev/null; kill $! 2> /dev/null; wait $!';

/** Runs a participant that prints one JSON line with its port; it ends with `work`. */
export async function whileRunning<Result>(
  command: string,
  args: readonly string[],
  env: Record<string, string>,
  work: (baseUrl: string) => Promise<Result>,
): Promise<Result> {
  const child = spawn('sh', ['-c', UNTIL_INPUT_ENDS, 'sh', command, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  const ended = once(child, 'exit');
  try {
    return await work(`http://127.0.0.1:${await portOf(child.stdout)}`);
  } finally {
    child.stdin.end();
    await ended;
  }
}

/** Goes on reading afterwards: a pipe that is closed would end a program that prints. */
async function portOf(stdout: Readable): Promise<number> {
  const lines = createInterface(stdout);
  const line = await new Promise<string>((resolve, reject) => {
    lines.once('line', resolve);
    lines.once('close', () => reject(new Error('the program ended before it listened')));
  });
  return (JSON.parse(line) as { port: number }).port;
}
