import { Overloaded, StoreUnavailable } from '../../src/application/ports.ts';

/**
 * The same store, which retries a read that timed out. Its timeouts are for replicas; a test that checks what is stored
 * waits for a slow machine. For reads only.
 */
export function withReadRetries<Store extends object>(store: Store): Store {
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

/** Each times out after five seconds. */
const ATTEMPTS = 20;
