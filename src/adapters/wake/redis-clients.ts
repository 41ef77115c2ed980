/**
 * The connections to Redis behind the wake queue: one to arm wakes, which fails at once, and one to be woken by, which
 * waits for ever, with the copies that BullMQ makes of it. All of them connect again by themselves, for ever.
 */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { createSecureContext, getCACertificates } from 'node:tls';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { clusterAt, type RedisClient, serverAt } from './redis-connections.ts';
import { isRefusal, RedisFault } from './redis-faults.ts';
import { type RedisTarget, redisTargetOf } from './redis-url.ts';

const COMMAND_TIMEOUT_MS = 2000;
const CONNECT_TIMEOUT_MS = 5000;
const MAX_RECONNECT_DELAY_MS = 2000;
/** A connection without traffic is probed after this, so that a host that is gone is noticed within half a minute. */
const KEEP_ALIVE_MS = 10_000;
/** How long a peer that does not answer a goodbye is waited for. */
const DISCONNECT_TIMEOUT_MS = 500;

const NODE_AWAY =
  'a node of the Redis cluster cannot be reached at the address that it announces: see its cluster-announce-ip';

export type RedisAddress = { readonly redisUrl: string; readonly redisCa: string | null };

export class RedisClients {
  /** For commands that nobody waits for long: refused while it is not connected, and given up after two seconds. */
  readonly producer: RedisClient;
  readonly consumer: RedisClient;
  readonly password: string | null;
  readonly #all = new Set<RedisClient>();
  readonly #onChange: (error: unknown) => void;
  #isClosing = false;

  /** @param given.onChange is called when a connection comes or goes, and with each of its errors */
  constructor(given: RedisAddress & { onChange: (error: unknown) => void }) {
    this.#onChange = given.onChange;
    const target = redisTargetOf(given.redisUrl);
    this.password = target.password;
    const options = optionsFor(target, given.redisCa);
    const open = target.kind === 'cluster' ? clusterAt : serverAt;
    this.producer = open(target, {
      ...options,
      enableOfflineQueue: false,
      // What was under way when the connection broke is given back at once, not sent again later.
      maxRetriesPerRequest: 0,
      commandTimeout: COMMAND_TIMEOUT_MS,
    });
    this.consumer = open(target, { ...options, maxRetriesPerRequest: null }, (copy) => this.#track(copy));
    this.#track(this.producer);
    this.#track(this.consumer);
    // Only the producer's commands have a time limit, so a Redis that has fallen silent is noticed by it alone.
    this.producer.on('close', () => this.#reconnectConsumers());
  }

  get areReady(): boolean {
    return [...this.#all].every(({ status }) => status === 'ready');
  }

  /** Nobody knows which of the connections still carry anything: all are made anew, the consumers after the producer. */
  reconnect(): void {
    if (this.producer.status === 'ready') this.producer.disconnect(true);
  }

  /** Ends every connection, also one that waits for a Redis that is gone. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.all([...this.#all].map(ended));
  }

  #track(client: RedisClient): void {
    this.#all.add(client);
    client.on('ready', () => this.#onChange(null));
    client.on('close', () => this.#onChange(null));
    if (client instanceof Cluster) client.on('node error', (error) => this.#nodeFailed(client, error));
    client.on('error', (error) => {
      // ioredis would go on in database 0, which may be another system's.
      const isSelect = isRefusal(error) && error.command?.name === 'select';
      if (isSelect && client instanceof Redis) client.stream.destroy();
      this.#onChange(error);
    });
  }

  /** A cluster whose nodes announce addresses that lead nowhere has no other error, and begins again each time. */
  #nodeFailed(cluster: Cluster, cause: Error): void {
    // It knows the nodes, and is not ready; before it does, it asks those of the URL.
    if (cluster.status === 'connect' && !isRefusal(cause))
      this.#onChange(new RedisFault(NODE_AWAY, { cause }));
  }

  #reconnectConsumers(): void {
    if (this.#isClosing) return;
    for (const client of this.#all) {
      // One without a socket is about to connect anyway, and would be stopped by this.
      if (client.status === 'ready' || client.status === 'connect') client.disconnect(true);
    }
  }
}

function optionsFor(
  { nodes, kind, isTls, username, password }: RedisTarget,
  redisCa: string | null,
): RedisOptions {
  const host = kind === 'server' ? (nodes[0]?.host ?? '') : '';
  return {
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    keepAlive: KEEP_ALIVE_MS,
    retryStrategy: (attempt) => Math.min(attempt * 50, MAX_RECONNECT_DELAY_MS),
    // After a failover the name leads to the new primary, while this connection still stands to the old one.
    reconnectOnError: ({ message }) => message.includes('READONLY'),
    ...(isTls ? { tls: tlsFor(host, redisCa) } : {}),
  };
}

/** Made once: a certificate that cannot be read is reported at start, and not at every connection. */
function tlsFor(hostname: string, ca: string | null): NonNullable<RedisOptions['tls']> {
  // In a list of authorities, a text that holds none is passed over without a word.
  if (ca !== null) new X509Certificate(ca);
  const authorities = [...getCACertificates('default'), ...(ca === null ? [] : [ca])];
  const servername = hostname !== '' && isIP(hostname) === 0 ? { servername: hostname } : {};
  return { secureContext: createSecureContext({ ca: authorities }), ...servername };
}

function ended(client: RedisClient): Promise<void> {
  if (client.status === 'end') return Promise.resolve();
  // A cluster without a node has nothing to end but its timer.
  if (client instanceof Cluster && client.nodes('all').length === 0) {
    client.disconnect();
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    client.once('end', () => resolve());
    // Between two attempts there is nothing to end, and what waits for the next one would wait for ever.
    if (client.status === 'reconnecting') client.connect().catch(() => {});
    client.disconnect();
  });
}
