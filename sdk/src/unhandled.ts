/**
 * Errors of a function that nothing handles: the rejection of a promise that no one awaits, such as a part of a `forEach` with an
 * async function, and what a callback throws.
 *
 * By default Node ends the process for them. A process goes on that handles them itself, to log them for example, or that was
 * started with `--unhandled-rejections=warn`: the function returns, and would be taken for done though a part of it failed. They
 * are assigned by the async context in which the promise was made, and that of anything else by the one that it comes from.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import process from 'node:process';
import { setImmediate } from 'node:timers/promises';
import { promiseHooks } from 'node:v8';

type Watch = { readonly saw: (error: unknown) => void; readonly around: Watch | null };

const current = new AsyncLocalStorage<Watch>();

/** @param saw receives each error that `act`, or what `act` started, leaves unhandled, at least once; also after `act` has ended */
export function watching<T>(saw: (error: unknown) => void, act: () => T): T {
  monitor();
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

function report(error: unknown, from = current.getStore() ?? null): void {
  for (let watch = from; watch !== null; watch = watch.around) watch.saw(error);
}

/** The watch under which a promise was made. */
const makers = new WeakMap<object, Watch>();

/**
 * Since version 24 Node reports a rejection in the context of whatever rejected the promise. Of a driver that is its connection,
 * which was opened elsewhere. Earlier versions do so in the context in which the promise was made.
 */
const isReportedWhereRejected = Number.parseInt(process.versions.node, 10) >= 24;

function noteMaker(promise: object): void {
  const watch = current.getStore();
  if (watch !== undefined) makers.set(promise, watch);
}

type Emit = (this: unknown, ...args: unknown[]) => unknown;

let isMonitoring = false;
/** In the place of `process.emit`. */
let emitting: Emit | null = null;

/** Neither part changes what becomes of the process. */
function monitor(): void {
  if (!isMonitoring) {
    process.on('uncaughtExceptionMonitor', (error) => report(error));
    if (isReportedWhereRejected) promiseHooks.onInit(noteMaker);
  }
  isMonitoring = true;
  // Other code replaces it too, and may have put an earlier one back.
  const emit = process.emit as unknown as Emit;
  if (emit === emitting) return;
  emitting = reporting(emit);
  process.emit = emitting as unknown as typeof process.emit;
}

/**
 * Node emits a rejection in every mode of `--unhandled-rejections` in which the process may go on. A listener would be in the way: in
 * the default mode it is what keeps the process alive, and no program can read its mode.
 */
const reporting = (emit: Emit): Emit =>
  function (this: unknown, ...args) {
    const [event, reason, promise] = args;
    if (event === 'unhandledRejection') report(reason, makers.get(promise as object));
    return Reflect.apply(emit, this, args);
  };
