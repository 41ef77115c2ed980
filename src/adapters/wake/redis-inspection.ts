/**
 * What commands do not show, or too late: rights that the Redis user lacks, another database's coordinators under the same
 * prefix, and an eviction policy that drops wakes. Asked at each new connection and again and again, since an operator may change it meanwhile.
 */
import type { RedisClient } from './redis-connections.ts';
import { missingRights, RedisFault } from './redis-faults.ts';

/** What the scripts of BullMQ call, with arguments that do nothing to a key that holds a text. */
export const SCRIPTED: readonly (readonly [string, ...string[]])[] = [
  ...([['set', '1', 'PX', '10000'], ['get'], ['exists'], ['bzpopmin', '0.001']] as const),
  ...([
    ['hget', 'f'],
    ['hgetall'],
    ['hincrby', 'f', '1'],
    ['hmget', 'f'],
    ['hmset', 'f', '1'],
    ['hset', 'f', '1'],
  ] as const),
  ...([['incr'], ['llen'], ['lpush', 'm'], ['lrange', '0', '0'], ['lrem', '0', 'm']] as const),
  ...([['scard'], ['smembers'], ['srem', 'm'], ['xadd', '*', 'f', '1'], ['xtrim', 'MAXLEN', '0']] as const),
  ...([
    ['zadd', '1', 'm'],
    ['zcard'],
    ['zpopmin'],
    ['zrange', '0', '0'],
    ['zrangebyscore', '0', '0'],
  ] as const),
  ...([['zrem', 'm'], ['zrevrangebyscore', '0', '0'], ['del']] as const),
];

/** `rpoplpush` has two keys, which are one here. */
const PROBE = `
  local missing = {}
  local function try(...)
    local reply = redis.pcall(...)
    local refusal = type(reply) == 'table' and reply.err or ''
    if string.find(refusal, 'to run the', 1, true) then table.insert(missing, (select(1, ...))) end
  end
  try('rpoplpush', KEYS[1], KEYS[1])
  for _, command in ipairs(cjson.decode(ARGV[1])) do
    try(command[1], KEYS[1], unpack(command, 2))
  end
  return missing`;

/** @throws MissingRights, and what Redis refuses */
export async function inspectRights(client: RedisClient, prefix: string): Promise<void> {
  const missing = await client.eval(PROBE, 1, `${prefix}:rights`, JSON.stringify(SCRIPTED));
  if (Array.isArray(missing) && missing.length > 0) throw missingRights(missing.map(String));
}

/**
 * The first to come marks the prefix as its database's. Coordinators of another one would take these wakes for their own, and
 * find nothing to do.
 * @throws RedisFault where the mark is another database's
 */
export async function inspectMark(client: RedisClient, prefix: string, databaseId: string): Promise<void> {
  const key = `${prefix}:database`;
  await client.set(key, databaseId, 'NX');
  const mark = await client.get(key);
  if (mark !== null && mark !== databaseId)
    throw new RedisFault(
      `coordinators of another database use TERCET_REDIS_PREFIX ${prefix} on this Redis: set another prefix, ` +
        `or delete the key ${key} if that database is gone`,
    );
}

/** Full, it would drop wakes of its own accord. Other policies spare keys that do not expire, as wakes are. */
export async function inspectMemory(client: RedisClient): Promise<void> {
  const memory = await client.info('memory');
  const mayEvict = /^maxmemory_policy:allkeys-/m.test(memory) && !/^maxmemory:0\s*$/m.test(memory);
  if (mayEvict) throw new RedisFault('Redis may drop wakes: set its maxmemory-policy to noeviction');
}
