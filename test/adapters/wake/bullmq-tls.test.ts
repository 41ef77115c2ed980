// Redis behind TLS with a certificate of one's own: trusted when its authority is named, and else never spoken to.
import { type AddressInfo, connect, type Socket } from 'node:net';
import { createServer, type Server } from 'node:tls';
import { afterEach, expect, test } from '@jest/globals';
import { newAuthority } from '../../support/certificates.ts';
import { describeOn } from '../../support/servers.ts';
import { BullmqWorld, wakesByRedis } from './bullmq-world.ts';
import { until } from './until.ts';

const world = new BullmqWorld();
const sockets = new Set<Socket>();
let tlsServer: Server | null = null;

afterEach(async () => {
  await world.close();
  for (const socket of sockets) socket.destroy();
  tlsServer?.close();
});

describeOn(['redis'], 'waking by BullMQ over TLS', ({ url }) => {
  test('the certificate is checked, by the usual authorities and the one that is named', async () => {
    const authority = newAuthority('of this test');
    const { key, cert } = authority.certify(['localhost']);
    const redisUrl = `rediss://localhost:${await openDoor(new URL(url), key, cert)}`;
    const distrusting = world.open({ redisUrl });
    await until(() => distrusting.logged.length === 1);
    expect(distrusting.logged.join()).toMatch(/certificate/);
    expect(await wakesByRedis(distrusting)).toBe(false);
    const trusting = await world.openWhole({ redisUrl, redisCa: authority.cert });
    expect(await wakesByRedis(trusting)).toBe(true);
    expect(distrusting.wakes.isUp).toBe(false);
  });

  test('an authority that cannot be read is refused at start', () => {
    expect(() => world.open({ redisUrl: 'rediss://localhost:1', redisCa: 'no certificate' })).toThrow(/PEM/i);
  });
});

/** A TLS server that passes everything on to Redis; its port. */
async function openDoor(redis: URL, key: string, cert: string): Promise<number> {
  const opened = createServer({ key, cert }, (client) => {
    const server = connect(Number(redis.port), redis.hostname);
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => [client, server].map((end) => end.destroy()));
    }
    client.pipe(server).pipe(client);
  });
  tlsServer = opened;
  await new Promise<void>((resolve) => opened.listen(0, 'localhost', resolve));
  return (opened.address() as AddressInfo).port;
}
