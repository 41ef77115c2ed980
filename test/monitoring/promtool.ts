/** promtool, which comes with Prometheus: it checks and tests rules without a server. */
import { execFile } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { obtainServer } from '../../scripts/servers/obtain.ts';

/** @returns what it printed. @throws Error with that, when it found a fault */
export async function promtool(...args: readonly string[]): Promise<string> {
  const server = await obtainServer('prometheus', { own: true });
  if (server.from !== 'path' && server.from !== 'cache') throw new Error('no Prometheus here');
  const binary = realpathSync(server.command.at(-1) ?? '');
  const command = [...server.command.slice(0, -1), join(dirname(binary), 'promtool'), ...args];
  const [file = '', ...rest] = command;
  try {
    return (await promisify(execFile)(file, rest)).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`promtool ${args.join(' ')}: ${stdout}${stderr}`, { cause: error });
  }
}
