/**
 * A coordinator under constant load for TERCET_TEST_SOAK_MINUTES, 10 unless set: the heap that is left after collections does
 * not grow with the number of transactions.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { migrate, openDataSource } from '../../src/adapters/sql/data-source.ts';
import { CoordinatorProcess } from '../support/coordinator-process.ts';
import { describeOn } from '../support/servers.ts';

const minutes = Number(process.env.TERCET_TEST_SOAK_MINUTES ?? 10);
const CLIENTS = 32;
const SAMPLE_EVERY_MS = 1000;
/** Collections come at their own times, so that what is left after them varies. */
const MAX_GROWTH = 1.2;
/** Bounds a hang. */
const LIMIT_MS = (minutes + 30) * 60_000;

describeOn(['mysql'], `a coordinator under load for ${minutes} minutes`, (server) => {
  let participant: Server;
  let coordinator: CoordinatorProcess;

  beforeAll(async () => {
    participant = createServer((request, response) => {
      request.resume();
      request.on('end', () => response.end());
    });
    await new Promise<void>((resolve) => participant.listen(0, '127.0.0.1', resolve));
    const databaseUrl = await server.createDatabase();
    const dataSource = await openDataSource(databaseUrl);
    await migrate(dataSource);
    await dataSource.destroy();
    coordinator = new CoordinatorProcess({ TERCET_PORT: '0', TERCET_DATABASE_URL: databaseUrl });
    await coordinator.start();
    const baseUrl = `http://127.0.0.1:${(participant.address() as AddressInfo).port}`;
    for (const name of ['inventory', 'payment'])
      await send('PUT', `/v1/participants/${name}`, { baseUrl: `${baseUrl}/${name}` });
  }, LIMIT_MS);
  afterAll(async () => {
    await coordinator.remove();
    await new Promise((resolve) => participant.close(resolve));
  });

  async function send(method: string, path: string, body: unknown): Promise<{ readonly status: string }> {
    const response = await fetch(`${coordinator.url}${path}`, {
      method,
      headers: { 'content-type': 'application/json', prefer: 'wait=30' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as { status: string };
  }

  async function usedHeapMiB(): Promise<number> {
    const text = await (await fetch(`${coordinator.url}/metrics`)).text();
    const bytes = /^nodejs_heap_size_used_bytes (\S+)$/m.exec(text)?.[1];
    return Number(bytes) / 2 ** 20;
  }

  test(
    'keeps its heap flat',
    async () => {
      const endsAt = Date.now() + minutes * 60_000;
      let confirmedCount = 0;
      const client = async () => {
        while (Date.now() < endsAt) {
          const branches = ['inventory', 'payment'].map((name) => ({
            branchId: name,
            participant: name,
            activity: 'reserve',
            payload: { order: 'x'.repeat(200) },
          }));
          const { status } = await send('POST', '/v1/transactions', { name: 'soak', branches });
          if (status === 'confirmed') confirmedCount += 1;
        }
      };
      const samples: number[] = [];
      const sampler = async () => {
        while (Date.now() < endsAt) {
          samples.push(await usedHeapMiB());
          await pause(SAMPLE_EVERY_MS);
        }
      };
      await Promise.all([sampler(), ...Array.from({ length: CLIENTS }, client)]);
      // The first quarter warms up: caches fill, and code is compiled.
      const quarter = Math.floor(samples.length / 4);
      const [early, late] = [samples.slice(quarter, 2 * quarter), samples.slice(-quarter)];
      const [least, last] = [Math.min(...early), Math.min(...late)];
      process.stdout.write(
        `${confirmedCount} confirmed; least heap ${least.toFixed(1)} MiB in the second quarter, ${last.toFixed(1)} MiB in the last\n`,
      );
      expect(confirmedCount).toBeGreaterThan(0);
      expect(last).toBeLessThan(least * MAX_GROWTH);
    },
    LIMIT_MS,
  );
});
