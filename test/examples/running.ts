/** Who runs on this machine: pids, and whose child each is. What has ended and waits to be reaped does not run. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

export function running(): Map<number, number> {
  const lines = existsSync('/proc/self/stat') ? linesOfProc() : linesOfPs();
  const rows = lines.map((line) => line.trim().split(/\s+/));
  return new Map(
    rows
      .filter(([, , state]) => !state?.startsWith('Z'))
      .map(([pid, parent]) => [Number(pid), Number(parent)]),
  );
}

const linesOfPs = () =>
  execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' }).trim().split('\n');

function linesOfProc(): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      // After the name, which is in brackets and may hold anything, come the state and the parent.
      const [, state, parent] =
        /^.*\) (\S) (\d+)/s.exec(readFileSync(`/proc/${Number(pid)}/stat`, 'utf8')) ?? [];
      return state && parent ? [`${pid} ${parent} ${state}`] : [];
    } catch {
      return [];
    }
  });
}
