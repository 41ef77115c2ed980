/** Whether a process is still there, for tests of what must end. */
import { execFileSync } from 'node:child_process';

/** A dead process that no parent has collected yet counts as gone. */
export function isAlive(pid: number | undefined): boolean {
  const state = execFileSync('/bin/sh', ['-c', 'ps -o stat= -p "$0" || true', String(pid)], {
    encoding: 'utf8',
  });
  return state.trim() !== '' && !state.startsWith('Z');
}
