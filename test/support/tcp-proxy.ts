/**
 * A TCP proxy between a client and a server on loopback, with which a test makes the network fail at a chosen packet:
 * before the server sees a COMMIT, after it saw it but before its reply is back, or with the packet arriving late.
 *
 * Bytes pass as they come. A rule looks at one read of a socket, which on loopback is one request or reply of a protocol
 * that waits for its answers; a statement longer than 64 KiB may come in pieces.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from '../../scripts/servers/free-port.ts';
import { type Judge, Link, OpenRule } from './tcp-link.ts';

export type Direction = 'to-server' | 'to-client';
export type BytesSeen = (chunk: Buffer, direction: Direction) => void;

export type Rule = {
  readonly when: (chunk: Buffer, direction: Direction) => boolean;
  /**
   * - `cut-before`: the connection ends, and the chunk reaches nobody;
   * - `cut-after`: the chunk is passed on, and the connection ends before anything comes back;
   * - `hold`: the chunk, and all that follows it in its direction, waits for `release`; nobody notices;
   * - `cut-and-hold`: the client loses its connection at once, and the server gets the chunk at `release`: a late packet.
   */
  readonly do: 'cut-before' | 'cut-after' | 'hold' | 'cut-and-hold';
};

/** A rule applies once, to the first chunk that it matches. */
export type SetRule = {
  readonly met: Promise<void>;
  /** Of the connection that met the rule: it is closed on the server's side, so the server is done with it. */
  readonly serverDone: Promise<void>;
  release(): void;
};

export type TcpProxy = {
  readonly host: string;
  readonly port: number;
  /** How many clients are connected now. */
  readonly connectionCount: number;
  set(rule: Rule): SetRule;
  /** Called with all that arrives, also with what is then held or lost. */
  onBytes(seen: BytesSeen): void;
  cutNow(): void;
  /** No byte passes, on open and new connections, and no one is told; `resume` passes what came meanwhile. */
  pause(): void;
  resume(): void;
  /** New connections are refused as if nothing listened; open ones go on. */
  refuse(): Promise<void>;
  accept(): Promise<void>;
  close(): Promise<void>;
};

/** For `when`: what the client says contains this text, as in `saying('COMMIT')`. */
export const saying =
  (text: string) =>
  (chunk: Buffer, direction: Direction): boolean =>
    direction === 'to-server' && chunk.includes(text);

export async function startTcpProxy({ targetPort }: { targetPort: number }): Promise<TcpProxy> {
  const host = '127.0.0.1';
  const port = await freePort(host);
  const links = new Set<Link>();
  const rules = new Set<OpenRule>();
  const observers: BytesSeen[] = [];
  let listener: Server | null = null;
  let paused = false;

  const judge: Judge = (chunk, direction) => {
    for (const seen of observers) seen(chunk, direction);
    const met = [...rules].find(({ rule }) => rule.when(chunk, direction)) ?? null;
    if (met !== null) rules.delete(met);
    return met;
  };
  const welcome = (client: Socket): void => {
    const link = new Link(
      client,
      connect({ host, port: targetPort, allowHalfOpen: true, noDelay: true }),
      judge,
    );
    links.add(link);
    if (paused) link.pause();
    link.closed.then(() => links.delete(link));
  };

  const proxy: TcpProxy = {
    host,
    port,
    get connectionCount() {
      return [...links].filter(({ hasClient }) => hasClient).length;
    },
    set(rule) {
      const open = new OpenRule(rule);
      rules.add(open);
      return open;
    },
    onBytes: (seen) => void observers.push(seen),
    cutNow() {
      for (const link of links) link.cut();
    },
    pause() {
      if (paused) return;
      paused = true;
      for (const link of links) link.pause();
    },
    resume() {
      if (!paused) return;
      paused = false;
      for (const link of links) link.resume();
    },
    async refuse() {
      listener?.close();
      listener = null;
    },
    async accept() {
      listener ??= await listening(welcome, host, port);
    },
    async close() {
      await proxy.refuse();
      proxy.cutNow();
      await Promise.all([...links].map(({ closed }) => closed));
    },
  };
  await proxy.accept();
  return proxy;
}

/** Half-open, because a client may end its side and still wait for the answer. */
function listening(welcome: (client: Socket) => void, host: string, port: number): Promise<Server> {
  const listener = createServer({ allowHalfOpen: true, noDelay: true }, welcome);
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(port, host, () => resolve(listener));
  });
}
