import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { branchReply } from '../../src/domain/branch-reply.ts';
import type { Op } from '../../src/domain/global-transaction.ts';

const OPS: readonly Op[] = ['try', 'confirm', 'cancel'];

describe('an HTTP answer', () => {
  test.each(OPS)('2xx to a %s is success, but 202 says that it is still at work', (op) => {
    for (const status of [200, 201, 204]) expect(branchReply(op, status)).toBe('succeeded');
    for (const status of [202, 425]) expect(branchReply(op, status)).toBe('ongoing');
  });

  test('409 and 422 refuse a try', () => {
    expect(branchReply('try', 409)).toBe('failed');
    expect(branchReply('try', 422)).toBe('failed');
  });

  test.each(OPS)('no answer at all leaves a %s unknown', (op) => {
    expect(branchReply(op, null)).toBe('unknown');
  });

  test.each([
    301, 400, 401, 404, 408, 429, 500, 503,
  ])('%d does not refuse a try: it says nothing', (status) => {
    expect(branchReply('try', status)).toBe('unknown');
  });

  test('a confirm or a cancel is never done, and never refused, by anything but 2xx', () => {
    const status = fc.integer({ min: 100, max: 599 }).filter((code) => code < 200 || code > 299);
    fc.assert(
      fc.property(fc.constantFrom<Op>('confirm', 'cancel'), status, (op, code) => {
        expect(['unknown', 'ongoing']).toContain(branchReply(op, code));
      }),
    );
  });
});
