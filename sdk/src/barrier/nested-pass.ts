/**
 * Savepoints nest: a pass may begin inside the work of another on the same SQL transaction, and never concurrently with it.
 * Undoing the one would undo what the other has done and answered. The same goes for any statement from outside a pass.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

type Pass = { readonly on: object; readonly around: Pass | null };

/** Of each SQL transaction the innermost pass that is under way. */
const innermost = new WeakMap<object, Pass>();
const current = new AsyncLocalStorage<Pass>();

/**
 * @param on stands for the SQL transaction: the same object by whatever wrapper it is asked
 * @param act is given whether a statement comes from inside the innermost pass
 * @throws TypeError when another pass is under way on it that this one is not inside of
 */
export async function nestedPass<T>(on: object, act: (isInside: () => boolean) => Promise<T>): Promise<T> {
  const around = innermost.get(on) ?? null;
  if (around !== null && around !== enclosing(on))
    throw new TypeError('another call is being passed on this SQL transaction: await it first');
  const pass: Pass = { on, around: current.getStore() ?? null };
  innermost.set(on, pass);
  try {
    return await current.run(pass, () => act(() => enclosing(on) === innermost.get(on)));
  } finally {
    if (around === null) innermost.delete(on);
    else innermost.set(on, around);
  }
}

/** The pass on this SQL transaction in whose work we are. */
function enclosing(on: object): Pass | null {
  for (let pass = current.getStore() ?? null; pass !== null; pass = pass.around)
    if (pass.on === on) return pass;
  return null;
}
