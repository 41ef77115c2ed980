/**
 * The allow-list of hosts that a branch may name by an address: `HOST`, `HOST:PORT` or `*.DOMAIN`.
 *
 * - Without a port an entry allows every port of its host.
 * - `*.DOMAIN` allows every name under the domain, and neither the domain itself nor an IP address.
 * - Hosts are compared as a URL parser reads them, which is how they are called: so no way to write one gets round this.
 */

export function isAllowedHost(allowedHosts: readonly string[], address: URL | string): boolean {
  const url = typeof address === 'string' ? URL.parse(address) : address;
  if (url === null || !/^https?:$/.test(url.protocol)) return false;
  // Who reads `http://allowed.test@evil.test` may be mistaken about the host.
  if (url.username !== '' || url.password !== '') return false;
  return allowedHosts.some((entry) => allows(entry, url));
}

function allows(entry: string, url: URL): boolean {
  const [, domain, rest = entry] = /^(\*\.)?(.*)$/.exec(entry) ?? [];
  const allowed = URL.parse(`http://${rest}`);
  if (allowed === null) return false;
  // The parser leaves out the port that is usual, so what is written decides whether there is one.
  const port = /:(\d+)$/.exec(rest)?.[1];
  if (port !== undefined && Number(port) !== portOf(url)) return false;
  const [host, wanted] = [hostOf(url), hostOf(allowed)];
  // The parser makes four numbers of every IPv4 address, so that none is below another as a name is below its domain.
  return domain === undefined ? host === wanted : host.endsWith(`.${wanted}`);
}

/** In lower case and ASCII, as the parser gives it, without the dot that may stand at the end of a whole name. */
const hostOf = ({ hostname }: URL): string => hostname.replace(/\.$/, '');

const portOf = ({ port, protocol }: URL): number => Number(port || (protocol === 'https:' ? 443 : 80));
