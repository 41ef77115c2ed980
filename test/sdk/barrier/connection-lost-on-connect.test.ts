// A PostgreSQL that ends a connection in the very packet that opens it, as it does when it stops.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { pgBarrier } from '@tercet/sdk/barrier/pg';
import { Pool } from 'pg';
import { callOf } from './barrier-world.ts';

/** A message of the frontend/backend protocol: its kind, its length, its content. */
function message(kind: string, content: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(kind);
  head.writeInt32BE(content.length + 4, 1);
  return Buffer.concat([head, content]);
}

const OPENED = [message('R', Buffer.alloc(4)), message('Z', Buffer.from('I'))];
const ENDED = message('E', Buffer.from('SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0'));

let server: Server;
beforeAll(async () => {
  server = createServer((socket: Socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(Buffer.concat([...OPENED, ENDED])));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

test('fails the call, and not the process', async () => {
  const { port } = server.address() as AddressInfo;
  const pool = new Pool({ host: '127.0.0.1', port, user: 'shop', max: 1 });
  pool.on('error', () => {});
  const barrier = pgBarrier({ pool });
  for (let time = 0; time < 3; time += 1)
    await expect(barrier.run(callOf('try'), () => 'well')).rejects.toThrow(/connection/i);
  await pool.end();
});
