import { Overloaded, StoreUnavailable } from '../../src/application/ports.ts';

/**
 * The same store, asked again where it gave a read up: its limits on time are for replicas, and a test that checks what is
 * stored waits for a slow machine. For reads only; how often is bounded by the test's own limit on time.
 */
export function patient<Store extends object>(store: Store): Store {
  return new Proxy(store, {
    get: (target, name) => {
      const method = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      return async (...args: unknown[]) => {
        for (let attempt = 1; ; attempt += 1) {
          try {
            return await method.apply(target, args);
          } catch (error) {
            const isSlow = error instanceof StoreUnavailable || error instanceof Overloaded;
            if (!isSlow || attempt === ATTEMPTS) throw error;
          }
        }
      };
    },
  });
}

/** Each is given up after five seconds. */
const ATTEMPTS = 20;
