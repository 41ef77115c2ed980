// Participants named by an address in place of a name.
import { beforeEach, expect, test } from '@jest/globals';
import { BranchRequest } from '@tercet/sdk/wire';
import { Value } from 'typebox/value';
import { MemoryParticipantRegistry } from '../../src/adapters/memory/participant-registry.ts';
import { whyNeverCalled } from '../../src/adapters/participant/forbidden-addresses.ts';
import { AllowedAddresses, isAddress } from '../../src/application/allowed-addresses.ts';

const inventory = { name: 'inventory', baseUrls: ['http://a.test'], paths: {}, callTimeoutMs: 700 };

let registered: MemoryParticipantRegistry;
let registry: AllowedAddresses;
beforeEach(() => {
  registered = new MemoryParticipantRegistry();
  registry = new AllowedAddresses({
    registry: registered,
    allowedHosts: ['shop.test', '169.254.169.254'],
    whyNeverCalled,
  });
});

test('a name is found where it is registered', async () => {
  expect(await registry.find('inventory')).toBeNull();
  expect(await registry.put(inventory)).toEqual({ isNew: true });
  expect(await registry.find('inventory')).toEqual(inventory);
  expect(await registry.list()).toEqual([inventory]);
  expect(await registered.find('inventory')).toEqual(inventory);
});

test('an address on the allow-list is a participant of its own', async () => {
  const url = 'http://shop.test:9001/tcc';
  expect(await registry.find(url)).toEqual({ name: url, baseUrls: [url], paths: {}, callTimeoutMs: null });
});

test('an address that is not on the allow-list is nobody, whatever is registered', async () => {
  await registry.put({ ...inventory, name: 'shop.test' });
  expect(await registry.find('http://a.test')).toBeNull();
  expect(await registry.find('http://shop.test@a.test')).toBeNull();
});

test('an address that is never called is nobody, also when the allow-list has it', async () => {
  expect(await registry.find('http://169.254.169.254/latest')).toBeNull();
  expect(await registry.find('http://0xA9FEA9FE/latest')).toBeNull();
});

const isTaken = (participant: string) =>
  Value.Check(BranchRequest, { branchId: 'stock', activity: 'reserve', participant });

test.each([
  'inventory',
  'http://shop.test',
  'https://shop.test:8443/tcc/v1',
  'http://127.0.0.1:9001/a@b',
  'http://[::1]:9001/',
  `http://shop.test/${'x'.repeat(1007)}`,
])('a branch may name %s', (participant) => {
  expect(isTaken(participant)).toBe(true);
  expect(isAddress(participant)).toBe(participant !== 'inventory');
});

test.each([
  'inventory.main',
  'shop.test/tcc',
  'ftp://shop.test',
  'http://',
  'http:///shop.test',
  'http://user@shop.test',
  'http://user:secret@shop.test/tcc',
  'http://shop.test?a=1',
  'http://shop.test/tcc?a=1',
  'http://shop.test/tcc#a',
  'http://shop.test\\@evil.test',
  'http://shop.test/a b',
  'http://shop.test/\r\nx: y',
  'http://склад.test',
  `http://shop.test/${'x'.repeat(1008)}`,
])('a branch may not name %s', (participant) => {
  expect(isTaken(participant)).toBe(false);
});
