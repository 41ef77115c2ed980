/** The rules for tries and actions that are answered 202 and completed from outside. */
import { describe, expect, test } from '@jest/globals';
import { check, type Kind, type Report } from '@tercet/sdk/check';
import { ACCEPTED_RULES } from '../../../sdk/src/check/accepted-rules.ts';
import { KINDS } from '../../../sdk/src/check/kinds.ts';
import { reportText } from '../../../sdk/src/check/report-text.ts';
import { ACCEPTED_FAULTS, type AcceptedFault, startSampleParticipant } from './sample-participant.ts';

const PLANTED: { readonly [Each in AcceptedFault]: (kind: 'tcc' | 'step') => string } = {
  'works at each poll': () => 'accepted_applied_twice',
  'refuses polls after the deadline': () => 'accepted_expires',
  'cancels the accepted without work': () => 'accepted_not_undone',
  'refuses to cancel the accepted': (kind) => (kind === 'tcc' ? 'cancel_refused' : 'compensate_refused'),
  'accepts again after the cancel': (kind) => (kind === 'tcc' ? 'late_try_accepted' : 'late_action_accepted'),
};

async function checkOne(
  kind: Kind,
  accepts: AcceptedFault | 'rightly' | 'for ever' | undefined,
): Promise<Report> {
  const sample = await startSampleParticipant({ kind, ...(accepts !== undefined && { accepts }) });
  const { baseUrl, observeUrl, stop } = sample;
  try {
    return await check({
      baseUrl,
      observeUrl,
      activity: 'reserve',
      kind,
      payload: {},
      callTimeoutMs: 20_000,
    });
  } finally {
    await stop();
  }
}

describe('a participant that accepts wrongly is told so', () => {
  test.concurrent.each(
    (['tcc', 'step'] as const).flatMap((kind) => ACCEPTED_FAULTS.map((fault) => [kind, fault] as const)),
  )('%s: one that %s', async (kind, fault) => {
    const { findings } = await checkOne(kind, fault);
    expect(findings.map(({ code }) => code)).toContain(PLANTED[fault](kind));
  });
});

test('each rule has a participant that does not keep it', () => {
  const found = ACCEPTED_FAULTS.map((fault) => PLANTED[fault]('tcc'));
  expect(found).toEqual(expect.arrayContaining(Object.keys(ACCEPTED_RULES)));
});

test.each(KINDS)('one of the kind %s that accepts rightly passes, and its rules are judged', async (kind) => {
  const { verdict, findings, notJudged, judged, skipped } = await checkOne(kind, 'rightly');
  expect({ verdict, findings, notJudged, skipped }).toEqual({
    verdict: 'passed',
    findings: [],
    notJudged: [],
    skipped: [],
  });
  expect(judged).toContain(ACCEPTED_RULES.accepted_applied_twice.rule);
  expect(judged.includes(ACCEPTED_RULES.accepted_not_undone.rule)).toBe(kind === 'tcc' || kind === 'step');
});

test('one whose work never ends by itself is judged by these rules, and told why not by the others', async () => {
  const { verdict, judged, notJudged } = await checkOne('tcc', 'for ever');
  expect([verdict, judged]).toEqual(['not_judged', Object.values(ACCEPTED_RULES).map(({ rule }) => rule)]);
  expect(notJudged[0]?.because).toContain('completed by itself');
});

test.each(
  KINDS,
)('of one of the kind %s that never accepts they are skipped, with the reason', async (kind) => {
  const report = await checkOne(kind, undefined);
  expect(report).toMatchObject({ verdict: 'passed', notJudged: [] });
  const reasons = new Set(report.skipped.map(({ because }) => because));
  expect([...reasons]).toEqual([
    'the rules on ops that are completed from outside, since no try or action was answered 202',
  ]);
  expect(reportText(report)).toContain('Skipped: the rules on ops that are completed from outside');
});
