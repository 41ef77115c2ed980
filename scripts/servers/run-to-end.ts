/** Runs a program that prepares something and ends. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

type RunOptions = { readonly input?: string; readonly env?: NodeJS.ProcessEnv; readonly cwd?: string };

/** @returns null when it ended well, else the last that it complained of */
export async function runToEnd(
  [file = '', ...args]: readonly string[],
  { input = '', env = process.env, cwd = process.cwd() }: RunOptions = {},
): Promise<string | null> {
  const child = spawn(file, args, { stdio: ['pipe', 'ignore', 'pipe'], env, cwd });
  // One that ends before it has read all says more by how it ends.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  const printed = await text(child.stderr);
  return (await exited) === 0 ? null : printed.trim().split('\n').slice(-5).join('; ');
}
