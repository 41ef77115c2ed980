/**
 * `Prefer: wait=N` (RFC 7240): a request that waits up to N seconds for its transaction to end.
 *
 * A wait never fails: one that runs out answers the state as it is then. Waits end early when the server closes, so
 * that no client keeps it from stopping.
 */
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Coordinator } from '../../application/coordinator.ts';
import type { Saved } from '../../application/ports.ts';

export const prefer = Type.Optional(
  Type.String({
    description: 'wait=N waits up to N seconds, at most 60, for the transaction to end.',
    examples: ['wait=5'],
  }),
);

const MAX_WAIT_SECONDS = 60;
const WAIT = /(?:^|,)\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:[,;]|$)/i;

/** How long the client is ready to wait, in milliseconds; 0 when it says nothing of it, or nothing we understand. */
export function waitMsOf(prefer: string | string[] | undefined): number {
  if (prefer === undefined) return 0;
  const seconds = WAIT.exec(String(prefer))?.[1];
  return seconds === undefined ? 0 : Math.min(Number(seconds), MAX_WAIT_SECONDS) * 1000;
}

export type WaitForEnd = (saved: Saved, waitMs: number) => Promise<Saved>;

/** The coordinator's wait, cut short when `app` closes. */
export function waitUntilClosing(app: FastifyInstance, coordinator: Coordinator): WaitForEnd {
  const endWaits = new Set<() => void>();
  let isClosing = false;
  app.addHook('preClose', async () => {
    isClosing = true;
    for (const end of endWaits) end();
  });
  return (saved, waitMs) => {
    // What was asked before the end and is answered after it does not begin to wait.
    if (waitMs === 0 || isClosing) return Promise.resolve(saved);
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
