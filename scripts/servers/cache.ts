/**
 * The cached folder: servers that were fetched once, and initialised folders to start from. Every entry is made under a
 * lock in a folder of its own and renamed at the end, so that an entry which exists is whole.
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
// @ts-expect-error: plain JavaScript, because it also runs before anything is installed.
import { lockAt } from '../setup-lock.mjs';

const waitLimitMs = 15 * 60_000;
const pollMs = 100;
const half = 'half-';

export const cacheFolder = (env: NodeJS.ProcessEnv = process.env): string =>
  resolve(env.TERCET_SERVER_CACHE ?? join(dirname(dirname(import.meta.dirname)), '.cache', 'servers'));

/**
 * Makes the entry unless it is there.
 * @param make fills the folder it is given; a string is the reason why it could not, and leaves no entry
 */
export async function cached(
  cache: string,
  entry: string,
  make: (folder: string) => Promise<string | null>,
): Promise<string | null> {
  const path = join(cache, entry);
  if (existsSync(path)) return null;
  return await underLock(join(cache, `${entry}.lock`), async () => {
    if (existsSync(path)) return null;
    removeHalves(cache, entry);
    const folder = mkdtempSync(join(cache, `${half}${entry}-`));
    try {
      const refusal = await make(folder);
      if (refusal === null) {
        // A temporary folder opens for its owner only, but others run from the cache too.
        chmodSync(folder, 0o755);
        renameSync(folder, path);
      }
      return refusal;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

type Lock = { tryTake(): boolean; release(): void };

async function underLock<T>(path: string, act: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(path), { recursive: true });
  const lock: Lock = lockAt(path);
  const deadlineAt = Date.now() + waitLimitMs;
  while (!lock.tryTake()) {
    if (Date.now() > deadlineAt)
      throw new Error(`gave up waiting for ${path}; delete it if nothing is being fetched`);
    await sleep(pollMs);
  }
  try {
    return await act();
  } finally {
    lock.release();
  }
}

// Whoever holds the lock is the only one at work, so any half entry was left by a killed command.
function removeHalves(cache: string, entry: string): void {
  for (const name of readdirSync(cache)) {
    if (name.startsWith(`${half}${entry}-`)) rmSync(join(cache, name), { recursive: true, force: true });
  }
}
