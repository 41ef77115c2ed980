/**
 * Addresses that are never called, whoever names them: where clouds hand out secrets to whoever asks from inside, and
 * those that belong to no one service. Loopback and private networks are allowed, since services live there.
 *
 * What counts is the address that is connected to. A name may lead anywhere, so every address that it resolves to is
 * looked at, at each connecting (`guarded-connector.ts`); one that is written out is refused already where it is given.
 */
import { BlockList, isIP } from 'node:net';

/** Kinds in words, each with its networks. IPv4 ones also hold for their forms in IPv6. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  'a link-local address': ['169.254.0.0/16', 'fe80::/10'],
  // AWS, Google, Alibaba and Azure.
  'a metadata address': ['fd00:ec2::254/128', 'fd20:ce::254/128', '100.100.100.200/32', '168.63.129.16/32'],
  'an unspecified address': ['0.0.0.0/8', '::/128'],
  'a multicast address': ['224.0.0.0/4', 'ff00::/8'],
  'a broadcast address': ['255.255.255.255/32'],
};

/** Where IPv6 networks reach IPv4 addresses (RFC 6052); the mapped form, ::ffff:…, BlockList knows by itself. */
const NAT64 = '64:ff9b::';

const lists = Object.entries(KINDS).map(([kind, networks]) => ({ kind, list: listOf(networks) }));

/** Why the IP address that a URL holds is never called; null for any other, and for a name. */
export function whyNeverCalled(url: string): string | null {
  return refusalOf(URL.parse(url)?.hostname.replace(/^\[|\]$/g, '') ?? '');
}

/** Why an IP address is never called; null for any other, and for a name. */
export function refusalOf(address: string): string | null {
  // An interface may follow: fe80::1%eth0.
  const [ip = ''] = address.split('%');
  if (isIP(ip) === 0) return null;
  const family = isIP(ip) === 6 ? 'ipv6' : 'ipv4';
  const found = lists.find(({ list }) => list.check(ip, family));
  return found ? `${address} is ${found.kind}, which is never called` : null;
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const prefix = Number(bits);
    if (isIP(address) === 6) {
      list.addSubnet(address, prefix, 'ipv6');
      continue;
    }
    list.addSubnet(address, prefix, 'ipv4');
    list.addSubnet(NAT64 + address, 96 + prefix, 'ipv6');
  }
  return list;
}
