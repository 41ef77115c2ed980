import { expect, test } from '@jest/globals';
import { waitForDatabase } from '../../../src/adapters/sql/wait-for-database.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const errorOf = (given: object) => Object.assign(new Error('no'), given);
const REFUSED = errorOf({ code: 'ECONNREFUSED' });

/** Fails with these errors, one after the other, and then opens. */
const opening = (errors: readonly Error[]) => {
  const left = [...errors];
  return async () => {
    const error = left.shift();
    if (error) throw error;
    return 'open';
  };
};

test.each([
  ['refuses connections', REFUSED],
  ['has no address yet', errorOf({ code: 'ENOTFOUND' })],
  ['has no address for now', errorOf({ code: 'EAI_AGAIN' })],
  ['breaks the connection off', errorOf({ code: 'PROTOCOL_CONNECTION_LOST' })],
  ['has no connection left', errorOf({ errno: 1040 })],
  ['is reached through an error of ours', new Error('ours', { cause: REFUSED })],
])('a server that %s is waited for, and reported once', async (_what, error) => {
  const reported: Error[] = [];
  const clock = new VirtualClock({ isSelfRunning: true });
  const parts = { waitMs: 60_000, clock, onWaiting: (first: Error) => reported.push(first) };
  expect(await waitForDatabase(opening([error, error, error]), parts)).toBe('open');
  expect(reported).toEqual([error]);
  expect(clock.delaysMs).toEqual([250, 500, 1000]);
});

test.each([
  ['refuses the user', errorOf({ code: 'ER_ACCESS_DENIED_ERROR', errno: 1045 })],
  ['has no such database', errorOf({ code: 'ER_BAD_DB_ERROR', errno: 1049 })],
  ['proves no identity', errorOf({ code: 'HANDSHAKE_SSL_ERROR' })],
])('a server that %s fails immediately', async (_what, error) => {
  const clock = new VirtualClock({ isSelfRunning: true });
  const waiting = waitForDatabase(opening([error]), { waitMs: 60_000, clock, onWaiting: () => {} });
  await expect(waiting).rejects.toBe(error);
  expect(clock.delaysMs).toEqual([]);
});

test('the last attempt is made when the time is over, and its error is thrown', async () => {
  const clock = new VirtualClock({ isSelfRunning: true });
  const waiting = waitForDatabase(opening(Array(20).fill(REFUSED)), {
    waitMs: 12_000,
    clock,
    onWaiting: () => {},
  });
  await expect(waiting).rejects.toBe(REFUSED);
  expect(clock.delaysMs.reduce((sum, pauseMs) => sum + pauseMs, 0)).toBe(12_000);
});

test('without a time to wait there is one attempt', async () => {
  const clock = new VirtualClock({ isSelfRunning: true });
  const waiting = waitForDatabase(opening([REFUSED]), { waitMs: 0, clock, onWaiting: () => {} });
  await expect(waiting).rejects.toBe(REFUSED);
});
