// A Redis that is absent, killed, silent or refuses: wakes come by this process's own timers, and nobody waits.
import { randomUUID } from 'node:crypto';
import { afterEach, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import type { RunningServer } from '../../../scripts/servers/run.ts';
import { describeOwn } from '../../support/servers.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { BullmqWorld, wakesByRedis } from './bullmq-world.ts';
import { until } from './until.ts';

await describeOwn('redis', 'a Redis that fails', (start) => {
  const world = new BullmqWorld();
  let server: RunningServer;
  let proxy: TcpProxy | null = null;

  afterEach(async () => {
    await world.close();
    await proxy?.close();
    proxy = null;
    await server.stop();
  });

  test('killed: wakes come by the fallback, and by the queue once it is back; one line tells of it', async () => {
    server = await start();
    const opened = await world.openWhole({ redisUrl: server.url });
    expect(await wakesByRedis(opened)).toBe(true);
    await server.kill();
    await until(() => !opened.wakes.isUp);
    expect(await wakesByRedis(opened)).toBe(false);
    await server.restart();
    await until(() => opened.wakes.isUp);
    expect(await wakesByRedis(opened)).toBe(true);
    expect(opened.logged).toHaveLength(1);
    expect(opened.states).toEqual([true, false, true]);
  });

  test('killed while a crowd is being armed: every wake that it did not take is woken', async () => {
    server = await start();
    const opened = await world.openWhole({ redisUrl: server.url });
    const crowd = Array.from({ length: 2000 }, () => randomUUID());
    const arm = (gids: readonly string[]) => {
      for (const gid of gids) opened.wakes.wakeAt(gid, 1, Date.now() + 50, 'call');
    };
    arm(crowd.slice(0, 1000));
    const killed = server.kill();
    // It is dead, and nobody here has heard of it yet.
    arm(crowd.slice(1000));
    expect(opened.fallen).toEqual([]);
    await killed;
    await until(() => opened.fallen.includes(crowd.at(-1)!));
    // What Redis had taken is the sweep's.
    await until(() => opened.fallen.every((gid) => opened.woken.includes(gid)));
    await server.restart();
    await until(() => opened.wakes.isUp);
    expect(await wakesByRedis(opened)).toBe(true);
  });

  test('absent at start: wakes come by the fallback, and by the queue once it is started', async () => {
    server = await start();
    await server.kill();
    const opened = world.open({ redisUrl: server.url });
    expect(opened.wakes.isUp).toBe(false);
    expect(await wakesByRedis(opened)).toBe(false);
    await until(() => opened.logged.length === 1);
    await server.restart();
    await until(() => opened.wakes.isUp);
    expect(await wakesByRedis(opened)).toBe(true);
    expect(opened.logged).toHaveLength(1);
    expect(opened.states).toEqual([false, true]);
  });

  test('fallen silent: wakes come by the fallback, the later ones without waiting, and by the queue afterwards', async () => {
    server = await start();
    proxy = await startTcpProxy({ targetPort: server.port });
    const opened = await world.openWhole({ redisUrl: `redis://127.0.0.1:${proxy.port}` });
    const admin = world.client(server.url);
    const before = await clientIds(admin);
    proxy.pause();
    expect(await wakesByRedis(opened)).toBe(false);
    expect(opened.wakes.isUp).toBe(false);
    const gid = randomUUID();
    opened.wakes.wakeAt(gid, 1, Date.now(), 'deadline');
    expect(opened.fallen).toContain(gid);
    proxy.resume();
    await until(() => opened.wakes.isUp);
    expect(await wakesByRedis(opened)).toBe(true);
    // Nobody knows which of the old connections still carry anything, so none of them is kept.
    await until(async () => (await clientIds(admin)).every((id) => !before.includes(id)));
  });

  test('silent from the first connection on: wakes come by the fallback, and by the queue once it speaks', async () => {
    server = await start();
    proxy = await startTcpProxy({ targetPort: server.port });
    proxy.pause();
    const opened = world.open({ redisUrl: `redis://127.0.0.1:${proxy.port}` });
    expect(await wakesByRedis(opened)).toBe(false);
    await until(() => opened.logged.length === 1);
    proxy.resume();
    await until(() => opened.wakes.isUp);
    expect(await wakesByRedis(opened)).toBe(true);
  });

  test('more wakes than may wait for a silent one go to the fallback at once', async () => {
    server = await start();
    proxy = await startTcpProxy({ targetPort: server.port });
    const opened = await world.openWhole({ redisUrl: `redis://127.0.0.1:${proxy.port}` });
    proxy.pause();
    for (let seq = 1; seq <= 10_100; seq += 1) opened.wakes.wakeAt('crowd', seq, Date.now() + 60_000, 'call');
    expect(opened.fallen).toHaveLength(100);
  });

  test('a wrong password: not whole, one line, and the line does not tell it', async () => {
    server = await start();
    const admin = world.client(server.url);
    await admin.config('SET', 'requirepass', 'right');
    const opened = world.open({ redisUrl: server.url.replace('//', '//:wr0ng-s3cret@') });
    await until(() => opened.logged.length > 0);
    expect(await wakesByRedis(opened)).toBe(false);
    expect(opened.wakes.isUp).toBe(false);
    expect(opened.logged).toEqual([expect.stringContaining('WRONGPASS')]);
    expect(opened.logged.join()).not.toContain('wr0ng-s3cret');
    await admin.config('SET', 'requirepass', 'wr0ng-s3cret');
    await until(() => opened.wakes.isUp);
    expect(await wakesByRedis(opened)).toBe(true);
  });

  test('full: not whole and wakes come by the fallback, until it takes them again', async () => {
    server = await start();
    const opened = await world.openWhole({ redisUrl: server.url });
    const admin = world.client(server.url);
    await admin.config('SET', 'maxmemory', '1');
    expect(await wakesByRedis(opened)).toBe(false);
    expect(opened.wakes.isUp).toBe(false);
    expect(opened.logged.join()).toContain('OOM');
    await admin.config('SET', 'maxmemory', '0');
    await until(async () => await wakesByRedis(opened));
    expect(opened.wakes.isUp).toBe(true);
    expect(opened.states).toEqual([true, false, true]);
  });

  test('one that may drop wakes by itself is used but not whole, and one line tells why', async () => {
    server = await start({ flags: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'] });
    const opened = world.open({ redisUrl: server.url });
    await until(() => opened.logged.length === 1);
    expect(opened.logged.join()).toContain('maxmemory-policy');
    expect(await wakesByRedis(opened)).toBe(true);
    expect(opened.wakes.isUp).toBe(false);
  });

  test('closing ends while it is gone, while it is silent, and while it was never there', async () => {
    server = await start();
    proxy = await startTcpProxy({ targetPort: server.port });
    const silent = await world.openWhole({ redisUrl: `redis://127.0.0.1:${proxy.port}` });
    const killed = await world.openWhole({ redisUrl: server.url });
    proxy.pause();
    await silent.wakes.close();
    await server.kill();
    await killed.wakes.close();
    const never = world.open({ redisUrl: server.url });
    await never.wakes.close();
    expect([silent, killed, never].map(({ wakes }) => wakes.isUp)).toEqual([false, false, false]);
  });
});

/** Of all connections to this Redis, but the one that asks. */
async function clientIds(admin: Redis): Promise<number[]> {
  const [own, all] = [await admin.client('ID'), String(await admin.client('LIST'))];
  const ids = [...all.matchAll(/^id=(\d+) /gm)].map(([, id]) => Number(id));
  return ids.filter((id) => id !== own);
}
