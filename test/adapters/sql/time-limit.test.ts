/** A connection to a server that went silent: it is given up completely. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, test } from '@jest/globals';
import { breakOff, NoAnswer, withinLimit } from '../../../src/adapters/sql/time-limit.ts';

test('a connection that is broken off is closed, although the other side never ends its own', async () => {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  const accepted = once(server, 'connection');
  await once(server, 'listening');
  const stream = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [other] = await accepted;
  const closed = once(stream, 'close');
  // As the client of MySQL does.
  breakOff({ destroy: () => stream.end(), stream });
  await closed;
  other.destroy();
  server.close();
});

test('what is not answered in time is given up, with an error that counts as no connection', async () => {
  let isGivenUp = false;
  const never = new Promise<never>(() => {});
  const waiting = withinLimit(1, never, () => {
    isGivenUp = true;
  });
  await expect(waiting).rejects.toMatchObject({ constructor: NoAnswer, code: 'ETIMEDOUT' });
  expect(isGivenUp).toBe(true);
});
