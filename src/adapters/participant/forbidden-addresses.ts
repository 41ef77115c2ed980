/**
 * Addresses that are never called, whoever names them: where clouds hand out secrets to whoever asks from inside, and
 * those that belong to no one service. Loopback and private networks are allowed, since services live there.
 *
 * What counts is the address that is connected to. A name may lead anywhere, so every address that it resolves to is
 * looked at, at each connecting (`guarded-connector.ts`); one that is written out is refused already where it is given.
 */
import { BlockList, isIP } from 'node:net';

/** Kinds in words, each with its networks. IPv4 ones also hold where an IPv6 address leads to them. */
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

const lists = Object.entries(KINDS).map(([kind, networks]) => ({ kind, list: listOf(networks) }));

/** Why the IP address that a URL holds is never called; null for any other, and for a name. */
export function whyNeverCalled(url: string): string | null {
  return refusalOf(URL.parse(url)?.hostname.replace(/^\[|\]$/g, '') ?? '');
}

/** Why an IP address is never called; null for any other, and for a name. */
export function refusalOf(address: string): string | null {
  // An interface may follow: fe80::1%eth0.
  const [ip = ''] = address.split('%');
  const family = isIP(ip);
  if (family === 0) return null;
  const reached = family === 6 ? embeddedIn(groupsOf(ip)) : [];
  const found = lists.find(
    ({ list }) =>
      list.check(ip, family === 6 ? 'ipv6' : 'ipv4') || reached.some((one) => list.check(one, 'ipv4')),
  );
  return found ? `${address} is ${found.kind}, which is never called` : null;
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    list.addSubnet(address, Number(bits), isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

// ── IPv4 in IPv6 ─────────────────────────────────────────────────────────────────────────────────────────────

/** The eight groups of an IPv6 address. */
type Groups = readonly [number, number, number, number, number, number, number, number];

/**
 * The IPv4 addresses that an IPv6 network may pass on to: NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056), Teredo (RFC 4380), ISATAP
 * (RFC 5214), and the old compatible and translated forms. The mapped form, ::ffff:…, BlockList knows by itself.
 */
function embeddedIn([a, b, c, d, e, f, g, h]: Groups): string[] {
  const last = dotted(g, h);
  if (a === 0x2002) return [dotted(b, c)];
  if (a === 0x2001 && b === 0) return [dotted(c, d), dotted(g ^ 0xffff, h ^ 0xffff)];
  if (a === 0x64 && b === 0xff9b && c === 1) return [last, ...withinPrefix([d, e, f, g, h])];
  if ((e === 0 || e === 0x200) && f === 0x5efe) return [last];
  if (a === 0x64 && b === 0xff9b) return (c | d | e | f) === 0 ? [last] : [];
  const isOld = (a | b | c | d) === 0 && (e === 0xffff || e === 0) && f === 0;
  // ::1 is loopback, and no form of 0.0.0.1.
  return isOld && (e !== 0 || g > 0xff) ? [last] : [];
}

/** RFC 6052 with prefixes of 48, 56 and 64 bits: bits 64 to 71 are left out, and nothing follows. */
function withinPrefix([d, e, f, g, h]: readonly [number, number, number, number, number]): string[] {
  const [low, high] = [(group: number) => group & 0xff, (group: number) => group >> 8];
  if (high(e) !== 0) return [];
  const joined = (one: number, other: number) => (low(one) << 8) | high(other);
  return [
    ...((low(f) | g | h) === 0 ? [dotted(d, joined(e, f))] : []),
    ...((g | h) === 0 ? [dotted((low(d) << 8) | low(e), f)] : []),
    ...((low(g) | h) === 0 ? [dotted(joined(e, f), joined(f, g))] : []),
  ];
}

const dotted = (one: number, other: number): string =>
  [one >> 8, one & 0xff, other >> 8, other & 0xff].join('.');

/** @param ip a valid IPv6 address without an interface */
function groupsOf(ip: string): Groups {
  // The URL parser writes every address in groups alone.
  const [before = '', after] = new URL(`http://[${ip}]`).hostname.slice(1, -1).split('::');
  const groupsIn = (part = '') =>
    part.split(':').flatMap((group) => (group === '' ? [] : [Number.parseInt(group, 16)]));
  const [first, rest] = [groupsIn(before), groupsIn(after)];
  const zeros = Array<number>(8 - first.length - rest.length).fill(0);
  return [...first, ...zeros, ...rest] as unknown as Groups;
}
