/** Waits for what has to come: asks again and again, and says what it waited for when it never came. */
import { setTimeout as pause } from 'node:timers/promises';

const ASK_EVERY_MS = 20;
const LIMIT_MS = 60_000;

/** The first answer that is not null; a question that fails counts as not yet answered. */
export async function waitUntil<T>(what: string, ask: () => Promise<T | null>): Promise<T> {
  const endsAt = Date.now() + LIMIT_MS;
  let lastError: unknown;
  while (Date.now() < endsAt) {
    const answer = await ask().catch((error: unknown) => {
      lastError = error;
      return null;
    });
    if (answer !== null) return answer;
    await pause(ASK_EVERY_MS);
  }
  throw new Error(`waited ${LIMIT_MS / 1000} s in vain until ${what}`, { cause: lastError });
}
