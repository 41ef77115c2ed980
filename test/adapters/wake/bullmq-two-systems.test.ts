// Coordinators of two databases on one Redis with one prefix: the second keeps off, since each would take the other's wakes.
import { randomUUID } from 'node:crypto';
import { afterEach, expect, test } from '@jest/globals';
import { describeOn } from '../../support/servers.ts';
import { BullmqWorld, type Opened, randomPrefix, wakesByRedis } from './bullmq-world.ts';
import { until } from './until.ts';

const world = new BullmqWorld();
afterEach(() => world.close());

describeOn(['redis'], 'a prefix that another database uses', ({ url: redisUrl }) => {
  const openBoth = async () => {
    const prefix = randomPrefix();
    const first = await world.openWhole({ redisUrl, prefix, databaseId: 'first' });
    const second = world.open({ redisUrl, prefix, databaseId: 'second' });
    await until(() => second.logged.length > 0);
    return { prefix, first, second };
  };

  test('the second takes no wake of the first, wakes by its own timers, and says what to set', async () => {
    const { first, second } = await openBoth();
    const gids = Array.from({ length: 20 }, () => randomUUID());
    for (const gid of gids) first.wakes.wakeAt(gid, 1, Date.now() + 100, 'call');
    await until(() => gids.every((gid) => first.woken.includes(gid)));
    expect(await wakesByRedis(second)).toBe(false);
    expect(second.woken).not.toEqual(expect.arrayContaining([expect.stringMatching(gids.join('|'))]));
    expect(first.fallen).toEqual([]);
    expect(first.wakes.isUp).toBe(true);
    expect(second.logged).toEqual([expect.stringContaining('TERCET_REDIS_PREFIX')]);
    expect(second.wakes.whyDown).toMatch(/^Coordinators of another database .* transactions go on/);
  });

  test('when the first is gone and its mark is deleted, the second uses it without a restart', async () => {
    const { prefix, first, second } = await openBoth();
    await first.wakes.close();
    await world.client(redisUrl).del(`${prefix}:database`);
    await until(() => second.wakes.isUp);
    expect(await wakesByRedis(second)).toBe(true);
  });

  test('one whose mark is replaced takes no more wakes', async () => {
    const { prefix, first, second } = await openBoth();
    await world.client(redisUrl).set(`${prefix}:database`, 'second');
    const isIn = ({ wakes }: Opened) => wakes.isUp;
    await until(() => isIn(second) && !isIn(first));
    const gids = Array.from({ length: 20 }, () => randomUUID());
    for (const gid of gids) second.wakes.wakeAt(gid, 1, Date.now() + 100, 'call');
    await until(() => gids.every((gid) => second.woken.includes(gid)));
    expect(await wakesByRedis(first)).toBe(false);
    expect(first.woken).toHaveLength(1);
  });

  test('replicas of one database share it', async () => {
    const prefix = randomPrefix();
    const both = [await world.openWhole({ redisUrl, prefix }), await world.openWhole({ redisUrl, prefix })];
    for (const one of both) expect(one.wakes.whyDown).toBeNull();
  });
});
