/**
 * A Redis user that lacks a right: wakes come by this process's own timers where Redis cannot be used, the right is named, and
 * neither this process nor Redis is kept busy. A process whose event loop is blocked fails here by the time limit.
 */
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import type { RunningServer } from '../../../scripts/servers/run.ts';
import { SCRIPTED as SCRIPTED_COMMANDS } from '../../../src/adapters/wake/redis-inspection.ts';
import { CoordinatorProcess } from '../../support/coordinator-process.ts';
import { describeOwn } from '../../support/servers.ts';
import { BullmqWorld, wakesByRedis } from './bullmq-world.ts';
import { until } from './until.ts';

const SCRIPTED = SCRIPTED_COMMANDS.map(([name]) => name);
const COMMANDS = ['eval', 'evalsha', 'info', 'select', 'rpoplpush', ...SCRIPTED];
/** ioredis goes on without CLIENT; without AUTH there is no user. */
const UNNEEDED = /^(?:client|auth)$/;

await describeOwn('redis', 'a Redis user without a right', (start) => {
  const world = new BullmqWorld();
  let server: RunningServer;
  let admin: Redis;
  const urlOf = (user: string) => `${server.url.replace('//', `//${user}:pw@`)}/1`;
  const allow = (user: string, ...rights: string[]) =>
    admin.call('ACL', 'SETUSER', user, 'on', '>pw', ...rights);

  beforeAll(async () => {
    server = await start();
    admin = world.client(server.url);
  });
  afterAll(async () => {
    await world.close();
    await server.stop();
  });

  test('each in turn: every wake comes, the right is named, and Redis is used once it is given', async () => {
    const check = async (command: string) => {
      await allow(command, '~*', '&*', '+@all', `-${command}`);
      const opened = world.open({ redisUrl: urlOf(command) });
      await wakesByRedis(opened);
      await until(() => opened.logged.length > 0);
      const named = `no right to run ${command.toUpperCase()}`;
      expect(opened.logged.join()).toContain(named);
      expect(opened.wakes.whyDown).toContain(named);
      for (let count = 0; count < 3; count += 1) expect(await wakesByRedis(opened)).toBe(command === 'info');
      await allow(command, `+${command}`);
      await until(async () => (await wakesByRedis(opened)) && opened.wakes.isUp);
      await opened.wakes.close();
    };
    await Promise.all(COMMANDS.map(check));
  });

  test('is known of each command that Redis was sent', async () => {
    const monitor = connect(server.port, server.host);
    let shown = '';
    monitor.on('data', (chunk) => {
      shown += chunk;
    });
    monitor.write('MONITOR\r\n');
    await until(() => shown.startsWith('+OK'));
    const opened = await world.openWhole({ redisUrl: urlOf('default').replace('default:pw@', '') });
    for (const ahead of [0, 100, 300]) opened.wakes.wakeAt(`w${ahead}`, 1, Date.now() + ahead, 'call');
    await until(() => opened.woken.length === 3);
    await opened.wakes.close();
    monitor.destroy();
    const seen = new Set([...shown.matchAll(/\] "(\w+)"/g)].map(([, command = '']) => command.toLowerCase()));
    expect([...seen].filter((command) => !COMMANDS.includes(command) && !UNNEEDED.test(command))).toEqual([]);
    expect(seen).toContain('bzpopmin');
  });

  test('is asked for again at leisure', async () => {
    await allow('busy', '~*', '&*', '+@all', '-zpopmin', '-bzpopmin');
    const opened = world.open({ redisUrl: urlOf('busy') });
    const refusals = async () => Number(/acl_access_denied_cmd:(\d+)/.exec(await admin.info('stats'))?.[1]);
    await until(() => opened.logged.length > 0);
    const [startedAt, before] = [Number((await admin.time())[0]), await refusals()];
    await until(async () => Number((await admin.time())[0]) - startedAt >= 4);
    expect((await refusals()) - before).toBeLessThan(100);
    await opened.wakes.close();
  });

  test('keys outside of what the user may touch: the keys are named', async () => {
    await allow('keys', '~elsewhere*', '&*', '+@all');
    const opened = world.open({ redisUrl: urlOf('keys') });
    expect(await wakesByRedis(opened)).toBe(false);
    await until(() => opened.wakes.whyDown?.includes('no right to the keys') === true);
  });

  test('INFO: a coordinator answers, says that it is degraded and why, and stops by SIGTERM', async () => {
    await allow('no-info', '~*', '&*', '+@all', '-info');
    const coordinator = new CoordinatorProcess({
      TERCET_PORT: '0',
      TERCET_DATABASE_URL: 'sqlite::memory:',
      TERCET_REDIS_URL: urlOf('no-info'),
    });
    try {
      await coordinator.start();
      const readiness = async () => await (await fetch(`${coordinator.url}/readyz`)).text();
      await until(async () => (await readiness()).includes('no right to run INFO'));
      expect(await coordinator.end('SIGTERM')).toEqual({ code: 0, signal: null });
      expect(coordinator.printed).toContain('no right to run INFO');
    } finally {
      await coordinator.remove();
    }
  });
});
