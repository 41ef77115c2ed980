/**
 * A handle of a synchronous driver that can be closed: what the work on SQLite is given instead of the connection. What goes
 * on after the work has returned, such as the rest of an async function, would write outside the barrier's SQL transaction.
 *
 * - It has all that the connection has, by the same names, and so have the statements, iterators and functions that it
 *   returns. Each call checks first whether the handle is closed.
 * - Iterators that are still open are ended with it. Until then better-sqlite3 refuses every other statement, a rollback too.
 * - The connection itself cannot be closed that way: a function that uses it in place of its handle is not stopped.
 */

export type ClosableHandle<Target extends object> = { readonly handle: Target; close(): void };

type Method = (...args: readonly unknown[]) => unknown;

/** The target of each handle that was made. */
const TARGETS = new WeakMap<object, object>();

/** What a handle stands for; anything else is itself. */
export const targetOf = <Target extends object>(given: Target): Target =>
  (TARGETS.get(given) as Target | undefined) ?? given;

export function closableHandle<Target extends object>(target: Target): ClosableHandle<Target> {
  let isClosed = false;
  /** One handle for each object or function, so that they stay equal to themselves. */
  const handles = new WeakMap<object, object>();
  const iterators = new Set<Iterator<unknown>>();

  const check = (): void => {
    if (isClosed)
      throw new TypeError('the work has returned, so its SQL transaction is over: use its sqlTx only before');
  };

  /** By object first: all statements share their methods. */
  const methods = new WeakMap<object, WeakMap<Method, object>>();

  /** Methods run on the object itself: those of a native driver know no other. */
  const bound = (method: Method, self: object): object => {
    const own = methods.get(self) ?? new WeakMap<Method, object>();
    methods.set(self, own);
    const call = (...args: readonly unknown[]): unknown => {
      check();
      return guarded(Reflect.apply(method, self, args));
    };
    const handle = own.get(method) ?? proxyOf(method, call);
    own.set(method, handle);
    return handle;
  };

  const guarded = (value: unknown): unknown => {
    if (typeof value === 'function') return bound(value as Method, value);
    if (typeof value !== 'object' || value === null) return value;
    return handles.has(value) || isLive(value) ? handleOf(value) : value;
  };

  const handleOf = (value: object): object => {
    if (isIterator(value)) iterators.add(value);
    const handle = handles.get(value) ?? proxyOf(value, Object.create(Object.getPrototypeOf(value)));
    handles.set(value, handle);
    TARGETS.set(handle, value);
    return handle;
  };

  /** @param shape a stand-in: the properties of a proxy's own target would have to be answered as they are */
  const proxyOf = (value: object, shape: object): object =>
    new Proxy(shape, {
      get(_shape, name) {
        const found: unknown = Reflect.get(value, name);
        // `call` and the like are to meet the stand-in.
        if (typeof found !== 'function') return guarded(found);
        if (typeof value === 'function' && found === Reflect.get(Function.prototype, name)) return found;
        return name === 'constructor' ? found : bound(found as Method, value);
      },
      set(_shape, name, given) {
        check();
        return Reflect.set(value, name, given);
      },
      has: (_shape, name) => Reflect.has(value, name),
    });

  const handle = handleOf(target) as Target;
  return {
    handle,
    close: () => {
      isClosed = true;
      // One whose connection was closed by the work is over, too.
      for (const iterator of iterators)
        try {
          iterator.return?.();
        } catch {}
    },
  };
}

const isIterator = (value: object): value is Iterator<unknown> =>
  typeof Reflect.get(value, 'next') === 'function';

/** A statement or an iterator, in contrast to a row. */
const isLive = (value: object): boolean =>
  !Array.isArray(value) &&
  ['run', 'next', 'exec'].some((name) => typeof Reflect.get(value, name) === 'function');
