import { describe, expect, test } from '@jest/globals';
import { branchReply } from '../../src/domain/branch-reply.ts';
import type { Op } from '../../src/domain/global-transaction.ts';
import { replyOf } from '../../src/wire/reply.ts';

const STATUSES = Array.from({ length: 500 }, (_, n) => n + 100);
const PHASE_ONE: readonly Op[] = ['try', 'action'];
const PHASE_TWO: readonly Op[] = ['confirm', 'cancel', 'compensate'];

test('the table of the SDK is the same', () => {
  for (const op of [...PHASE_ONE, ...PHASE_TWO, 'notify'] as const)
    for (const status of [null, ...STATUSES])
      expect([op, status, replyOf(op, status)]).toEqual([op, status, branchReply(op, status)]);
});

describe('an HTTP answer', () => {
  test.each([
    ...PHASE_ONE,
    ...PHASE_TWO,
  ])('2xx to a %s is success, but 202 says that it is still at work', (op) => {
    for (const status of [200, 201, 204]) expect(branchReply(op, status)).toBe('succeeded');
    for (const status of [202, 425]) expect(branchReply(op, status)).toBe('ongoing');
  });

  test.each(PHASE_ONE)('409 and 422 refuse a %s', (op) => {
    expect(branchReply(op, 409)).toBe('refused');
    expect(branchReply(op, 422)).toBe('refused');
  });

  test.each([...PHASE_ONE, ...PHASE_TWO])('no answer at all leaves a %s unknown', (op) => {
    expect(branchReply(op, null)).toBe('unknown');
  });

  test.each([
    301, 400, 401, 404, 408, 429, 500, 503,
  ])('%d refuses neither a try nor an action: it says nothing', (status) => {
    for (const op of PHASE_ONE) expect(branchReply(op, status)).toBe('unknown');
  });

  test('a confirm, a cancel or a compensate is never done, and never refused, by anything but 2xx', () => {
    for (const op of PHASE_TWO)
      for (const status of STATUSES.filter((each) => each < 200 || each > 299))
        expect([op, status, branchReply(op, status)]).toEqual([
          ...[op, status, status === 425 ? 'ongoing' : 'unknown'],
        ]);
  });

  test('who hears of the end has heard it with any 2xx, and is asked again after anything else', () => {
    for (const status of [null, ...STATUSES]) {
      const isHeard = status !== null && status >= 200 && status <= 299;
      expect([status, branchReply('notify', status)]).toEqual([status, isHeard ? 'succeeded' : 'unknown']);
    }
  });
});
