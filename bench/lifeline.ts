/**
 * Loaded into every child before its own code (`node --import`): it dies with the benchmark, even when that is killed
 * with SIGKILL and can tell nobody. The kernel closes the channel between them, and the child sees its end.
 */
import { isMainThread } from 'node:worker_threads';

// A child's worker threads load this too, but the channel is the main thread's.
if (isMainThread) process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
