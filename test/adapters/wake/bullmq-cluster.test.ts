// Redis Cluster and Sentinel: addresses of their own, and what is said of a cluster that is addressed as one server.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { freePort } from '../../../scripts/servers/free-port.ts';
import { obtainServer } from '../../../scripts/servers/obtain.ts';
import type { RunningServer } from '../../../scripts/servers/run.ts';
import { type WatchedFolder, watchedFolder } from '../../../scripts/servers/watched-folder.ts';
import { describeOwn } from '../../support/servers.ts';
import { BullmqWorld, wakesByRedis } from './bullmq-world.ts';
import { until } from './until.ts';

const world = new BullmqWorld();
let server: RunningServer;
afterEach(async () => {
  await world.close();
  await server.stop();
});

await describeOwn('redis', 'a Redis Cluster', (start) => {
  beforeEach(async () => {
    server = await start({ flags: ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'] });
    const admin = world.client(server.url);
    await admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await until(async () => (await admin.cluster('INFO')).includes('cluster_state:ok'));
  });

  test('wakes by its keys in one slot', async () => {
    const opened = await world.openWhole({
      redisUrl: `redis+cluster://${server.host}:${server.port}`,
      prefix: 'shop',
    });
    expect(await wakesByRedis(opened)).toBe(true);
    opened.wakes.wakeAt('soon', 1, Date.now() + 200, 'deadline');
    await until(() => opened.woken.includes('soon'));
    const keys = await world.client(server.url).keys('*');
    expect(keys.filter((key) => !key.startsWith('{shop}:'))).toEqual([]);
    expect(opened.logged).toEqual([]);
    await server.kill();
    await until(() => !opened.wakes.isUp);
    expect(await wakesByRedis(opened)).toBe(false);
  });

  test('addressed as one server is distinguished from one that cannot be reached', async () => {
    const opened = world.open({ redisUrl: server.url });
    await until(() => opened.wakes.whyDown?.includes('redis+cluster://') === true);
    expect(await wakesByRedis(opened)).toBe(false);
    expect(opened.logged.join()).toContain('redis+cluster://');
  });
});

await describeOwn('redis', 'a Redis Cluster of one node', (start) => {
  const startNode = async (...announced: string[]) => {
    server = await start({ flags: ['--cluster-enabled', 'yes', ...announced] });
    const admin = world.client(server.url);
    await admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await until(async () => (await admin.cluster('INFO')).includes('cluster_state:ok'));
    return `redis+cluster://${server.host}:${server.port}`;
  };

  test('that does not know its own address is used at the address of the URL', async () => {
    const opened = await world.openWhole({ redisUrl: await startNode() });
    expect(await wakesByRedis(opened)).toBe(true);
    opened.wakes.wakeAt('soon', 1, Date.now() + 200, 'deadline');
    await until(() => opened.woken.includes('soon'));
    expect(opened.logged).toEqual([]);
  });

  test('that announces an address where it is not is said to, and the log has the address', async () => {
    const opened = world.open({ redisUrl: await startNode('--cluster-announce-ip', '127.0.0.2') });
    await until(() => opened.logged.length > 0);
    expect(opened.wakes.whyDown).toMatch(
      /^A node of the Redis cluster cannot be reached at .*cluster-announce-ip: /,
    );
    expect(opened.logged).toEqual([expect.stringContaining(`ECONNREFUSED 127.0.0.2:${server.port}`)]);
    expect(await wakesByRedis(opened)).toBe(false);
  });
});

await describeOwn('redis', 'a Redis that sentinels lead to', (start) => {
  let folder: WatchedFolder;
  afterEach(() => folder.remove());

  test('wakes by it', async () => {
    server = await start();
    const found = await obtainServer('redis', { own: true });
    if (!('command' in found)) throw new Error('the server was started');
    const port = await freePort('127.0.0.1');
    folder = watchedFolder('sentinel', 'SIGKILL');
    const file = join(folder.path, 'sentinel.conf');
    writeFileSync(
      file,
      `port ${port}\nbind 127.0.0.1\nsentinel monitor mymaster 127.0.0.1 ${server.port} 1\n`,
    );
    folder.spawn([...found.command, file, '--sentinel']);
    const opened = await world.openWhole({
      redisUrl: `redis+sentinel://127.0.0.1:${port},127.0.0.1:1/mymaster/2`,
    });
    expect(await wakesByRedis(opened)).toBe(true);
  });
});
