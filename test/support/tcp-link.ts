/** One connection through tcp-proxy.ts: the client, the server, a lane for each direction, and what a rule does to them. */
import type { Socket } from 'node:net';
import type { Direction, Rule, SetRule } from './tcp-proxy.ts';

/** Asked once for every chunk: the rule that applies to it, if any. */
export type Judge = (chunk: Buffer, direction: Direction) => OpenRule | null;

/** A rule that waits for its chunk. */
export class OpenRule implements SetRule {
  readonly rule: Rule;
  readonly #met = Promise.withResolvers<Link>();
  readonly #released = Promise.withResolvers<void>();
  readonly met = this.#met.promise.then(() => {});
  readonly serverDone = this.#met.promise.then((link) => link.serverDone);
  readonly released = this.#released.promise;

  constructor(rule: Rule) {
    this.rule = rule;
  }

  meet(link: Link): void {
    this.#met.resolve(link);
  }

  release(): void {
    this.#released.resolve();
  }
}

export class Link {
  readonly serverDone: Promise<void>;
  readonly closed: Promise<unknown>;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #judge: Judge;
  readonly #lanes: { readonly [direction in Direction]: Lane };

  constructor(client: Socket, server: Socket, judge: Judge) {
    this.#client = client;
    this.#server = server;
    this.#judge = judge;
    this.#lanes = {
      'to-server': new Lane(client, server, (chunk) => this.#pass(chunk, 'to-server')),
      'to-client': new Lane(server, client, (chunk) => this.#pass(chunk, 'to-client')),
    };
    this.serverDone = closing(server);
    this.closed = Promise.all([closing(client), this.serverDone]);
    // A side that breaks takes the other with it, as if there were no proxy in between.
    for (const socket of [client, server]) socket.on('error', () => this.cut());
  }

  get hasClient(): boolean {
    return !this.#client.destroyed;
  }

  cut(): void {
    this.#client.destroy();
    this.#server.destroy();
  }

  pause(): void {
    for (const lane of Object.values(this.#lanes)) lane.stop();
  }

  resume(): void {
    for (const lane of Object.values(this.#lanes)) lane.go();
  }

  #pass(chunk: Buffer, direction: Direction): void {
    const met = this.#judge(chunk, direction);
    if (met === null) {
      this.#lanes[direction].send(chunk);
      return;
    }
    this.#apply(met, chunk, direction);
    met.meet(this);
  }

  #apply(met: OpenRule, chunk: Buffer, direction: Direction): void {
    switch (met.rule.do) {
      case 'cut-before':
        this.cut();
        break;
      case 'cut-after':
        this.#cutAfter(chunk, direction);
        break;
      case 'hold':
        this.#hold(met, chunk, this.#lanes[direction]);
        break;
      case 'cut-and-hold':
        this.#client.destroy();
        met.released.then(() => this.#server.end(chunk));
    }
  }

  /** The far side gets the chunk and then the end of the stream, so that it acts on the one before it sees the other. */
  #cutAfter(chunk: Buffer, direction: Direction): void {
    if (direction === 'to-server') {
      this.#client.destroy();
      this.#server.end(chunk);
    } else {
      this.#server.destroy();
      this.#client.end(chunk);
    }
  }

  #hold(met: OpenRule, chunk: Buffer, lane: Lane): void {
    lane.stop();
    met.released.then(() => {
      lane.send(chunk);
      lane.go();
    });
  }
}

/** One direction: always read, so that an end is noticed, and passed on in order while nothing stops it. */
class Lane {
  readonly #to: Socket;
  readonly #pass: (chunk: Buffer) => void;
  // Null is the end of the stream.
  readonly #waiting: (Buffer | null)[] = [];
  #stopCount = 0;

  constructor(from: Socket, to: Socket, pass: (chunk: Buffer) => void) {
    this.#to = to;
    this.#pass = pass;
    from.on('data', (chunk: Buffer) => this.#take(chunk));
    from.on('end', () => this.#take(null));
  }

  send(chunk: Buffer): void {
    if (!this.#to.destroyed && !this.#to.writableEnded) this.#to.write(chunk);
  }

  /** Counted, since a pause of the whole proxy and a rule that holds may overlap. */
  stop(): void {
    this.#stopCount += 1;
  }

  go(): void {
    this.#stopCount -= 1;
    this.#drain();
  }

  #take(chunk: Buffer | null): void {
    this.#waiting.push(chunk);
    this.#drain();
  }

  #drain(): void {
    while (this.#stopCount === 0) {
      const chunk = this.#waiting.shift();
      if (chunk === undefined) return;
      if (chunk === null) this.#to.end();
      else this.#pass(chunk);
    }
  }
}

const closing = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.once('close', () => resolve()));
