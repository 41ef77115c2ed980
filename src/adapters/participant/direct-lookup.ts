/**
 * Addresses of a name from the DNS servers themselves, by c-ares, which needs no thread. It finds what the system would find:
 * names of /etc/hosts and `localhost` are left to the system, and search domains are tried in its order.
 */
import { type LookupAddress, Resolver } from 'node:dns';
import { readFileSync } from 'node:fs';
import type { DirectLookup } from './lookups.ts';

const TIMEOUT_MS = 1000;
const TRIES = 2;
/** The servers say that there is no such name, or no such address of it. */
const NONE: readonly unknown[] = ['ENOTFOUND', 'ENODATA'];

type Query = Pick<Resolver, 'resolve4' | 'resolve6'>;

/**
 * @param query the system's DNS servers when absent
 * @param textOf the text of a file; empty where there is none
 */
export function directLookup(
  query: Query = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES }),
  textOf: (path: string) => string = readText,
): DirectLookup {
  return (name, callback) => {
    if (isLeftToSystem(name, textOf('/etc/hosts'))) return callback(null);
    const candidates = candidatesOf(name, textOf('/etc/resolv.conf'));
    const tryNext = () => {
      const candidate = candidates.shift();
      if (candidate === undefined) return callback(null);
      bothFamilies(query, candidate, (found, isNone) => {
        if (found.length > 0) callback(found);
        else if (isNone) tryNext();
        else callback(null);
      });
    };
    tryNext();
  };
}

function isLeftToSystem(name: string, hosts: string): boolean {
  const lower = name.toLowerCase();
  return /(?:^|\.)localhost\.?$/.test(lower) || hosts.toLowerCase().split(/\s+/).includes(lower);
}

/** With as many dots as `ndots` the name itself is the first, as resolv.conf(5) says; with a dot at the end the only one. */
function candidatesOf(name: string, configuration: string): string[] {
  if (name.endsWith('.')) return [name];
  const [, listed = ''] = [...configuration.matchAll(/^(?:search|domain)[ \t]+(.*)$/gm)].at(-1) ?? [];
  const [, ndots = '1'] = /^options\b.*\bndots:(\d+)/m.exec(configuration) ?? [];
  const within = listed.split(/\s+/).filter((domain) => domain !== '');
  const searched = within.map((domain) => `${name}.${domain}`);
  return name.split('.').length - 1 >= Number(ndots) ? [name, ...searched] : [...searched, name];
}

/** `isNone`: the servers were asked, and there is none. */
function bothFamilies(
  query: Query,
  name: string,
  callback: (found: LookupAddress[], isNone: boolean) => void,
): void {
  const found: LookupAddress[] = [];
  let [leftCount, isNone] = [2, true];
  const answered = (family: 4 | 6) => (error: NodeJS.ErrnoException | null, addresses: readonly string[]) => {
    if (error === null) found.push(...addresses.map((address) => ({ address, family })));
    else if (!NONE.includes(error.code)) isNone = false;
    leftCount -= 1;
    if (leftCount === 0) callback(found, isNone);
  };
  query.resolve4(name, answered(4));
  query.resolve6(name, answered(6));
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
