/**
 * Opens a database that may not be there yet: a container that starts next to its database, or while it restarts.
 *
 * Only what a later attempt can change is waited for: a server that cannot be reached, or that takes no connection now. A wrong
 * password or an unknown database fails immediately.
 */
import type { LocalClock } from './database-clock.ts';

const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 5000;

/** Of Node and mysql2: nothing answers at the address, or the connection broke before it was usable. */
const UNREACHABLE = [
  ...[
    'ECONNREFUSED',
    'ECONNRESET',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'ENOTFOUND',
    'EAI_AGAIN',
    'ETIMEDOUT',
    'EPIPE',
  ],
  'PROTOCOL_CONNECTION_LOST',
];
/** Of the server: too many connections, shutdown in progress. */
const UNABLE = [1040, 1053];

type WaitParts = {
  /** For how long attempts go on; 0 for one attempt. */
  readonly waitMs: number;
  readonly clock: LocalClock;
  /** The first attempt found no database: why. */
  readonly onWaiting: (error: Error) => void;
};

/** @throws the error of the last attempt */
export async function waitForDatabase<T>(
  open: () => Promise<T>,
  { waitMs, clock, onWaiting }: WaitParts,
): Promise<T> {
  const giveUpAtMs = clock.elapsedMs() + waitMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
    try {
      return await open();
    } catch (error) {
      const leftMs = giveUpAtMs - clock.elapsedMs();
      if (leftMs <= 0 || !isUnreachable(error)) throw error;
      if (pauseMs === FIRST_PAUSE_MS) onWaiting(error as Error);
      await new Promise<void>((resolve) => clock.after(Math.min(pauseMs, leftMs), resolve));
    }
  }
}

type MaybeSqlError = { readonly code?: string; readonly errno?: number; readonly cause?: unknown };

/** Nothing answers, or no connection is taken now; a later attempt may find it otherwise. */
export function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code = '', errno = 0, cause } = error as MaybeSqlError;
  return UNREACHABLE.includes(code) || UNABLE.includes(errno) || isUnreachable(cause);
}
