/**
 * Retries after deadlocks and lock time-outs, by which a database asks for a retry. Callers of the barrier never see
 * them.
 */

const MAX_ATTEMPTS = 20;
/** Then the caller is answered 503, and asks again: it must not hold a connection for as long as a lock is held. */
const MAX_RETRYING_MS = 10_000;
const FIRST_PAUSE_MS = 5;
const MAX_PAUSE_MS = 200;

/** Runs `act` until it ends without a conflict, with a pause that grows and is random, so that two do not meet again. */
export async function retryingConflicts<T>(
  act: () => T | Promise<T>,
  isConflict: (error: unknown) => boolean,
): Promise<T> {
  const startedMs = performance.now();
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await act();
    } catch (error) {
      const isEnough = attempt === MAX_ATTEMPTS || performance.now() - startedMs > MAX_RETRYING_MS;
      if (isEnough || !isConflict(error)) throw error;
      const longestMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * longestMs));
    }
  }
}
