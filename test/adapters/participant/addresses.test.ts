// Which of several addresses a call goes to, as a story told in instants.
import { expect, test } from '@jest/globals';
import { Addresses } from '../../../src/adapters/participant/addresses.ts';

const [A, B, C] = ['http://a', 'http://b', 'http://c'] as const;

const nextOnes = (addresses: Addresses, count: number, now: number) =>
  Array.from({ length: count }, () => addresses.next(now));

function failing(addresses: Addresses, baseUrl: string, count: number, now: number) {
  for (let call = 1; call <= count; call += 1) addresses.heard(baseUrl, false, now);
}

test('calls go round the addresses', () => {
  expect(nextOnes(new Addresses([A, B, C]), 4, 0)).toEqual([A, B, C, A]);
});

test('an address that failed three times in a row is left out for five seconds', () => {
  const addresses = new Addresses([A, B, C]);
  failing(addresses, B, 2, 0);
  expect(nextOnes(addresses, 3, 0)).toEqual([A, B, C]);
  failing(addresses, B, 1, 0);
  expect(nextOnes(addresses, 4, 4999)).toEqual([A, C, A, C]);
  expect(nextOnes(addresses, 2, 5000)).toEqual([A, B]);
});

test('an answer in between makes the count begin anew', () => {
  const addresses = new Addresses([A, B]);
  failing(addresses, A, 2, 0);
  addresses.heard(A, true, 0);
  failing(addresses, A, 2, 0);
  expect(nextOnes(addresses, 2, 0)).toEqual([A, B]);
});

test('once the open time is over one call probes, and no other goes there until it is answered', () => {
  const addresses = new Addresses([A, B]);
  failing(addresses, A, 3, 0);
  expect(nextOnes(addresses, 4, 5000)).toEqual([A, B, B, B]);
  addresses.heard(A, true, 5001);
  expect(nextOnes(addresses, 2, 5001)).toEqual([A, B]);
});

test('each open time is twice as long as the one before, up to a minute', () => {
  const addresses = new Addresses([A, B]);
  failing(addresses, A, 3, 0);
  const openTimesMs: number[] = [];
  let now = 0;
  while (openTimesMs.length < 6) {
    const from = now;
    while (!nextOnes(addresses, 2, now).includes(A)) now += 1000;
    addresses.heard(A, false, now);
    openTimesMs.push(now - from);
  }
  expect(openTimesMs).toEqual([5000, 10_000, 20_000, 40_000, 60_000, 60_000]);
});

test('calls that were sent before a circuit opened do not keep it open longer', () => {
  const addresses = new Addresses([A, B]);
  failing(addresses, A, 100, 0);
  expect(nextOnes(addresses, 2, 5000)).toContain(A);
});

test('an address that has mended itself is judged as if it had never failed', () => {
  const addresses = new Addresses([A, B]);
  failing(addresses, A, 3, 0);
  nextOnes(addresses, 1, 5000);
  addresses.heard(A, true, 5000);
  failing(addresses, A, 3, 6000);
  expect(nextOnes(addresses, 2, 10_999)).toEqual([B, B]);
  expect(nextOnes(addresses, 2, 11_000)).toContain(A);
});

test('while all circuits are open, all addresses are called alternating', () => {
  const addresses = new Addresses([A, B, C]);
  for (const baseUrl of [A, B, C]) failing(addresses, baseUrl, 3, 0);
  expect(nextOnes(addresses, 4, 1)).toEqual([A, B, C, A]);
});

test('another list of addresses is another story', () => {
  const addresses = new Addresses([A, B]);
  expect(addresses.areThose([A, B])).toBe(true);
  expect(addresses.areThose([A, C])).toBe(false);
  expect(addresses.areThose([A, B, C])).toBe(false);
});
