/**
 * The kinds of connections to Redis: to one server, which sentinels may lead to, and to a cluster. They differ from those of
 * ioredis in what BullMQ does with them, and in the addresses of a cluster's nodes.
 */
import { Cluster, type ClusterOptions, Command, Redis, type RedisOptions } from 'ioredis';
import { isRefusal } from './redis-faults.ts';
import type { RedisNode, RedisTarget } from './redis-url.ts';

const SLOTS_TIMEOUT_MS = 5000;

/** To a cluster, a client keeps connections to its nodes. */
export type RedisClient = Redis | Cluster;

/** The oldest version that is supported; what BullMQ does with newer ones saves a millisecond. */
const OLDEST_VERSION = 'redis_version:6.2.0\r\n';

/**
 * INFO never fails here for want of the right. BullMQ asks for the version once: a worker that is refused would go on
 * with a failed promise in a loop that never lets the event loop run.
 */
class TolerantRedis extends Redis {
  override info(...given: unknown[]): Promise<string> {
    const callback = given.at(-1);
    const sections = given.filter((each): each is string => typeof each === 'string');
    const asked: Promise<string> = super.info(...sections);
    // Of ioredis, which asks whether the data is loaded: a refused log-in must reach it.
    if (typeof callback === 'function')
      asked.then(
        (text) => callback(null, text),
        (error) => (isMissingRight(error) ? callback(null, OLDEST_VERSION) : callback(error)),
      );
    return sections.length > 0 ? asked : asked.catch(() => OLDEST_VERSION);
  }
}

const isMissingRight = (error: unknown): boolean => isRefusal(error) && error.message.startsWith('NOPERM');

/** BullMQ copies the connection that it is given for each blocking wait; what it copies must be watched and ended too. */
class CopiedRedis extends TolerantRedis {
  readonly #onCopy: (copy: RedisClient) => void;

  constructor(options: RedisOptions, onCopy: (copy: RedisClient) => void) {
    super(options);
    this.#onCopy = onCopy;
  }

  override duplicate(changes?: Partial<RedisOptions>): Redis {
    // That of ioredis makes a Redis, whatever this is.
    const copy = new TolerantRedis({ ...this.options, ...changes });
    this.#onCopy(copy);
    return copy;
  }
}

/** As the two above, for a cluster. */
class CopiedCluster extends Cluster {
  readonly #nodes: RedisTarget['nodes'];
  readonly #onCopy: (copy: RedisClient) => void;

  constructor(nodes: RedisTarget['nodes'], options: ClusterOptions, onCopy: (copy: RedisClient) => void) {
    super([...nodes], options);
    this.#nodes = nodes;
    this.#onCopy = onCopy;
  }

  /** BullMQ asks for all sections, and once. */
  override info(...given: unknown[]): Promise<string> {
    const sections = given.filter((each): each is string => typeof each === 'string');
    const asked: Promise<string> = super.info(...sections);
    return sections.length > 0 ? asked : asked.catch(() => OLDEST_VERSION);
  }

  override duplicate(_nodes?: unknown, changes?: ClusterOptions): Cluster {
    const copy = new CopiedCluster(this.#nodes, { ...this.options, ...changes }, () => {});
    this.#onCopy(copy);
    return copy;
  }
}

type Open = (target: RedisTarget, options: RedisOptions, onCopy?: (copy: RedisClient) => void) => RedisClient;

export const serverAt: Open = (
  { kind, nodes, name, database: db, sentinelPassword },
  options,
  onCopy = () => {},
) => {
  const primary = { sentinels: [...nodes], name: name ?? '', sentinelPassword: sentinelPassword ?? '' };
  const address = kind === 'sentinel' ? primary : { ...nodes[0] };
  const sentinelTls = options.tls ? { enableTLSForSentinelMode: true, sentinelTLS: options.tls } : {};
  return new CopiedRedis({ ...options, ...address, ...sentinelTls, db }, onCopy);
};

export const clusterAt: Open = (
  { nodes },
  { enableOfflineQueue = true, ...redisOptions },
  onCopy = () => {},
) =>
  new CopiedCluster(
    nodes,
    {
      enableOfflineQueue,
      redisOptions,
      slotsRefreshTimeout: SLOTS_TIMEOUT_MS,
      clusterRetryStrategy: redisOptions.retryStrategy,
      natMap: (address) => whereAsked(nodes, address),
    },
    onCopy,
  );

// ── A node that does not know its address ────────────────────────────────────────────────────────────────────

/** Stands for the empty host in an answer of CLUSTER SLOTS, which means where it was asked. ioredis leaves such a node out. */
const WHERE_ASKED = 'where-asked.invalid';

/** One that has left the cluster has no port either. */
const isWithoutHost = (node: unknown): node is readonly unknown[] =>
  Array.isArray(node) && !node[0] && node[1] > 0;

Command.setReplyTransformer('cluster', (reply: unknown) =>
  Array.isArray(reply)
    ? reply.map((range: unknown) =>
        Array.isArray(range)
          ? range.map((node) => (isWithoutHost(node) ? [WHERE_ASKED, ...node.slice(1)] : node))
          : range,
      )
    : reply,
);

/** The node of the URL; of several, the one with this port. Null for an address that is one. */
function whereAsked(nodes: readonly RedisNode[], address: string): RedisNode | null {
  if (!address.startsWith(`${WHERE_ASKED}:`)) return null;
  return nodes.find(({ port }) => address.endsWith(`:${port}`)) ?? nodes[0] ?? null;
}
