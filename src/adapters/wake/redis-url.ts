/**
 * The address of Redis: one server, a cluster, or what sentinels lead to. `new URL` refuses lists of hosts.
 *
 *     redis://USER:PASSWORD@HOST:PORT/NUMBER
 *     redis+cluster://USER:PASSWORD@HOST:PORT,HOST:PORT
 *     redis+sentinel://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME/NUMBER?sentinelPassword=PASSWORD
 *
 * `rediss` stands for TLS. The setting's pattern was matched before.
 */
export type RedisNode = { readonly host: string; readonly port: number };

export type RedisTarget = {
  readonly kind: 'server' | 'cluster' | 'sentinel';
  readonly isTls: boolean;
  readonly nodes: readonly RedisNode[];
  readonly username: string | null;
  readonly password: string | null;
  readonly database: number;
  /** What the sentinels call the primary; null without them. */
  readonly name: string | null;
  readonly sentinelPassword: string | null;
};

const DEFAULT_PORTS = { server: 6379, cluster: 6379, sentinel: 26379 } as const;

export function redisTargetOf(text: string): RedisTarget {
  const [, tls, list = 'server', login, hosts = '', path = '', query] =
    /^redis(s?)(?:\+(cluster|sentinel))?:\/\/(?:([^@/]*)@)?([^/?]+)(?:\/([^?]*))?(?:\?sentinelPassword=(.*))?$/.exec(
      text,
    ) ?? [];
  const kind = list as RedisTarget['kind'];
  const [username, password] = loginOf(login);
  const [name, database] = kind === 'sentinel' ? path.split('/') : [null, path];
  return {
    kind,
    isTls: tls === 's',
    nodes: hosts.split(',').map((each) => nodeOf(each, DEFAULT_PORTS[kind])),
    username,
    password,
    database: Number(database ?? 0),
    name: name ?? null,
    sentinelPassword: query === undefined ? null : decodeURIComponent(query),
  };
}

function loginOf(login: string | undefined): readonly [string | null, string | null] {
  if (login === undefined) return [null, null];
  const [user, ...password] = login.split(':').map(decodeURIComponent);
  return [user || null, password.join(':') || null];
}

function nodeOf(text: string, defaultPort: number): RedisNode {
  const [, host = text, port] = /^(\[.*\]|[^:]*)(?::(\d+))?$/.exec(text) ?? [];
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port ?? defaultPort) };
}

/** Without user and password. */
export const shownRedis = (text: string): string => text.replace(/\/\/[^/]*@/, '//').replace(/\?.*/, '');
