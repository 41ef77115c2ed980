/** Each rule finds the participant that does not keep it, and finds nothing wrong with one that keeps them all. */
import { describe, expect, test } from '@jest/globals';
import { type Code, check, type Report } from '@tercet/sdk/check';
import { FAULTS, type Fault, startNaive } from './naive/participant.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

/** What is planted, and the one code that is to name it. */
const PLANTED = {
  redirected: ['redirects tries'],
  sum_not_conserved: ['sells without taking off the shelf'],
  confirm_refused: ['has no confirm'],
  cancel_refused: ['has no cancel'],
  cancel_does_not_restore: ['sells what is cancelled'],
  answered_before_commit: [
    'answers tries before it works',
    'answers confirms before it works',
    'answers cancels before it works',
  ],
  repeated_try_refused: ['refuses a repeated try'],
  repeated_try_differs: ['answers each try with a new number'],
  try_applied_twice: ['tries twice'],
  tries_at_once_applied_twice: ['tries twice at once'],
  repeated_confirm_refused: ['refuses a repeated confirm'],
  confirm_applied_twice: ['confirms twice'],
  confirms_at_once_applied_twice: ['confirms twice at once'],
  repeated_cancel_refused: ['refuses a repeated cancel'],
  cancel_applied_twice: ['cancels twice'],
  cancel_before_try_refused: ['knows no branch to cancel'],
  cancel_before_try_applied: ['gives back what was never reserved'],
  late_try_accepted: ['leaves no tombstone'],
  deadline_ignored: ['ignores the deadline'],
  confirm_expired: [
    'lets reservations expire',
    'keeps the deadline of the try',
    'gives back at the deadline',
  ],
  refusal_answered_as_success: ['says FAILURE with 200'],
  refusal_not_understood: ['refuses with 400'],
  refused_call_applied: ['refuses, and reserves all the same'],
  confirm_without_try_accepted: ['confirms without a try'],
  confirm_after_cancel_accepted: ['confirms after the cancel'],
  cancel_after_confirm_accepted: ['cancels after the confirm'],
  confirm_and_cancel_both_accepted: ['locks each op for itself'],
  confirm_and_cancel_both_refused: ['refuses both at once'],
  loser_applied: ['acts before it looks again'],
  branches_mixed_up: [
    'keeps one branch of a gid',
    'knows branches by gid',
    'knows branches by branchId',
    'knows no small letters',
  ],
  lost_reply_applied_twice: ['forgets when the caller hangs up'],
  slow_try_accepted: ['looks before the body has come'],
  slow_caller_blocks_others: ['serves one call at a time'],
  unsigned_call_accepted: ['believes anybody'],
} satisfies { [Each in Code]: Fault[] };

type Case = readonly [fault: Fault, code: string];
const CASES = Object.entries(PLANTED).flatMap(([code, faults]) => faults.map((fault): Case => [fault, code]));

async function checkOne(fault: Fault | null): Promise<Report> {
  const { baseUrl, observeUrl, stop } = await startNaive({ fault, secret: SECRET });
  const callTimeoutMs = fault === 'serves one call at a time' ? 300 : 5000;
  const request = { baseUrl, activity: 'reserve', payload: { item: 'mug' }, observeUrl };
  try {
    return await check({ ...request, secrets: [SECRET], callTimeoutMs });
  } finally {
    await stop();
  }
}

describe('a participant with a fault is told its own code, and no other', () => {
  test.concurrent.each(CASES)('one that %s: %s', async (fault, code) => {
    const { verdict, findings } = await checkOne(fault);
    expect(findings.map((finding) => finding.code)).toEqual([code]);
    expect(verdict).toBe('violated');
  });
});

test('a right participant passes, and nothing is left unjudged', async () => {
  const { verdict, findings, judged, notJudged } = await checkOne(null);
  expect({ verdict, findings, notJudged }).toEqual({ verdict: 'passed', findings: [], notJudged: [] });
  expect(judged).toHaveLength(Object.keys(PLANTED).length);
});

test('every fault that can be planted is planted', () => {
  expect(CASES.map(([fault]) => fault).sort()).toEqual([...FAULTS].sort());
});

test('a finding says what was seen, what it costs and what to do', async () => {
  const { findings } = await checkOne('tries twice');
  expect(findings).toEqual([
    {
      code: 'try_applied_twice',
      rule: 'A repeated try takes effect once.',
      what:
        'A try was answered 200, and its repetition 200. The numbers changed by available −2, reserved +2; ' +
        'right is available −1, reserved +1.',
      why: expect.stringContaining('stays set aside for ever'),
      mend: expect.stringContaining('under a unique key'),
    },
  ]);
});
