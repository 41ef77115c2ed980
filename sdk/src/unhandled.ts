/**
 * Errors of a function that nothing handles: the rejection of a promise that no one awaits, such as a part of a `forEach` with an
 * async function, and what a callback throws.
 *
 * By default Node ends the process for them. A process that handles them itself, to log them for example, goes on: the function
 * returns, and would be taken for done though a part of it failed. They are assigned by the async context that they come from.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import process from 'node:process';
import { setImmediate } from 'node:timers/promises';

type Watch = { readonly saw: (error: unknown) => void; readonly around: Watch | null };

const current = new AsyncLocalStorage<Watch>();

/** @param saw receives each error that `act`, or what `act` started, leaves unhandled; also after `act` has ended */
export function watching<T>(saw: (error: unknown) => void, act: () => T): T {
  listen();
  return current.run({ saw, around: current.getStore() ?? null }, act);
}

/** @throws Error where it returned, but a part of it has failed that nothing awaited */
export async function inAllParts<T>(act: () => T | Promise<T>): Promise<T> {
  const lost: unknown[] = [];
  const done = await watching((error) => lost.push(error), act);
  // Rejections are reported once the microtasks of this turn are done.
  await setImmediate();
  if (lost.length === 0) return done;
  const message =
    'a part of the function failed, and nothing awaited it: await every part, as by Promise.all';
  throw new Error(message, { cause: lost[0] });
}

function report(error: unknown): void {
  for (let watch = current.getStore() ?? null; watch !== null; watch = watch.around) watch.saw(error);
}

let isMonitoring = false;
let isListening = false;

/** Neither listener changes what becomes of the process. */
function listen(): void {
  if (!isMonitoring) process.on('uncaughtExceptionMonitor', report);
  isMonitoring = true;
  // Where the application has no listener for rejections, they become uncaught exceptions, which the monitor sees.
  if (!isListening && process.listenerCount('unhandledRejection') > 0) {
    process.on('unhandledRejection', reportRejection);
    isListening = true;
  }
}

function reportRejection(error: unknown): void {
  report(error);
  if (process.listenerCount('unhandledRejection') > 1) return;
  // The application has removed its own. Thrown here, it is an uncaught exception, as it would be without ours.
  process.off('unhandledRejection', reportRejection);
  isListening = false;
  throw error;
}
