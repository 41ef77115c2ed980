/**
 * Loaded into every child before its own code (`node --import`): the child dies with the demo, even when the demo is
 * killed with SIGKILL and can tell nobody. The kernel closes the demo's end of the pipe, and the child sees its end.
 */
import { isMainThread } from 'node:worker_threads';

// A child's worker threads load this too, but the pipe is the main thread's.
if (isMainThread) {
  const die = () => process.kill(process.pid, 'SIGKILL');
  process.stdin.on('end', die).on('close', die).on('error', die).resume();
  // The pipe alone is no reason for a child to stay when its own work has ended.
  (process.stdin as typeof process.stdin & { unref?(): void }).unref?.();
}
