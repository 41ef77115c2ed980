/**
 * Where base URLs lead: the connections to each origin, and the path and headers that every call begins with.
 *
 * Participants with credentials have targets of their own. So a connection that was made with one participant's client
 * certificate never carries a call of another.
 */
import { Connections, type ConnectionsParts } from './connections.ts';
import type { Connector } from './guarded-connector.ts';
import type { HttpProxy } from './proxy.ts';

/** Initiators may name addresses of their own: what is remembered of them is forgotten beyond this many. */
const MAX_REMEMBERED = 1000;

export type Target = {
  readonly origin: string;
  readonly connections: Connections;
  readonly path: string;
  /** Names and values, alternating. */
  readonly headers: readonly string[];
};

export type TargetsParts = Omit<ConnectionsParts, 'origin'> & {
  readonly proxy: HttpProxy | null;
  /** Connects to the proxy, which sees no client certificate of a participant. */
  readonly connectToProxy: Connector;
  /** Names and values, alternating. */
  readonly headers: readonly string[];
  /** @throws Error for an origin that is not called */
  readonly check?: (origin: string) => void;
};

export class Targets {
  readonly #given: TargetsParts;
  readonly #connectByProxy: Connector | null;
  readonly #connections = new Map<string, Connections>();
  readonly #targets = new Map<string, Target>();

  constructor(given: TargetsParts) {
    this.#given = given;
    const { proxy, connectToProxy, connect } = given;
    this.#connectByProxy = proxy?.connector(connectToProxy, connect) ?? null;
  }

  /** @throws Error for a base URL that is not called */
  of(baseUrl: string): Target {
    const known = this.#targets.get(baseUrl);
    if (known) return known;
    if (this.#targets.size >= MAX_REMEMBERED) this.#forget();
    const target = this.#newTarget(new URL(baseUrl));
    this.#targets.set(baseUrl, target);
    return target;
  }

  /** Ends when the calls under way have ended. */
  async close(): Promise<void> {
    await Promise.all([...this.#connections.values()].map((one) => one.close()));
  }

  #newTarget(url: URL): Target {
    const { proxy, headers, check } = this.#given;
    const { origin } = url;
    check?.(origin);
    const path = url.pathname.replace(/\/+$/, '');
    if (!proxy?.isFor(url))
      return { origin, connections: this.#connectionsTo(origin, this.#given.connect), path, headers };
    const { prefix, headers: more } = proxy.requestTo(url);
    const connections = this.#connectionsTo(origin, this.#connectByProxy as Connector);
    return { origin, connections, path: prefix + path, headers: [...headers, ...more] };
  }

  /** Origins with calls under way stay; the connections to the others are closed. */
  #forget(): void {
    this.#targets.clear();
    for (const [origin, connections] of this.#connections) {
      if (connections.busyCount > 0) continue;
      this.#connections.delete(origin);
      void connections.close();
    }
  }

  #connectionsTo(origin: string, connect: Connector): Connections {
    const known = this.#connections.get(origin);
    if (known) return known;
    const connections = new Connections({ ...this.#given, origin, connect });
    this.#connections.set(origin, connections);
    return connections;
  }
}
