/**
 * The connections to one origin. Each carries one call at a time, and no call waits for one: how many calls are under way is
 * bounded for each participant by the call gate, and participants behind one gateway share an origin.
 *
 * - A call takes the idle connection that was used last, or opens one.
 * - A call that is answered completely leaves its connection idle; any other end closes it, also one that is being made.
 * - A connection is used for a limited time, since a name may lead to new addresses, which only new connections notice.
 * - Idle connections are bounded in number. Each is closed after four seconds, or when the participant's `Keep-Alive` says.
 */
import { Client, type Dispatcher } from 'undici';
import { AnswerHeads } from './answer-heads.ts';
import type { Carrier, Exchange } from './exchange.ts';
import type { Connecting, Connector } from './guarded-connector.ts';
import type { LookUpStage } from './lookups.ts';

export type ConnectionsParts = {
  readonly origin: string;
  readonly connect: Connector;
  readonly maxIdleCount: number;
  readonly elapsedMs: () => number;
  /** From 0 to 1: connections that were opened together do not end together. */
  readonly draw: () => number;
};

const MIN_USE_MS = 20_000;
const MAX_USE_MS = 30_000;

export class Connections {
  readonly #given: ConnectionsParts;
  readonly #idle: Connection[] = [];
  /** Those of calls under way. */
  readonly #busy = new Set<Connection>();

  constructor(given: ConnectionsParts) {
    this.#given = given;
  }

  get busyCount(): number {
    return this.#busy.size;
  }

  get idleCount(): number {
    return this.#idle.length;
  }

  send(request: Dispatcher.DispatchOptions, exchange: Exchange): void {
    const connection = this.#lastIdle() ?? new Connection(this.#given, this.#onChange);
    this.#busy.add(connection);
    connection.send(request, exchange);
  }

  #lastIdle(): Connection | undefined {
    let connection = this.#idle.pop();
    while (connection?.isOld) {
      connection.destroy();
      connection = this.#idle.pop();
    }
    return connection;
  }

  /** Ends when the calls under way have ended. */
  async close(): Promise<void> {
    await Promise.all([...this.#idle, ...this.#busy].map((connection) => connection.close()));
  }

  /** One was released, or closed while it was idle. */
  readonly #onChange = (connection: Connection, isUsable: boolean): void => {
    const wasBusy = this.#busy.delete(connection);
    if (wasBusy && isUsable && !connection.isOld && this.#idle.length < this.#given.maxIdleCount) {
      this.#idle.push(connection);
      return;
    }
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    connection.destroy();
  };
}

type OnChange = (connection: Connection, isUsable: boolean) => void;

class Connection implements Carrier {
  readonly #client: Client;
  readonly #onChange: OnChange;
  #connecting: Connecting | null = null;
  /** Null until it is connected. */
  #heads: AnswerHeads | null = null;
  #isBusy = false;
  readonly #elapsedMs: () => number;
  readonly #oldAtMs: number;

  constructor({ origin, connect, elapsedMs, draw }: ConnectionsParts, onChange: OnChange) {
    this.#onChange = onChange;
    this.#elapsedMs = elapsedMs;
    this.#oldAtMs = elapsedMs() + MIN_USE_MS + draw() * (MAX_USE_MS - MIN_USE_MS);
    this.#client = new Client(origin, {
      connect: (options, callback) => {
        this.#connecting = connect(options, (...result) => {
          const [, socket] = result;
          if (socket) this.#heads = new AnswerHeads(socket);
          callback(...result);
        });
      },
      // The exchange has one clock for the whole call.
      headersTimeout: 0,
      bodyTimeout: 0,
      pipelining: 1,
      allowH2: false,
    });
    this.#client.on('disconnect', () => {
      if (!this.#isBusy) this.#onChange(this, false);
    });
  }

  get isOld(): boolean {
    return this.#elapsedMs() >= this.#oldAtMs;
  }

  get lookUp(): LookUpStage | null {
    return this.#connecting?.lookUp() ?? null;
  }

  send(request: Dispatcher.DispatchOptions, exchange: Exchange): void {
    this.#isBusy = true;
    exchange.carriedBy(this);
    this.#heads?.awaitNext();
    this.#client.dispatch(request, exchange);
  }

  release(isUsable: boolean): void {
    this.#isBusy = false;
    this.#onChange(this, isUsable);
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  destroy(): void {
    this.#connecting?.abandon();
    void this.#client.destroy();
  }
}
