/**
 * What a check can judge, and what it must not hold against a participant:
 *
 * - Without numbers the rules on effects are not judged, and the report says why.
 * - A participant that cannot be reached, has too little stock or does not end its work is not judged.
 * - Numbers that others change, or that do not show the ops, judge nothing.
 * - The quantity that a check needs is the one that it states.
 * - Any 2xx but 202 is a success, and the body of an answer plays no part.
 * - Its calls are those of a coordinator.
 */
import type { IncomingMessage } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { afterAll, expect, test } from '@jest/globals';
import { check, type CheckOptions, type Report } from '@tercet/sdk/check';
import { KINDS } from '../../../sdk/src/check/kinds.ts';
import { QUANTITY_NEEDED } from '../../../sdk/src/check/quantity-needed.ts';
import { type SampleParticipantOptions, type Numbers, startSampleParticipant } from './sample-participant.ts';

type SampleParticipant = Awaited<ReturnType<typeof startSampleParticipant>>;

const started: SampleParticipant[] = [];
afterAll(async () => {
  await Promise.all(started.splice(0).map(({ stop }) => stop()));
});

async function start(options: SampleParticipantOptions = {}): Promise<SampleParticipant> {
  const sample = await startSampleParticipant(options);
  started.push(sample);
  return sample;
}

const ask = ({ baseUrl, observeUrl }: SampleParticipant, more: Partial<CheckOptions> = {}): Promise<Report> =>
  check({ baseUrl, activity: 'reserve', payload: {}, observeUrl, ...more });

const codesOf = ({ findings }: Report) => findings.map(({ code }) => code);
const reasonsOf = ({ notJudged }: Report) => [...new Set(notJudged.map(({ because }) => because))];

test.concurrent('without numbers the rules on effects are not judged, and say why', async () => {
  const report = await ask(await start(), { observeUrl: undefined });
  expect(report.verdict).toBe('not_judged');
  expect(report.judged).toContain('A repeated try succeeds, as its first call did.');
  expect(report.notJudged).toContainEqual({
    rule: 'A repeated try takes effect once.',
    because: expect.stringContaining('effects do not show in statuses'),
  });
  expect(report.judged).toHaveLength(23);
  expect(report.notJudged).toHaveLength(13);
});

test.concurrent('that there are no numbers can be accepted: then the rules that statuses show decide', async () => {
  const report = await ask(await start(), { observeUrl: null });
  expect(report).toMatchObject({ verdict: 'passed', findings: [] });
  expect(report.judged).toHaveLength(23);
  expect(report.notJudged).toHaveLength(13);
  expect(reasonsOf(report)).toEqual(['no numbers, as --observe none (observeUrl: null) says']);
  const broken = await ask(await start({ fault: 'leaves no tombstone' }), { observeUrl: null });
  expect({ verdict: broken.verdict, codes: codesOf(broken) }).toEqual({
    verdict: 'violated',
    codes: ['late_try_accepted'],
  });
});

test.concurrent.each([
  ['that cannot be reached', { baseUrl: 'http://127.0.0.1:1' }, {}],
  ['without stock', {}, { stock: 0 }],
  ['whose stock does not last', {}, { stock: 5 }],
])('numbers that do not exist excuse nothing else: a participant %s is not judged', async (_who, more, sample) => {
  const report = await ask(await start(sample), { observeUrl: null, ...more });
  expect(report).toMatchObject({ verdict: 'not_judged', findings: [] });
});

test.concurrent('without numbers a fault that statuses show is found all the same', async () => {
  const report = await ask(await start({ fault: 'says FAILURE with 200' }), { observeUrl: undefined });
  expect(codesOf(report)).toEqual(['late_try_accepted', 'deadline_ignored', 'kind_ignored']);
});

test.concurrent('every rule is judged or not judged, never both', async () => {
  const report = await ask(await start({ fault: 'has no confirm' }));
  const rules = [...report.judged, ...report.notJudged.map(({ rule }) => rule)];
  expect(new Set(rules).size).toBe(rules.length);
  expect(rules).toHaveLength(36);
  for (const { rule } of report.findings) expect(report.judged).toContain(rule);
});

test.concurrent('a participant without stock is not judged, and is to be given more', async () => {
  const report = await ask(await start({ stock: 0 }));
  expect(report).toMatchObject({ verdict: 'not_judged', findings: [] });
  expect(reasonsOf(report)).toEqual([
    expect.stringMatching(
      /the try at .* was answered 409, .*sold out.*more stock, at least 10 times what the payload/,
    ),
  ]);
});

test.concurrent.each([
  ['step', 0],
  ['step_uncompensated', 14],
  ['pivot', 15],
  ['final', 13],
] as const)('a %s takes as much stock as it says, and %i pieces stay sold', async (kind, soldCount) => {
  let least = Number.POSITIVE_INFINITY;
  const seeTaken = ({ available }: Numbers) => {
    least = Math.min(least, available);
  };
  const sample: SampleParticipant = await start({
    kind,
    stock: QUANTITY_NEEDED[kind],
    instead() {
      seeTaken(sample.numbers);
      return null;
    },
  });
  // Of two concurrent actions of a pivot, the one in time is to win: then most is taken.
  let inTime: Promise<unknown> = Promise.resolve();
  const inTimeFirst: typeof fetch = async (url, init) => {
    const deadline = new Headers(init?.headers).get('tcc-deadline');
    if (deadline !== null && Date.parse(deadline) < Date.now()) {
      await setImmediate();
      await inTime;
      return fetch(url, init);
    }
    const answer = fetch(url, init);
    inTime = answer;
    return answer;
  };
  expect(await ask(sample, { kind, fetch: inTimeFirst })).toMatchObject({ verdict: 'passed' });
  seeTaken(sample.numbers);
  expect({ least, sold: sample.numbers.sold }).toEqual({ least: 0, sold: soldCount });
});

test.concurrent('it takes as much stock as it says, and all but the sold pieces are there again', async () => {
  let least = QUANTITY_NEEDED.tcc;
  const seeTaken = ({ available }: Numbers) => {
    least = Math.min(least, available);
  };
  const sample: SampleParticipant = await start({
    stock: QUANTITY_NEEDED.tcc,
    instead() {
      seeTaken(sample.numbers);
      return null;
    },
  });
  // Of a confirm and a cancel at once, the confirm is to win: then most is taken.
  let confirm: Promise<unknown> = Promise.resolve();
  const confirmFirst: typeof fetch = async (url, init) => {
    if (String(url).endsWith('/cancel')) await confirm;
    const answer = fetch(url, init);
    if (String(url).endsWith('/confirm')) confirm = answer;
    return answer;
  };
  expect(await ask(sample, { fetch: confirmFirst })).toMatchObject({ verdict: 'passed' });
  seeTaken(sample.numbers);
  expect(least).toBe(0);
  expect(sample.numbers.reserved).toBe(0);
  expect(sample.numbers.available).toBe(10 - sample.numbers.sold);
});

test.each(KINDS)('of a %s stock that does not last shows as no fault', async (kind) => {
  for (const stock of [2, QUANTITY_NEEDED[kind] >> 1, QUANTITY_NEEDED[kind] - 1]) {
    const report = await ask(await start({ kind, stock }), { kind });
    expect({ stock, codes: codesOf(report) }).toEqual({ stock, codes: [] });
  }
});

test.concurrent('stock that does not last for all scenarios leaves rules unjudged', async () => {
  const report = await ask(await start({ stock: 5 }));
  expect(report).toMatchObject({ verdict: 'not_judged', findings: [] });
  expect(report.notJudged).toContainEqual({
    rule: 'A repeated confirm succeeds.',
    because: expect.stringMatching(/^two confirms at once: the try at .* was answered 409, .*more stock/),
  });
});

test.concurrent('a participant that nobody reaches is not judged', async () => {
  const sample = await start();
  await sample.stop();
  const report = await ask(sample);
  expect(report).toMatchObject({ verdict: 'not_judged', findings: [], judged: [] });
  expect(reasonsOf(report)).toEqual([
    expect.stringMatching(/^the participant was not reached: GET .*ECONNREFUSED.*see that the service runs/),
  ]);
});

test.concurrent('of a participant at another address nothing is kept', async () => {
  const sample = await start();
  for (const observeUrl of [sample.observeUrl, undefined]) {
    const report = await ask(sample, { baseUrl: `${sample.baseUrl}/elsewhere`, observeUrl });
    expect(report).toMatchObject({ verdict: 'not_judged', findings: [], judged: [] });
    expect(reasonsOf(report)).toEqual([
      expect.stringMatching(/the participant was not reached: the try at .* was answered 404.*base URL/),
    ]);
  }
});

test.concurrent.each([
  401, 409, 500, 503,
])('what a problem document of a %i says is told whole', async (status) => {
  const detail = `The payload has ${'no quantity, '.repeat(30)}and that is all.`;
  const body = JSON.stringify({ type: 'urn:x', title: 'No', status, detail, code: 'invalid_payload' });
  const report = await ask(await start(), {
    fetch: async (url, init) => (init?.method === 'POST' ? new Response(body, { status }) : fetch(url, init)),
  });
  expect(report).toMatchObject({ verdict: 'not_judged', judged: [] });
  const reason = reasonsOf(report).join();
  expect(reason).toContain(`“${detail}” (invalid_payload): give a payload of the form`);
  expect(reason).not.toContain('stock');
});

test.concurrent('a detail without end is cut, and so is a page in place of a problem document', async () => {
  for (const [body, length] of [
    [JSON.stringify({ detail: 'x'.repeat(9000) }), 500],
    ['x'.repeat(9000), 200],
  ] as const) {
    const report = await ask(await start(), {
      fetch: async (url, init) =>
        init?.method === 'POST' ? new Response(body, { status: 409 }) : fetch(url, init),
    });
    expect(/x+…/.exec(reasonsOf(report).join())?.[0]).toHaveLength(length + 1);
  }
});

test.concurrent('numbers that move by themselves judge nothing', async () => {
  let looks = 0;
  const report = await ask(await start({ show: (numbers) => ({ ...numbers, looks: ++looks }) }));
  expect(report).toMatchObject({ verdict: 'not_judged', findings: [] });
  expect(reasonsOf(report)).toEqual([
    'the numbers move while nothing is asked (looks +1): check a participant that nobody else uses',
  ]);
});

test.concurrent('numbers that others change later judge nothing from then on', async () => {
  let others = 0;
  const show = (numbers: Numbers) => ({ ...numbers, others: numbers.sold > 0 ? others++ : 0 });
  const report = await ask(await start({ show }));
  expect(codesOf(report)).toEqual(['sum_not_conserved']);
  expect(reasonsOf(report)).toEqual([expect.stringContaining('another one just like it')]);
});

test.concurrent('numbers in which no try shows judge nothing', async () => {
  const report = await ask(await start({ show: () => ({ opened: 2026 }) }));
  expect(report).toMatchObject({ verdict: 'not_judged', findings: [] });
  expect(reasonsOf(report)).toEqual([
    expect.stringContaining('a try that was answered with success shows in no number'),
  ]);
});

test.concurrent.each([
  ['GET .* was answered 500, not 200', 500],
  ['GET .* gave no numbers: no JSON', 'Everything is fine.'],
  ['there is no number in the JSON at', '{"mood":"fine"}'],
])('numbers that cannot be read judge nothing: %s', async (reason, said) => {
  const answers = (text: string | number) =>
    typeof text === 'number' ? new Response('', { status: text }) : new Response(text);
  const sample = await start();
  const report = await ask(sample, {
    fetch: async (url, init) => (String(url) === sample.observeUrl ? answers(said) : fetch(url, init)),
  });
  expect(report).toMatchObject({ verdict: 'not_judged', findings: [], judged: [] });
  expect(reasonsOf(report)).toEqual([expect.stringMatching(`${reason}.*--observe .*nothing was called yet`)]);
  expect(sample.numbers).toEqual({ available: 100, reserved: 0, sold: 0 });
});

const inCents = ({ available, reserved, sold }: Numbers) => [
  { name: 'mug', price: 9.95, value: { free: available * 0.1, held: reserved * 0.1, gone: sold * 0.1 } },
];

test.concurrent('numbers with decimals, deep in the JSON, are as good', async () => {
  expect(await ask(await start({ show: inCents }))).toMatchObject({ verdict: 'passed' });
  const report = await ask(await start({ show: inCents, fault: 'tries twice' }));
  expect(report.findings[0]?.what).toMatch(
    /changed by 0\.value\.free −0\.2, 0\.value\.held \+0\.2; right is/,
  );
});

const withoutSold = ({ available, reserved }: Numbers) => ({ available, reserved });

test.concurrent.each([
  ['pieces', withoutSold],
  ['cents', ({ available, reserved }: Numbers) => [available * 0.1, reserved * 0.1]],
])('numbers that leave out what is confirmed lack a third one: %s', async (_unit, show) => {
  const report = await ask(await start({ show }));
  expect(report).toMatchObject({ verdict: 'not_judged', findings: [] });
  expect(report.notJudged).toEqual([
    {
      rule: 'The sum of all numbers is the same at every look.',
      because: expect.stringContaining('a third number is missing'),
    },
  ]);
});

test.concurrent('where the sum falls by more than what was confirmed, it is not conserved', async () => {
  let looks = 0;
  // What was sold before this look is gone; later a piece is lost that nobody bought.
  const show = ({ available, reserved, sold }: Numbers) => ({
    available: available - (sold > 3 && ++looks > 4 ? 1 : 0),
    reserved,
  });
  expect(codesOf(await ask(await start({ show })))).toContain('sum_not_conserved');
});

test.concurrent('a confirm that shows in no number leaves the rule on repeated confirms unjudged', async () => {
  const show = ({ available, reserved, sold }: Numbers) => ({ available, taken: reserved + sold });
  const report = await ask(await start({ show, fault: 'confirms twice' }));
  expect(report).toMatchObject({ verdict: 'not_judged', findings: [] });
  const because = expect.stringContaining('shows in no number');
  expect(report.notJudged).toEqual([
    { rule: 'A repeated confirm takes effect once.', because },
    { rule: 'Two confirms of one branch at the same moment take effect once.', because },
  ]);
});

test.concurrent('words in the body of a 200 play no part', async () => {
  const result = { dtm_result: 'FAILURE', error: 'ONGOING', status: 409 };
  expect(await ask(await start({ result }))).toMatchObject({ verdict: 'passed' });
});

const STUMBLE_COUNT = 8;

/** Answers the first call of some branches and ops with this status, all others as they come. */
function stumbling(status: number) {
  const stumbledOver = new Set<unknown>();
  return ({ headers }: IncomingMessage): number | null => {
    const key = headers['idempotency-key'];
    if (key === undefined || stumbledOver.has(key) || stumbledOver.size === STUMBLE_COUNT) return null;
    stumbledOver.add(key);
    return status;
  };
}

test.concurrent.each([
  [202],
  [425],
  [503],
  [429],
])('a call that is answered %i at first is asked again', async (status) => {
  const report = await ask(await start({ instead: stumbling(status) }));
  expect(report).toMatchObject({ verdict: 'passed' });
});

test.concurrent('201 and 204 are successes', async () => {
  for (const status of [201, 204]) {
    const report = await ask(await start({ instead: () => status }), { observeUrl: undefined });
    expect(reasonsOf(report).join()).not.toContain('was answered 20');
    expect(codesOf(report)).toContain('late_try_accepted');
  }
});

test.concurrent('a try that is refused near its deadline is asked for with a later one', async () => {
  const isNear = ({ headers, url }: IncomingMessage) => {
    // A gid begins with the time at which it was made, and the deadline was set.
    const madeAt = Number.parseInt(String(headers['tcc-transaction-id']).replace('-', '').slice(0, 12), 16);
    const timeoutMs = Date.parse(String(headers['tcc-deadline'])) - madeAt;
    return url === '/reserve/try' && timeoutMs > 0 && timeoutMs < 2000;
  };
  const sample = await start({ instead: (request) => (isNear(request) ? 409 : null) });
  expect(await ask(sample)).toMatchObject({ verdict: 'passed' });
});

test.concurrent('a call that is at work for ever is not judged', async () => {
  const report = await ask(await start({ instead: () => 425 }));
  expect(report).toMatchObject({ verdict: 'not_judged', findings: [] });
  expect(reasonsOf(report)).toEqual([expect.stringContaining('again and again')]);
});

test.concurrent('a participant that falls silent is not waited for again and again', async () => {
  let callCount = 0;
  const sample = await start();
  const silent: typeof fetch = (_url, init) =>
    new Promise((_resolve, reject) =>
      init?.signal?.addEventListener('abort', () => reject(init.signal?.reason)),
    );
  const report = await ask(sample, {
    callTimeoutMs: 3000,
    fetch: (url, init) => (callCount++ < 30 ? fetch(url, init) : silent(url, init)),
  });
  expect(report).toMatchObject({ verdict: 'not_judged', findings: [] });
  expect(reasonsOf(report)).toContain('the participant answers no more');
  expect(callCount).toBeLessThan(50);
});

test.concurrent('calls carry what a coordinator sends, each scenario with ids of its own', async () => {
  const seen: IncomingMessage['headers'][] = [];
  const sample = await start({
    instead({ headers }) {
      seen.push(headers);
      return null;
    },
  });
  await ask(sample);
  const isOdd = (kind: unknown) => kind === undefined || kind === 'step';
  expect(seen.filter((headers) => isOdd(headers['tcc-kind']))).toHaveLength(5);
  for (const headers of seen.filter((each) => !isOdd(each['tcc-kind']))) {
    const [gid, branchId, op] = String(headers['idempotency-key']).split('/');
    expect(gid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'tcc-transaction-id': gid,
      'tcc-branch-id': branchId,
      'tcc-op': op,
      'tcc-kind': 'tcc',
      'tcc-attempt': expect.stringMatching(/^[1-9]$/),
      'tcc-deadline': expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    });
  }
  expect(new Set(seen.map((headers) => headers['tcc-transaction-id'])).size).toBeGreaterThan(15);
});

test.concurrent('paths are as at registration', async () => {
  const report = await ask(await start({ instead: ({ url }) => (url === '/shelf/take' ? 418 : null) }), {
    paths: { 'reserve/try': '/shelf/take' },
  });
  expect(reasonsOf(report)).toEqual([expect.stringContaining('/shelf/take was answered 418')]);
});

test.concurrent.each([
  [{ baseUrl: 'localhost:4000' }, 'is no http or https address'],
  [{ baseUrl: 'http://127.0.0.1:1/?x=1' }, 'a query'],
  [{ observeUrl: 'numbers' }, 'the address to observe'],
  [{ activity: 'reserve mugs' }, 'is no name of an activity'],
  [{ payload: undefined }, 'the payload is not JSON'],
  [{ callTimeoutMs: 0.5 }, 'positive whole number'],
  [{ secrets: ['open sesame'] }, 'a secret begins with whsec_'],
  [{ paths: { 'hold/try': '/x' } }, 'there are reserve/try, reserve/confirm, reserve/cancel'],
  [{ paths: { 'reserve/try': 'x' } }, 'does not begin with /'],
])('options that make no sense are refused in words: %j', async (wrong, words) => {
  const options = { baseUrl: 'http://127.0.0.1:1', activity: 'reserve', payload: {}, ...wrong };
  await expect(check(options)).rejects.toThrow(TypeError);
  await expect(check(options)).rejects.toThrow(words);
});
