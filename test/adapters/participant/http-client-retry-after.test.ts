// Retry-After as participants write it.
import { expect, test } from '@jest/globals';
import { retryAfterMs } from '../../../src/adapters/participant/retry-after.ts';

const NOW = Date.UTC(2026, 0, 1, 12, 0, 0);

test.each([
  ['0', 0],
  ['120', 120_000],
  ['Thu, 01 Jan 2026 12:00:30 GMT', 30_000],
  ['Thursday, 01-Jan-26 12:00:30 GMT', 30_000],
  ['Thu, 01 Jan 2026 11:00:00 GMT', 0],
])('%s is %d ms', (value, ms) => {
  expect(retryAfterMs(value, NOW)).toBe(ms);
});

test.each([
  '',
  'soon',
  '-5',
  '1.5',
  '5s',
  '2026-01-01T12:00:30Z',
  'Thu, 99 Foo',
  '99999999999999',
])('“%s” says nothing', (value) => {
  expect(retryAfterMs(value, NOW)).toBeNull();
});
