// Where a call of the participant client goes: round several addresses, never to forbidden ones, and over TLS only to
// certificates that it can verify.
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryParticipantRegistry } from '../../../src/adapters/memory/participant-registry.ts';
import { whyNeverCalled } from '../../../src/adapters/participant/forbidden-addresses.ts';
import { HttpParticipantClient } from '../../../src/adapters/participant/http-client.ts';
import { AllowedAddresses } from '../../../src/application/allowed-addresses.ts';
import { newAuthority } from '../../support/certificates.ts';
import { type Participant, participantThat, rawParticipantThat } from './http-server.ts';
import { participantCall } from './participant-call.ts';

let registry: MemoryParticipantRegistry;
let client: HttpParticipantClient;
let open: { close(): Promise<void> }[];

beforeEach(() => {
  registry = new MemoryParticipantRegistry();
  // No time passes: an address that fails is not called again within a test, however slow the machine is.
  client = new HttpParticipantClient({ registry, ca: null, maxIdleConnections: 256, elapsedMs: () => 0 });
  open = [];
});
afterEach(async () => {
  await client.close();
  for (const one of open) await one.close();
});

async function opened(starting: Promise<Participant>): Promise<Participant> {
  const participant = await starting;
  open.push(participant);
  return participant;
}

const answering = (status: number) => opened(participantThat((response) => response.writeHead(status).end()));

const register = (...baseUrls: readonly string[]) =>
  registry.put({ name: 'inventory', baseUrls, paths: {}, callTimeoutMs: null });

const call = (participant = 'inventory', by = client) => by.call(participantCall({ participant }));

async function statusesOf(count: number): Promise<(number | null)[]> {
  const statuses: (number | null)[] = [];
  while (statuses.length < count) statuses.push((await call()).httpStatus);
  return statuses;
}

describe('a participant with several addresses', () => {
  test('is called at each in turn', async () => {
    const all = [await answering(200), await answering(200)];
    await register(...all.map(({ url }) => url));
    await statusesOf(6);
    expect(all.map(({ received }) => received.length)).toEqual([3, 3]);
  });

  test('is called where it answers once an address cannot be reached, and no call is sent twice', async () => {
    const [gone, there] = [await answering(200), await answering(200)];
    await gone.close();
    await register(gone.url, there.url);
    expect(await statusesOf(20)).toEqual([null, 200, null, 200, null, ...Array(15).fill(200)]);
    expect(there.received).toHaveLength(17);
  });

  test.each([502, 503, 504])('is called elsewhere once an address answers %d', async (status) => {
    const [away, there] = [await answering(status), await answering(200)];
    await register(away.url, there.url);
    await statusesOf(20);
    expect(away.received).toHaveLength(3);
  });

  test.each([200, 409, 500])('is called at an address that answers %d like at any other', async (status) => {
    const [one, other] = [await answering(status), await answering(200)];
    await register(one.url, other.url);
    await statusesOf(20);
    expect(one.received).toHaveLength(10);
  });

  test('is called all the same when no address answers', async () => {
    const all = [await answering(503), await answering(503)];
    await register(...all.map(({ url }) => url));
    await statusesOf(20);
    expect(all.map(({ received }) => received.length)).toEqual([10, 10]);
  });

  test('is called anew when it is registered with other addresses', async () => {
    const [away, there] = [await answering(503), await answering(200)];
    await register(away.url, there.url);
    await statusesOf(10);
    await register(there.url, away.url);
    await statusesOf(2);
    expect(away.received).toHaveLength(4);
  });
});

test('an address that is forbidden is not connected to', async () => {
  await register('http://169.254.169.254/latest');
  expect(await call()).toEqual({
    httpStatus: null,
    answer: '169.254.169.254 is a link-local address, which is never called',
    retryAfterMs: null,
    origin: 'http://169.254.169.254',
  });
});

test('of addresses that initiators name, only so many are remembered, and all of them are called', async () => {
  const participant = await answering(200);
  const allowing = new AllowedAddresses({ registry, allowedHosts: ['127.0.0.1'], whyNeverCalled });
  const rich = new HttpParticipantClient({ registry: allowing, ca: null, maxIdleConnections: 256 });
  const statuses = new Set<number | null>();
  for (let path = 0; path < 1100; path += 1)
    statuses.add((await call(`${participant.url}/${path}`, rich)).httpStatus);
  statuses.add((await call(`${participant.url}/0`, rich)).httpStatus);
  await rich.close();
  expect([...statuses]).toEqual([200]);
  expect(participant.received[1050]?.url).toBe('/1050/reserve/try');
});

test('an address that is not on the allow-list is not called', async () => {
  const participant = await answering(200);
  const allowing = new AllowedAddresses({ registry, allowedHosts: ['localhost'], whyNeverCalled });
  const strict = new HttpParticipantClient({ registry: allowing, ca: null, maxIdleConnections: 256 });
  expect((await call(participant.url, strict)).answer).toBe('the address is not on the allow-list');
  expect(participant.received).toEqual([]);
  await strict.close();
});

describe('over TLS', () => {
  const authority = newAuthority('the authority of a test');

  async function secureParticipant(hosts: readonly string[]): Promise<string> {
    const server = createServer({ ...authority.certify(hosts) }, (_request, response) => response.end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push({ close: () => new Promise((resolve) => server.close(() => resolve())) });
    return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async function answerWith(ca: string | null) {
    const secure = new HttpParticipantClient({ registry, ca, maxIdleConnections: 256 });
    const answer = await call('inventory', secure);
    await secure.close();
    return answer;
  }

  test('a certificate of an authority that is trusted is taken', async () => {
    await register(await secureParticipant(['127.0.0.1']));
    expect(await answerWith(authority.cert)).toMatchObject({ httpStatus: 200 });
  });

  test('a certificate of an authority that is not trusted is refused', async () => {
    await register(await secureParticipant(['127.0.0.1']));
    expect(await answerWith(null)).toMatchObject({
      httpStatus: null,
      answer: expect.stringMatching(/certificate/),
    });
    const other = newAuthority('the authority of a test');
    expect(await answerWith(other.cert)).toMatchObject({ httpStatus: null });
  });

  test('a certificate for another host is refused', async () => {
    await register(await secureParticipant(['elsewhere.test']));
    expect(await answerWith(authority.cert)).toMatchObject({ httpStatus: null });
  });

  test('who does not speak TLS is not called without it', async () => {
    const plain = await opened(rawParticipantThat((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n')));
    await register(plain.url.replace('http:', 'https:'));
    expect(await answerWith(null)).toMatchObject({ httpStatus: null });
    expect(plain.received.join()).not.toMatch(/POST/);
  });
});
