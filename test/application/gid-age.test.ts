/** How old a gid may be that somebody begins a transaction with. */
import { expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { gidAgeFault, instantOfGid } from '../../src/application/gid-age.ts';

const NOW = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;
const RETENTION_MS = 10 * DAY_MS;
const at = (msecs: number) => uuidv7({ msecs });
const now = { earliest: NOW, latest: NOW };

test.each([0, 1, NOW, 2 ** 48 - 1])('a UUIDv7 says when it was made: %d', (msecs) => {
  expect(instantOfGid(at(msecs))).toBe(msecs);
});

test.each([
  ['too old by a moment', NOW - 5 * DAY_MS - 1, 'gid_too_old'],
  ['just young enough', NOW - 5 * DAY_MS, undefined],
  ['just not too far ahead', NOW + DAY_MS, undefined],
  ['too far ahead by a moment', NOW + DAY_MS + 1, 'gid_in_future'],
])('%s', (_what, msecs, code) => {
  expect(gidAgeFault(at(msecs), now, RETENTION_MS)?.code).toBe(code);
});

test('what is doubtful is refused: the time is an interval', () => {
  const wide = { earliest: NOW - 1000, latest: NOW + 1000 };
  expect(gidAgeFault(at(NOW - 5 * DAY_MS + 999), wide, RETENTION_MS)).toEqual({
    code: 'gid_too_old',
    limitAt: NOW - 5 * DAY_MS + 1000,
  });
  expect(gidAgeFault(at(NOW + DAY_MS - 999), wide, RETENTION_MS)).toEqual({
    code: 'gid_in_future',
    limitAt: NOW + DAY_MS - 1000,
  });
});

test.each([
  1, 2, 3, 4, 30, 3650,
])('with %d days of retention a gid is too old before its transaction can have been removed', (days) => {
  const retentionMs = days * DAY_MS;
  // As far ahead as it is taken, begun and ended at once, and removed as soon as can be.
  const ahead = Math.min(DAY_MS, retentionMs / 4);
  expect(gidAgeFault(at(NOW + ahead), now, retentionMs)).toBeNull();
  const removedAt = NOW + retentionMs;
  const then = { earliest: removedAt, latest: removedAt };
  expect(gidAgeFault(at(NOW + ahead), then, retentionMs)?.code).toBe('gid_too_old');
});
