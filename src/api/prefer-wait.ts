/**
 * `Prefer: wait=N` (RFC 7240): a request that waits up to N seconds for its transaction to end.
 *
 * A wait never fails: one that times out answers the state as it is then. Waits end early when the server closes, so
 * that no client keeps it from stopping.
 */
import { Type } from 'typebox';
import type { Coordinator } from '../application/coordinator.ts';
import type { Saved } from '../application/ports.ts';

export const prefer = Type.Optional(
  Type.String({
    description: 'wait=N waits up to N seconds, at most 60, for the transaction to end.',
    examples: ['wait=5'],
  }),
);

const MAX_WAIT_SECONDS = 60;
const WAIT = /(?:^|,)\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:[,;]|$)/i;

/** In milliseconds; 0 when the client asks for no wait, or for nothing that can be read. */
export function waitMsOf(prefer: string | string[] | undefined): number {
  if (prefer === undefined) return 0;
  const seconds = WAIT.exec(String(prefer))?.[1];
  return seconds === undefined ? 0 : Math.min(Number(seconds), MAX_WAIT_SECONDS) * 1000;
}

export type WaitForEnd = (saved: Saved, waitMs: number) => Promise<Saved>;

/** The coordinator's wait, cut short when `closing` is aborted. */
export function endOfWait(coordinator: Coordinator, closing: AbortSignal): WaitForEnd {
  // One listener for all waits: a signal removes its listeners one by one.
  const endWaits = new Set<() => void>();
  closing.addEventListener('abort', () => {
    for (const end of endWaits) end();
  });
  return (saved, waitMs) => {
    // A request from before the end that is answered after it does not begin to wait.
    if (waitMs === 0 || closing.aborted) return Promise.resolve(saved);
    return new Promise((resolve, reject) => {
      const end = () => {
        const newest = coordinator.find(saved.tx.gid);
        newest.then((found) => resolve(found ?? saved)).catch(() => resolve(saved));
      };
      endWaits.add(end);
      coordinator
        .waitForEnd(saved, waitMs)
        .then(resolve, reject)
        .finally(() => endWaits.delete(end));
    });
  };
}
