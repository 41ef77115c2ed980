// What BullmqWakeQueue does on a Redis that works. One that is lost, silent or refuses: see bullmq-lost.test.ts.
import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Queue } from 'bullmq';
import type { RunningServer } from '../../../scripts/servers/run.ts';
import { describeOn, describeOwn } from '../../support/servers.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import { BullmqWorld, randomPrefix, wakesByRedis } from './bullmq-world.ts';
import { until } from './until.ts';
import { wakeContract } from './wake-contract.ts';

const world = new BullmqWorld();
afterEach(() => world.close());

await describeOwn('redis', 'on a Redis that forgets everything', (start) => {
  let server: RunningServer;
  afterEach(async () => {
    await world.close();
    await server.stop();
  });

  test('wakes armed after FLUSHALL arrive by it, though a wake was being waited for and one worked on', async () => {
    server = await start();
    const redis = world.client(server.url);
    let flushed: Promise<unknown> | null = null;
    const opened = await world.openWhole({
      redisUrl: server.url,
      onWake: () => {
        // The job is still active: BullMQ will miss it when it wants to remove it.
        flushed ??= redis.flushall();
      },
    });
    opened.wakes.wakeAt('forgotten', 1, Date.now() + 60_000, 'call');
    opened.wakes.wakeAt('worked-on', 1, Date.now(), 'call');
    await until(() => flushed !== null);
    await flushed;
    expect(await wakesByRedis(opened)).toBe(true);
    opened.wakes.wakeAt('soon', 1, Date.now() + 200, 'deadline');
    await until(() => opened.woken.includes('soon'));
    expect(opened.fallen).toEqual([]);
    expect(opened.wakes.isUp).toBe(true);
  });

  test('scripts that Redis has forgotten are sent again', async () => {
    server = await start();
    const opened = await world.openWhole({ redisUrl: server.url });
    expect(await wakesByRedis(opened)).toBe(true);
    await world.client(server.url).script('FLUSH');
    expect(await wakesByRedis(opened)).toBe(true);
  });
});

describeOn(['redis'], 'waking by BullMQ', ({ url: redisUrl }) => {
  describe('keeps the contract', () => {
    const prefix = randomPrefix();
    wakeContract(async (onWake) => (await world.openWhole({ redisUrl, prefix, onWake })).wakes);
  });

  test('wakes go by Redis, not by the timers of this process', async () => {
    const opened = await world.openWhole({ redisUrl });
    expect(await wakesByRedis(opened)).toBe(true);
    expect(opened.logged).toEqual([]);
    expect(opened.states).toEqual([true]);
  });

  test('what one replica arms another wakes when the first is gone', async () => {
    const prefix = randomPrefix();
    const first = await world.openWhole({ redisUrl, prefix });
    const jobs = new Queue('deadlines', { prefix, connection: world.client(redisUrl) });
    first.wakes.wakeAt('left', 1, Date.now() + 3_600_000, 'deadline');
    await until(async () => (await jobs.getDelayedCount()) === 1);
    await first.wakes.close();
    // Its time comes when only the second is there.
    const [left] = await jobs.getDelayed();
    const second = await world.openWhole({ redisUrl, prefix });
    await left?.promote();
    await until(() => second.woken.includes('left'));
    expect(first.woken).toEqual([]);
  });

  test('the same wake of two replicas wakes once over both, and other wakes each', async () => {
    const prefix = randomPrefix();
    const replicas = [
      await world.openWhole({ redisUrl, prefix }),
      await world.openWhole({ redisUrl, prefix }),
    ];
    const jobs = new Queue('calls', { prefix, connection: world.client(redisUrl) });
    // Later than both have armed it, also on a slow machine.
    const when = Date.now() + 1500;
    for (const { wakes } of replicas) {
      wakes.wakeAt('same', 7, when, 'call');
      wakes.wakeAt('same', 7, when + 100, 'call');
      wakes.wakeAt('last', 1, when + 300, 'call');
    }
    const woken = () => replicas.flatMap((replica) => replica.woken).sort();
    await until(() => woken().length >= 3);
    await until(async () => (await jobs.getJobCountByTypes('active', 'wait', 'delayed')) === 0);
    expect(woken()).toEqual(['last', 'same', 'same']);
    expect(replicas.flatMap(({ fallen }) => fallen)).toEqual([]);
  });

  test('a job carries a gid and nothing else, and is named by gid, row and time', async () => {
    const prefix = randomPrefix();
    const { wakes } = await world.openWhole({ redisUrl, prefix });
    const jobs = new Queue('deadlines', { prefix, connection: world.client(redisUrl) });
    const gid = randomUUID();
    const when = Date.now() + 3_600_000;
    wakes.wakeAt(gid, 12, when, 'deadline');
    await until(async () => (await jobs.getDelayedCount()) === 1);
    const [job] = await jobs.getDelayed();
    expect(job?.id).toBe(`w-${gid}-12-${when.toString(36)}`);
    expect(job?.data).toEqual({ gid });
    expect(job?.opts).toMatchObject({ attempts: 1, removeOnComplete: true, removeOnFail: true });
  });

  test('a wake that is a year ahead is armed for a day at most, and by two replicas once', async () => {
    const prefix = randomPrefix();
    const both = [await world.openWhole({ redisUrl, prefix }), await world.openWhole({ redisUrl, prefix })];
    const jobs = new Queue('deadlines', { prefix, connection: world.client(redisUrl) });
    const day = 86_400_000;
    const before = Date.now();
    for (const { wakes } of both) {
      wakes.wakeAt('a-year', 1, before + 366 * day, 'deadline');
      wakes.wakeAt('an-hour', 1, before + 3_600_000, 'deadline');
    }
    await until(async () => (await jobs.getDelayedCount()) >= 2);
    for (const { wakes } of both) await wakes.close();
    const dates = (await jobs.getDelayed()).map(({ data, timestamp, delay }) => [
      data.gid,
      timestamp + delay,
    ]);
    const [aYear, ...more] = dates.filter(([gid]) => gid === 'a-year');
    // Where the hour changes between the two, each has armed its own.
    expect(more.length).toBeLessThanOrEqual(
      Math.floor(Date.now() / 3_600_000) - Math.floor(before / 3_600_000),
    );
    expect(aYear?.[1]).toBeGreaterThan(before + day - 3_600_000 - 1000);
    expect(aYear?.[1]).toBeLessThanOrEqual(Date.now() + day);
    expect(dates.filter(([gid]) => gid === 'an-hour')).toHaveLength(1);
  });

  test('nothing is left in Redis of a wake that was answered, even when answering throws', async () => {
    const prefix = randomPrefix();
    const opened = await world.openWhole({
      redisUrl,
      prefix,
      onWake: () => {
        throw new Error('broken');
      },
    });
    await wakesByRedis(opened);
    const redis = world.client(redisUrl);
    await until(async () => (await redis.keys(`${prefix}:calls:w-*`)).length === 0);
    const jobs = new Queue('calls', { prefix, connection: redis });
    await until(async () => (await jobs.getJobCountByTypes('active', 'wait', 'delayed')) === 0);
    expect(await jobs.getJobCountByTypes('completed', 'failed')).toBe(0);
    expect(await wakesByRedis(opened)).toBe(true);
  });

  test("somebody else's job is dropped, and the next wake comes", async () => {
    const prefix = randomPrefix();
    const opened = await world.openWhole({ redisUrl, prefix });
    const jobs = new Queue('calls', { prefix, connection: world.client(redisUrl) });
    const drop = { removeOnComplete: true, removeOnFail: true };
    await jobs.addBulk([null, 'text', {}, { gid: 7 }].map((data) => ({ name: 'odd', data, opts: drop })));
    expect(await wakesByRedis(opened)).toBe(true);
    expect(opened.woken).toHaveLength(1);
    await until(async () => (await jobs.getJobCountByTypes('active', 'wait', 'failed')) === 0);
  });

  test('wakes that are armed in one moment go to Redis together', async () => {
    const proxy = await startTcpProxy({ targetPort: Number(new URL(redisUrl).port) });
    try {
      const opened = await world.openWhole({ redisUrl: `redis://127.0.0.1:${proxy.port}` });
      await wakesByRedis(opened);
      let packetCount = 0;
      proxy.onBytes((chunk, direction) => {
        if (direction === 'to-server' && chunk.includes('w-crowd-')) packetCount += 1;
      });
      for (let seq = 1; seq <= 300; seq += 1)
        opened.wakes.wakeAt('crowd', seq, Date.now() + 3_600_000, 'call');
      opened.wakes.wakeAt('last', 1, Date.now(), 'call');
      await until(() => opened.woken.includes('last'));
      expect(packetCount).toBeGreaterThan(0);
      // One by one they would be a packet each; how many fit into one is the kernel's affair.
      expect(packetCount).toBeLessThan(150);
    } finally {
      await world.close();
      await proxy.close();
    }
  });

  test('while no wake is armed there is no job', async () => {
    const prefix = randomPrefix();
    await world.openWhole({ redisUrl, prefix });
    const keys = await world.client(redisUrl).keys(`${prefix}:*`);
    expect(keys.filter((key) => /:(w-.*|id|wait|delayed|active|events|repeat)$/.test(key))).toEqual([]);
  });
});
