/**
 * Limits on waiting for the database. A network that goes silent reports no error: whatever is waited for without a limit
 * is waited for forever.
 */
import type { Duplex } from 'node:stream';

/** How long a new connection may take: once for the handshake, and once for its settings. */
export const CONNECT_LIMIT_MS = 5000;

/** With the code of a connection that the operating system gave up. */
export class NoAnswer extends Error {
  readonly code = 'ETIMEDOUT';

  constructor(limitMs: number) {
    super(`the database did not answer within ${limitMs} ms`);
  }
}

/**
 * @param giveUp ends what is waited for
 * @throws NoAnswer
 */
export async function withinLimit<T>(limitMs: number, answer: Promise<T>, giveUp: () => void): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new NoAnswer(limitMs));
      giveUp();
    }, limitMs);
  });
  try {
    return await Promise.race([answer, silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** Of mysql2, and of its promises, which wrap one. */
type Breakable = {
  destroy(): void;
  readonly stream?: Duplex;
  readonly connection?: { readonly stream?: Duplex };
};

/** The client's `destroy` only sends an end, and waits for the other side's, which a silent one never sends. */
export function breakOff(connection: unknown): void {
  const { stream, connection: wrapped } = connection as Breakable;
  (connection as Breakable).destroy();
  (stream ?? wrapped?.stream)?.destroy();
}
