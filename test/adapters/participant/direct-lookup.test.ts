// Names that are asked of the DNS servers directly lead where the system would lead.
import type { LookupAddress } from 'node:dns';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { directLookup } from '../../../src/adapters/participant/direct-lookup.ts';

type Answer = (error: Error | null, addresses: string[]) => void;

/** The addresses of each name; an error code in place of one. */
let zone: Record<string, string[] | string>;
let files: Record<string, string>;
let asked: string[];

beforeEach(() => {
  [zone, files, asked] = [{}, {}, []];
});

function find(name: string): string[] | null {
  const query = (isWanted: (address: string) => boolean) => (host: string, answer: Answer) => {
    if (asked.at(-1) !== host) asked.push(host);
    const known = zone[host] ?? 'ENOTFOUND';
    if (typeof known === 'string') return answer(Object.assign(new Error(known), { code: known }), []);
    const own = known.filter(isWanted);
    answer(own.length === 0 ? Object.assign(new Error('none'), { code: 'ENODATA' }) : null, own);
  };
  const resolver = {
    resolve4: query((address) => !address.includes(':')),
    resolve6: query((address) => address.includes(':')),
  };
  let result: readonly LookupAddress[] | null = null;
  const textOf = (path: string) => files[path] ?? '';
  directLookup(resolver as unknown as Parameters<typeof directLookup>[0], textOf)(name, (found) => {
    result = found;
  });
  return (
    (result as readonly LookupAddress[] | null)?.map(({ address, family }) => `${address} ${family}`) ?? null
  );
}

test('both families are found, and either suffices', () => {
  zone = { 'a.test': ['10.0.0.1', '10.0.0.2', 'fd00::1'], 'b.test': ['fd00::2'] };
  expect(find('a.test')).toEqual(['10.0.0.1 4', '10.0.0.2 4', 'fd00::1 6']);
  expect(find('b.test')).toEqual(['fd00::2 6']);
  expect(find('c.test')).toBeNull();
});

test.each(['localhost', 'LOCALHOST', 'a.localhost', 'stock.test'])('%s is left to the system', (name) => {
  files = { '/etc/hosts': '127.0.0.1 localhost\n10.9.9.9\tother.test Stock.test # a comment\n' };
  expect(find(name)).toBeNull();
  expect(asked).toEqual([]);
});

describe('search domains are tried', () => {
  const SEARCH = 'search shop.svc.cluster.local cluster.local';

  test('before a name with fewer dots than ndots, so that no stranger has it', () => {
    files = { '/etc/resolv.conf': `nameserver 10.0.0.10\n${SEARCH}\noptions ndots:5\n` };
    zone = { 'inventory.shop': ['203.0.113.9'], 'inventory.shop.cluster.local': ['10.0.0.7'] };
    expect(find('inventory.shop')).toEqual(['10.0.0.7 4']);
    expect(asked).toEqual(['inventory.shop.shop.svc.cluster.local', 'inventory.shop.cluster.local']);
  });

  test('after any other name', () => {
    files = { '/etc/resolv.conf': SEARCH };
    expect(find('inventory.shop')).toBeNull();
    expect(asked[0]).toBe('inventory.shop');
    expect(asked).toHaveLength(3);
  });

  test('never for a name that ends with a dot', () => {
    files = { '/etc/resolv.conf': SEARCH };
    find('inventory.shop.');
    expect(asked).toEqual(['inventory.shop.']);
  });

  test('and no further once a server does not answer', () => {
    files = { '/etc/resolv.conf': `${SEARCH}\noptions ndots:5` };
    zone = { 'inventory.shop.shop.svc.cluster.local': 'ETIMEOUT', 'inventory.shop': ['203.0.113.9'] };
    expect(find('inventory.shop')).toBeNull();
    expect(asked).toEqual(['inventory.shop.shop.svc.cluster.local']);
  });
});
