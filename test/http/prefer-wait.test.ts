// How long a client is ready to wait, as it says in Prefer.
import { expect, test } from '@jest/globals';
import { waitMsOf } from '../../src/api/prefer-wait.ts';

test.each([
  ['wait=5', 5000],
  ['wait=0', 0],
  ['WAIT = 5', 5000],
  ['wait="5"', 5000],
  ['respond-async, wait=5', 5000],
  ['wait=5, respond-async', 5000],
  ['return=minimal;x=1 , wait=2;y=3', 2000],
  ['wait=5, wait=9', 5000],
  ['wait=60', 60_000],
  ['wait=61', 60_000],
  ['wait=999999999', 60_000],
])('%s is a wait of %d ms', (prefer, waitMs) => {
  expect(waitMsOf(prefer)).toBe(waitMs);
});

test.each([
  undefined,
  '',
  'wait',
  'wait=',
  'wait=soon',
  'wait=-1',
  'wait=1.5',
  'await=5',
  'respond-async',
  'x-wait=5',
])('%s is no wait', (prefer) => {
  expect(waitMsOf(prefer)).toBe(0);
});
