import { setTimeout as pause } from 'node:timers/promises';

/** Bounds a hang, and ends before the time limit of a test: nothing goes on after the test that waited. */
const LIMIT_MS = 200_000;
const POLL_MS = 10;

/** Answers once `isSo`. @throws Error when it did not become so */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const endsAtMs = performance.now() + LIMIT_MS;
  while (!(await isSo())) {
    if (performance.now() > endsAtMs) throw new Error(`waited ${LIMIT_MS} ms in vain until ${what}`);
    await pause(POLL_MS);
  }
}
