// Addresses that are never called, however they are written and wherever a name leads.
import { createServer, type LookupFunction, type Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { whyNeverCalled } from '../../../src/adapters/participant/forbidden-addresses.ts';
import { guardedConnector } from '../../../src/adapters/participant/guarded-connector.ts';

describe('an address is never called when it is', () => {
  test.each([
    ['link-local', 'http://169.254.169.254/latest/meta-data'],
    ['link-local', 'http://169.254.0.1:8080'],
    ['link-local', 'http://2852039166/'],
    ['link-local', 'http://0xA9FEA9FE/'],
    ['link-local', 'http://0251.0376.0251.0376'],
    ['link-local', 'http://169.254.43518'],
    ['link-local', 'http://169.254.169.254./'],
    ['link-local', 'http://１６９.254.169.254/'],
    ['link-local', 'http://[::ffff:169.254.169.254]'],
    ['link-local', 'http://[::ffff:a9fe:a9fe]'],
    ['link-local', 'http://[64:ff9b::a9fe:a9fe]'],
    ['link-local', 'http://[64:ff9b:1::a9fe:a9fe]'],
    ['link-local', 'http://[::169.254.169.254]'],
    ['link-local', 'http://[::ffff:0:a9fe:a9fe]'],
    ['link-local', 'http://[2002:a9fe:a9fe::1]'],
    // NAT64 of an operator's own prefix (RFC 8215), IPv4 where RFC 6052 puts it for each length of the prefix.
    ['link-local', 'http://[64:ff9b:1:abcd::a9fe:a9fe]'],
    ['link-local', 'http://[64:ff9b:1:abcd:1:2:169.254.169.254]'],
    ['link-local', 'http://[64:ff9b:1:a9fe:a9:fe00::]'],
    ['link-local', 'http://[64:ff9b:1:ffa9:fe:a9fe::]'],
    ['link-local', 'http://[64:ff9b:1:ffff:a9:fea9:fe00:0]'],
    // Teredo: of the client each bit is inverted, of the server none.
    ['link-local', 'http://[2001:0:c000:201:0:ffff:5601:5601]'],
    ['link-local', 'http://[2001:0:a9fe:a9fe:0:ffff:f5ff:fffe]'],
    ['metadata', 'http://[2001:0:c000:201:8000:63bf:9b9b:9b37]'],
    // ISATAP, under any prefix.
    ['link-local', 'http://[2001:db8::5efe:a9fe:a9fe]'],
    ['link-local', 'http://[2001:db8::200:5efe:169.254.169.254]'],
    ['metadata', 'http://[fd00::5efe:100.100.100.200]'],
    ['metadata', 'http://[2002:a83f:8110::]'],
    ['link-local', 'http://[fe80::1]'],
    ['link-local', 'http://[febf::1]'],
    ['metadata', 'http://[fd00:ec2::254]'],
    ['metadata', 'https://[fd00:0ec2:0:0::254]'],
    ['metadata', 'http://[fd00:ec2::23]'],
    ['metadata', 'http://192.0.0.192'],
    ['metadata', 'http://100.100.100.200'],
    ['metadata', 'http://[::ffff:100.100.100.200]'],
    ['metadata', 'http://168.63.129.16'],
    ['unspecified', 'http://0.0.0.0'],
    ['unspecified', 'http://0'],
    ['unspecified', 'http://[::]'],
    ['unspecified', 'http://[::ffff:0.0.0.0]'],
    ['multicast', 'http://224.0.0.1'],
    ['multicast', 'http://[ff02::1]'],
    ['broadcast', 'http://255.255.255.255'],
  ])('%s: %s', (kind, url) => {
    expect(whyNeverCalled(url)).toMatch(
      new RegExp(`^[0-9a-f:.]+ is an? ${kind} address, which is never called$`),
    );
  });
});

test.each([
  'http://127.0.0.1:8080',
  'http://[::1]',
  'http://[::ffff:127.0.0.1]',
  'http://10.0.0.1',
  'http://172.16.0.1',
  'http://192.168.169.254',
  'http://100.100.100.201',
  'http://[fd00:ec3::254]',
  'http://[2002:0a00:0001::1]',
  'http://[64:ff9b::10.0.0.1]',
  'http://[64:ff9b:1::10.0.0.1]',
  'http://[64:ff9b:1:ab:cd::10.0.0.1]',
  'http://[64:ff9b:2::a9fe:a9fe]',
  'http://[2001:0:c000:201:0:ffff:f5ff:fffe]',
  'http://[2001:1::5601:5601]',
  'http://[2001:db8::5efe:10.0.0.1]',
  'http://[2001:db8::1:5efe:a9fe:a9fe]',
  'http://[2001:db8::a9fe:a9fe]',
  'http://[::2]',
  'http://[fec0::1]',
  'http://169.253.255.255',
  'http://169.255.0.1',
  'http://localhost',
  'http://169.254.169.254.example.org',
  'nonsense',
])('%s may be called', (url) => {
  expect(whyNeverCalled(url)).toBeNull();
});

describe('a connection by name', () => {
  /** A look-up that finds these addresses for every name. */
  const finding =
    (...addresses: readonly string[]): LookupFunction =>
    (_hostname, _options, callback) =>
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );

  const connecting = (lookup: LookupFunction, port = 9, hostname = 'somewhere.test') =>
    new Promise<Socket>((resolve, reject) => {
      guardedConnector(null, lookup)({ hostname, protocol: 'http:', port: String(port) }, (error, socket) =>
        error ? reject(error) : resolve(socket),
      );
    });

  test('is refused when the name leads to such an address', async () => {
    await expect(connecting(finding('169.254.169.254'))).rejects.toThrow(
      'somewhere.test: 169.254.169.254 is a link-local address, which is never called',
    );
  });

  test('is refused when one of several addresses is such a one', async () => {
    await expect(connecting(finding('127.0.0.1', 'fe80::1%eth0'))).rejects.toThrow(
      /fe80::1%eth0 is a link-local/,
    );
  });

  test('is refused when the address was written in place of a name', async () => {
    await expect(connecting(finding('127.0.0.1'), 9, '169.254.169.254')).rejects.toThrow(
      /^169\.254\.169\.254 is a link-local address, which is never called$/,
    );
  });

  test('is made when the name leads to any other', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const socket = await connecting(finding('127.0.0.1'), port);
    expect(socket.remoteAddress).toBe('127.0.0.1');
    socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
});
