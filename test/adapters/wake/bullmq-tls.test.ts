// Redis behind TLS with a certificate of one's own: trusted when its authority is named, and else never spoken to.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server } from 'node:tls';
import { afterEach, expect, test } from '@jest/globals';
import { describeOn } from '../../support/servers.ts';
import { BullmqWorld, wakesByRedis } from './bullmq-world.ts';
import { until } from './until.ts';

const world = new BullmqWorld();
const folder = mkdtempSync(join(tmpdir(), 'tercet-tls-'));
const sockets = new Set<Socket>();
let door: Server | null = null;

afterEach(async () => {
  await world.close();
  for (const socket of sockets) socket.destroy();
  door?.close();
  rmSync(folder, { recursive: true, force: true });
});

describeOn(['redis'], 'waking by BullMQ over TLS', ({ url }) => {
  const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
  const named = hasOpenssl ? test : test.skip;

  named('the certificate is checked, by the usual authorities and the one that is named', async () => {
    const { key, cert } = selfSigned('localhost');
    const redisUrl = `rediss://localhost:${await openDoor(new URL(url), key, cert)}`;
    const distrusting = world.open({ redisUrl });
    await until(() => distrusting.logged.length === 1);
    expect(distrusting.logged.join()).toContain('self-signed');
    expect(await wakesByRedis(distrusting)).toBe(false);
    const trusting = await world.openWhole({ redisUrl, redisCa: cert });
    expect(await wakesByRedis(trusting)).toBe(true);
    expect(distrusting.wakes.isWhole).toBe(false);
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
  door = opened;
  await new Promise<void>((resolve) => opened.listen(0, 'localhost', resolve));
  return (opened.address() as AddressInfo).port;
}

function selfSigned(name: string): { key: string; cert: string } {
  const [key, cert] = [join(folder, 'key'), join(folder, 'cert')];
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...made, '-keyout', key, '-out', cert, ...subject], {
    stdio: 'ignore',
  });
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}
