/**
 * A client behind a load balancer: it sends each request to a replica that said that it is ready, and repeats it at another one
 * when no answer came. What it could not get answered at the first try is counted.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { CoordinatorProcess } from '../../support/coordinator-process.ts';

/** Bounds a hang. */
const ANSWER_WITHIN_MS = 120_000;
const PROBE_EVERY_MS = 50;

export type View = { readonly gid: string };

export class LoadBalancedClient {
  /** Requests without an answer, by the reason: a replica that stops in order leaves none. */
  readonly unanswered: string[] = [];
  readonly #replicas = new Map<CoordinatorProcess, { isReady: boolean }>();
  #next = 0;
  #isOver = false;
  #probing: Promise<void> | null = null;

  add(replica: CoordinatorProcess): void {
    this.#replicas.set(replica, { isReady: true });
    this.#probing ??= this.#probe();
  }

  /** Waits until no request goes to it any more: what a load balancer does while a replica drains. */
  async untilLeft(replica: CoordinatorProcess): Promise<void> {
    while (this.#replicas.get(replica)?.isReady) await pause(PROBE_EVERY_MS);
    this.#replicas.delete(replica);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#probing;
  }

  /** @returns the first answer that is no 503 */
  async send(method: 'GET' | 'POST' | 'PUT', path: string, body?: object, headers = {}): Promise<Response> {
    const endsAt = Date.now() + ANSWER_WITHIN_MS;
    for (;;) {
      const url = this.#anyUrl() + path;
      try {
        const answer = await fetch(url, {
          method,
          headers: { 'content-type': 'application/json', ...headers },
          ...(body && { body: JSON.stringify(body) }),
        });
        if (answer.status !== 503) return answer;
        await answer.arrayBuffer();
      } catch (error) {
        this.unanswered.push(`${method} ${url}: ${String((error as Error).cause ?? error)}`);
      }
      if (Date.now() > endsAt) throw new Error(`no answer to ${method} ${path}`);
      await pause(PROBE_EVERY_MS);
    }
  }

  #anyUrl(): string {
    const ready = [...this.#replicas].filter(([, { isReady }]) => isReady).map(([{ url }]) => url);
    this.#next += 1;
    const url = ready[this.#next % ready.length];
    if (url === undefined) throw new Error('no replica is ready');
    return url;
  }

  async #probe(): Promise<void> {
    while (!this.#isOver) {
      for (const [replica, state] of this.#replicas)
        state.isReady = await fetch(`${replica.url}/readyz`)
          .then(async (answer) => (await answer.arrayBuffer()) && answer.ok)
          .catch(() => false);
      await pause(PROBE_EVERY_MS);
    }
  }
}
