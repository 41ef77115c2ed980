/** Each rule finds the participant that does not keep it, and finds nothing wrong with one that keeps them all. */
import { describe, expect, test } from '@jest/globals';
import { check, type Kind, type Report } from '@tercet/sdk/check';
import { CODES_OF } from '../../../sdk/src/check/catalogue.ts';
import { KINDS } from '../../../sdk/src/check/kinds.ts';
import { FAULTS, type Fault, startSampleParticipant } from './sample-participant.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

type Planted = { readonly [code: string]: readonly Fault[] };

const OF_EVERY_KIND: Planted = {
  kind_ignored: ['ignores the kind'],
  second_phase_refused_for_kind: ['refuses second phases for their kind'],
  served_kind_refused: ['refuses calls without a kind'],
  signed_kind_ignored: ['does not read the signed kind'],
};

/** Of steps that nothing undoes. */
const KEPT: Planted = {
  redirected: ['redirects tries'],
  sum_not_conserved: ['books two for one'],
  answered_before_commit: ['answers tries before it works'],
  refusal_answered_as_success: ['says FAILURE with 200'],
  refusal_not_understood: ['refuses with 400'],
  refused_call_applied: ['refuses, and reserves all the same'],
  slow_caller_blocks_others: ['serves one call at a time'],
  unsigned_call_accepted: ['believes anybody'],
  repeated_action_refused: ['refuses a repeated try'],
  repeated_action_differs: ['answers each try with a new number'],
  action_applied_twice: ['tries twice'],
  actions_at_once_applied_twice: ['tries twice at once'],
  lost_action_applied_twice: ['forgets when the caller hangs up'],
  compensate_before_action_applied: ['gives back what was never reserved'],
  action_deadline_ignored: ['ignores the deadline'],
  actions_mixed_up: ['knows branches by gid', 'knows branches by branchId', 'knows no small letters'],
  refusal_forgotten: ['forgets refusals for the kind'],
  ...OF_EVERY_KIND,
  second_phase_refused_for_kind: [
    'refuses second phases for their kind',
    'has no cancel',
    'refuses every cancel',
    'knows no branch to cancel',
  ],
};

/** What is planted, and the one code that is to name it. */
const PLANTED: { readonly [Each in Kind]: Planted } = {
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
    ...OF_EVERY_KIND,
  },
  step: {
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
    refusal_forgotten: ['forgets refusals for the kind'],
    ...OF_EVERY_KIND,
    kind_ignored: ['ignores the kind', 'ignores the kind pivot'],
    served_kind_refused: ['refuses calls without a kind', 'serves its own kind alone'],
  },
  step_uncompensated: {
    ...KEPT,
    kind_ignored: ['ignores the kind', 'ignores the kind pivot'],
    served_kind_refused: ['refuses calls without a kind', 'serves its own kind alone'],
  },
  pivot: {
    ...KEPT,
    actions_mixed_up: [...(KEPT.actions_mixed_up ?? []), 'keeps one branch of a gid'],
    refusal_forgotten: ['forgets refusals for the deadline', 'forgets refusals of the business'],
    slow_pivot_accepted: ['looks before the body has come'],
    refused_and_done: ['remembers refusals too late'],
    late_repeat_refused: ['judges the deadline first'],
  },
  final: { ...KEPT, kind_ignored: ['ignores the kind', 'ignores the kind pivot'] },
};

type Case = readonly [kind: Kind, fault: Fault, code: string];
const CASES = KINDS.flatMap((kind) =>
  Object.entries(PLANTED[kind]).flatMap(([code, faults]) => faults.map((fault): Case => [kind, fault, code])),
);

async function checkOne(fault: Fault | null, kind: Kind = 'tcc'): Promise<Report> {
  const { baseUrl, observeUrl, stop } = await startSampleParticipant({ fault, secret: SECRET, kind });
  // Where a call waits for another one it times out; on a slow machine no other is to.
  const callTimeoutMs = fault === 'serves one call at a time' ? 3000 : 20_000;
  const refusedPayload = kind === 'pivot' ? { item: 'mug', quantity: 'too much' } : undefined;
  const request = {
    baseUrl,
    activity: 'reserve',
    kind,
    payload: { item: 'mug' },
    refusedPayload,
    observeUrl,
  };
  try {
    return await check({ ...request, secrets: [SECRET], callTimeoutMs });
  } finally {
    await stop();
  }
}

describe('a participant with a fault is told its own code, and no other', () => {
  test.concurrent.each(CASES)('%s: one that %s: %s', async (kind, fault, code) => {
    const { verdict, findings } = await checkOne(fault, kind);
    expect(findings.map((finding) => finding.code)).toEqual([code]);
    expect(verdict).toBe('violated');
  });
});

test.each(KINDS)('a right participant of the kind %s passes, and nothing is left unjudged', async (kind) => {
  const { verdict, findings, judged, notJudged } = await checkOne(null, kind);
  expect({ verdict, findings, notJudged }).toEqual({ verdict: 'passed', findings: [], notJudged: [] });
  expect(judged).toHaveLength(Object.keys(PLANTED[kind]).length);
});

test.each(KINDS)('each rule of the kind %s has a participant that does not keep it', (kind) => {
  expect(Object.keys(PLANTED[kind]).sort()).toEqual([...CODES_OF[kind]].sort());
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
      fix: expect.stringContaining('under a unique key'),
    },
  ]);
});
