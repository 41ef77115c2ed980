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
  // AWS, Google, Alibaba, Azure and Oracle.
  'a metadata address': [
    'fd00:ec2::/32',
    'fd20:ce::254/128',
    '100.100.100.200/32',
    '168.63.129.16/32',
    '192.0.0.192/32',
  ],
  'an unspecified address': ['0.0.0.0/8', '::/128'],
  'a multicast address': ['224.0.0.0/4', 'ff00::/8'],
  'a broadcast address': ['255.255.255.255/32'],
};

/**
 * Where IPv6 networks reach IPv4 addresses: NAT64 (RFC 6052, RFC 8215), and the old compatible and translated forms. The mapped
 * form, ::ffff:…, BlockList knows by itself.
 */
const WITH_IPV4_LAST = ['64:ff9b::', '64:ff9b:1::', '::', '::ffff:0:'];

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
    // ::1 is loopback, and no form of 0.0.0.1.
    const forms = WITH_IPV4_LAST.filter((before) => before !== '::' || address !== '0.0.0.0');
    for (const before of forms) list.addSubnet(before + address, 96 + prefix, 'ipv6');
    list.addSubnet(in6to4(address), 16 + prefix, 'ipv6');
  }
  return list;
}

/** 6to4 (RFC 3056) has the IPv4 address in the second and third group. */
function in6to4(address: string): string {
  const hex = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return `2002:${hex[0]}${hex[1]}:${hex[2]}${hex[3]}::`;
}
