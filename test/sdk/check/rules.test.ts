/** Each rule finds the participant that does not keep it, and finds nothing wrong with one that keeps them all. */
import { describe, expect, test } from '@jest/globals';
import { check, type Report } from '@tercet/sdk/check';
import { CODES_OF } from '../../../sdk/src/check/catalogue.ts';
import { FAULTS, type Fault, startNaive } from './naive/participant.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

type Pattern = 'tcc' | 'saga';

/** What is planted, and the one code that is to name it. */
const PLANTED: { readonly [Each in Pattern]: { readonly [code: string]: readonly Fault[] } } = {
  tcc: {
    redirected: ['redirects tries'],
    sum_not_conserved: ['sells without taking off the shelf'],
    confirm_refused: ['has no confirm'],
    cancel_refused: ['has no cancel', 'refuses every cancel'],
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
  },
  saga: {
    redirected: ['redirects tries'],
    sum_not_conserved: ['books two for one'],
    answered_before_commit: ['answers tries before it works', 'answers cancels before it works'],
    refusal_answered_as_success: ['says FAILURE with 200'],
    refusal_not_understood: ['refuses with 400'],
    refused_call_applied: ['refuses, and reserves all the same'],
    slow_caller_blocks_others: ['serves one call at a time'],
    unsigned_call_accepted: ['believes anybody'],
    compensate_refused: ['refuses every cancel'],
    compensate_does_not_restore: ['sells what is cancelled'],
    repeated_action_refused: ['refuses a repeated try'],
    repeated_action_differs: ['answers each try with a new number'],
    action_applied_twice: ['tries twice'],
    actions_at_once_applied_twice: ['tries twice at once'],
    lost_action_applied_twice: ['forgets when the caller hangs up'],
    repeated_compensate_refused: ['refuses a repeated cancel'],
    compensate_applied_twice: ['cancels twice'],
    compensates_at_once_applied_twice: ['cancels twice at once'],
    compensate_before_action_refused: ['knows no branch to cancel'],
    compensate_before_action_applied: ['gives back what was never reserved'],
    late_action_accepted: ['leaves no tombstone'],
    slow_action_accepted: ['looks before the body has come'],
    action_deadline_ignored: ['ignores the deadline'],
    steps_mixed_up: [
      'keeps one branch of a gid',
      'knows branches by gid',
      'knows branches by branchId',
      'knows no small letters',
    ],
  },
};

type Case = readonly [pattern: Pattern, fault: Fault, code: string];
const CASES = (['tcc', 'saga'] as const).flatMap((pattern) =>
  Object.entries(PLANTED[pattern]).flatMap(([code, faults]) =>
    faults.map((fault): Case => [pattern, fault, code]),
  ),
);

async function checkOne(fault: Fault | null, pattern: Pattern = 'tcc'): Promise<Report> {
  const { baseUrl, observeUrl, stop } = await startNaive({ fault, secret: SECRET, pattern });
  // Where a call waits for another one it times out; on a slow machine no other is to.
  const callTimeoutMs = fault === 'serves one call at a time' ? 3000 : 20_000;
  const request = { baseUrl, activity: 'reserve', pattern, payload: { item: 'mug' }, observeUrl };
  try {
    return await check({ ...request, secrets: [SECRET], callTimeoutMs });
  } finally {
    await stop();
  }
}

describe('a participant with a fault is told its own code, and no other', () => {
  test.concurrent.each(CASES)('%s: one that %s: %s', async (pattern, fault, code) => {
    const { verdict, findings } = await checkOne(fault, pattern);
    expect(findings.map((finding) => finding.code)).toEqual([code]);
    expect(verdict).toBe('violated');
  });
});

test.each([
  'tcc',
  'saga',
] as const)('a right participant of a %s passes, and nothing is left unjudged', async (pattern) => {
  const { verdict, findings, judged, notJudged } = await checkOne(null, pattern);
  expect({ verdict, findings, notJudged }).toEqual({ verdict: 'passed', findings: [], notJudged: [] });
  expect(judged).toHaveLength(Object.keys(PLANTED[pattern]).length);
});

test.each([
  'tcc',
  'saga',
] as const)('each rule of a %s has a participant that does not keep it', (pattern) => {
  expect(Object.keys(PLANTED[pattern]).sort()).toEqual([...CODES_OF[pattern]].sort());
});

test('every fault that can be planted is planted', () => {
  expect([...new Set(CASES.map(([, fault]) => fault))].sort()).toEqual([...FAULTS].sort());
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
