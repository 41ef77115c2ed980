/** What the calls of a check carry for each kind, and which of them are sent. */
import type { IncomingHttpHeaders } from 'node:http';
import { afterAll, expect, test } from '@jest/globals';
import { check, type CheckOptions, type Kind } from '@tercet/sdk/check';
import { newSecret } from '@tercet/sdk/signature';
import { startSampleParticipant } from './sample-participant.ts';

const ends: (() => Promise<void>)[] = [];
afterAll(() => Promise.all(ends.map((end) => end())));

const SECRET = newSecret();
const KEPT = ['step_uncompensated', 'pivot', 'final'] as const;

/** Checks a right participant, and returns the headers of all calls. */
async function callsOf(kind: Kind, more: Partial<CheckOptions> = {}): Promise<IncomingHttpHeaders[]> {
  const calls: IncomingHttpHeaders[] = [];
  const { baseUrl, stop } = await startSampleParticipant({
    kind,
    secret: SECRET,
    instead({ headers }) {
      calls.push(headers);
      return null;
    },
  });
  ends.push(stop);
  const asked = { baseUrl, activity: 'reserve', kind, payload: {}, observeUrl: null, secrets: [SECRET] };
  expect(await check({ ...asked, ...more })).toMatchObject({ verdict: 'passed' });
  return calls;
}

const nameOf = (call: IncomingHttpHeaders) =>
  [call['tcc-transaction-id'], call['tcc-branch-id'], call['tcc-op']].join('/');

test.concurrent.each([
  'tcc',
  'step',
  ...KEPT,
] as const)('calls of the kind %s carry and sign it, and the idempotency key does not', async (kind) => {
  const calls = await callsOf(kind);
  const ofKind = calls.filter((call) => call['tcc-kind'] === kind);
  expect(ofKind.length).toBeGreaterThan(calls.length / 2);
  for (const call of calls) expect(call['idempotency-key']).toBe(nameOf(call));
  const unlike = ofKind.filter((call) => call['webhook-id'] !== `${nameOf(call)}/${kind}`);
  // One without a signature, and one whose signature leaves the kind out; a 401 is asked for again.
  expect(new Set(unlike.map(nameOf)).size).toBe(2);
  const without = calls.filter((call) => call['tcc-kind'] === undefined);
  expect(without.length).toBeGreaterThan(0);
  for (const call of without) expect(call['webhook-id']).toBe(nameOf(call));
});

test.concurrent.each(KEPT)('a %s gets a compensate only of another kind', async (kind) => {
  const compensates = (await callsOf(kind)).filter((call) => call['tcc-op'] === 'compensate');
  expect(compensates.length).toBeGreaterThan(0);
  expect(compensates.map((call) => call['tcc-kind'])).not.toContain(kind);
});

test.concurrent('an action of the kind final has a deadline one day ahead, as the coordinator sends it', async () => {
  const now = Date.now();
  const deadlines = (await callsOf('final'))
    .filter((call) => call['tcc-kind'] === 'final')
    .map((call) => Date.parse(String(call['tcc-deadline'])))
    .filter((deadlineAt) => deadlineAt > now);
  for (const deadlineAt of deadlines) expect(deadlineAt).toBeGreaterThanOrEqual(now + 86_400_000);
  expect(deadlines.length).toBeGreaterThan(5);
});

test.concurrent('a refused payload that is not refused leaves the rule unjudged', async () => {
  const { baseUrl, stop } = await startSampleParticipant({ kind: 'pivot' });
  ends.push(stop);
  const asked = { baseUrl, activity: 'reserve', kind: 'pivot', payload: {}, observeUrl: null } as const;
  const { verdict, findings, notJudged } = await check({ ...asked, refusedPayload: { quantity: 1 } });
  expect({ verdict, findings }).toEqual({ verdict: 'not_judged', findings: [] });
  expect(notJudged).toContainEqual({
    rule: 'The refusal of a pivot is remembered: its repetition is refused too.',
    because: 'an action with the refused payload was answered 200, and not refused with 409 or 422',
  });
});

test.concurrent('an activity that is declared as another kind is not judged, and the report says so', async () => {
  const { baseUrl, stop } = await startSampleParticipant();
  ends.push(stop);
  const detail = 'this activity is a pivot';
  const { verdict, notJudged } = await check({
    baseUrl,
    activity: 'reserve',
    kind: 'step',
    payload: {},
    observeUrl: null,
    fetch: async () => Response.json({ code: 'kind_mismatch', detail }, { status: 422 }),
  });
  expect(verdict).toBe('not_judged');
  expect([...new Set(notJudged.map(({ because }) => because))].join()).toContain(
    `“${detail}” (kind_mismatch): the activity is not declared as step; give the kind that it declares by --kind (kind)`,
  );
});
