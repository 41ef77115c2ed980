/** What can be judged and what cannot; and answers that are not a participant's fault. */
import type { IncomingMessage } from 'node:http';
import { afterEach, expect, test } from '@jest/globals';
import { check, type CheckOptions, type Report } from '@tercet/sdk/check';
import { type NaiveOptions, type Numbers, startNaive } from './naive/participant.ts';

type Naive = Awaited<ReturnType<typeof startNaive>>;

const started: Naive[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map(({ stop }) => stop()));
});

async function start(options: NaiveOptions = {}): Promise<Naive> {
  const naive = await startNaive(options);
  started.push(naive);
  return naive;
}

const ask = ({ baseUrl, observeUrl }: Naive, more: Partial<CheckOptions> = {}): Promise<Report> =>
  check({ baseUrl, activity: 'reserve', payload: {}, observeUrl, ...more });

const codesOf = ({ findings }: Report) => findings.map(({ code }) => code);
const reasonsOf = ({ notJudged }: Report) => [...new Set(notJudged.map(({ because }) => because))];

test('without numbers the rules on effects are not judged, and say why', async () => {
  const report = await ask(await start(), { observeUrl: undefined });
  expect(report.verdict).toBe('not_judged');
  expect(report.judged).toContain('A repeated try succeeds, as its first call did.');
  expect(report.notJudged).toContainEqual({
    rule: 'A repeated try takes effect once.',
    because: expect.stringContaining('effects do not show in statuses'),
  });
  expect(report.judged).toHaveLength(20);
  expect(report.notJudged).toHaveLength(12);
});

test('without numbers a fault that statuses show is found all the same', async () => {
  const report = await ask(await start({ fault: 'says FAILURE with 200' }), { observeUrl: undefined });
  expect(codesOf(report)).toEqual(['late_try_accepted', 'deadline_ignored']);
});

test('every rule is judged or not judged, never both', async () => {
  const report = await ask(await start({ fault: 'has no confirm' }));
  const rules = [...report.judged, ...report.notJudged.map(({ rule }) => rule)];
  expect(new Set(rules).size).toBe(rules.length);
  expect(rules).toHaveLength(32);
  for (const { rule } of report.findings) expect(report.judged).toContain(rule);
});

test('a participant without stock is not judged, and is to be given more', async () => {
  const report = await ask(await start({ stock: 0 }));
  expect(report).toMatchObject({ verdict: 'not_judged', findings: [] });
  expect(reasonsOf(report)).toEqual([
    expect.stringMatching(/the try at .* was answered 409, .*sold out.*give it more stock/),
  ]);
});

test('ten pieces are enough for all, and all but the sold ones are there again', async () => {
  const naive = await start({ stock: 10 });
  expect(await ask(naive)).toMatchObject({ verdict: 'passed' });
  expect(naive.numbers.reserved).toBe(0);
  expect(naive.numbers.available).toBe(10 - naive.numbers.sold);
});

test('stock that does not last for all scenarios leaves rules unjudged', async () => {
  const report = await ask(await start({ stock: 5 }));
  expect(report).toMatchObject({ verdict: 'not_judged', findings: [] });
  expect(report.notJudged).toContainEqual({
    rule: 'A repeated confirm succeeds.',
    because: expect.stringMatching(/^two confirms at once: the try at .* was answered 409, .*more stock/),
  });
});

test('a participant that nobody reaches is not judged', async () => {
  const naive = await start();
  await naive.stop();
  const report = await ask(naive);
  expect(report).toMatchObject({ verdict: 'not_judged', findings: [], judged: [] });
  expect(reasonsOf(report)).toEqual([expect.stringContaining('ECONNREFUSED')]);
});

test('numbers that move by themselves judge nothing', async () => {
  let looks = 0;
  const report = await ask(await start({ show: (numbers) => ({ ...numbers, looks: ++looks }) }));
  expect(report).toMatchObject({ verdict: 'not_judged', findings: [] });
  expect(reasonsOf(report)).toEqual([
    'the numbers move while nothing is asked (looks +1): check a participant that nobody else uses',
  ]);
});

test('numbers that others change later judge nothing from then on', async () => {
  let others = 0;
  const show = (numbers: Numbers) => ({ ...numbers, others: numbers.sold > 0 ? others++ : 0 });
  const report = await ask(await start({ show }));
  expect(codesOf(report)).toEqual(['sum_not_conserved']);
  expect(reasonsOf(report)).toEqual([expect.stringContaining('another one just like it')]);
});

test('numbers in which no try shows judge nothing', async () => {
  const report = await ask(await start({ show: () => ({ opened: 2026 }) }));
  expect(report).toMatchObject({ verdict: 'not_judged', findings: [] });
  expect(reasonsOf(report)).toEqual([
    expect.stringContaining('a try that was answered with success shows in no number'),
  ]);
});

test.each([
  ['GET .* was answered 500, not 200', 500],
  ['GET .* gave no numbers: no JSON', 'Everything is fine.'],
  ['there is no number in the JSON at', '{"mood":"fine"}'],
])('numbers that cannot be read judge nothing: %s', async (reason, said) => {
  const answers = (text: string | number) =>
    typeof text === 'number' ? new Response('', { status: text }) : new Response(text);
  const naive = await start();
  const report = await ask(naive, {
    fetch: async (url, init) => (String(url) === naive.observeUrl ? answers(said) : fetch(url, init)),
  });
  expect(report).toMatchObject({ verdict: 'not_judged', findings: [] });
  expect(reasonsOf(report)).toEqual([expect.stringMatching(reason)]);
});

const inCents = ({ available, reserved, sold }: Numbers) => [
  { name: 'mug', price: 9.95, value: { free: available * 0.1, held: reserved * 0.1, gone: sold * 0.1 } },
];

test('numbers with decimals, deep in the JSON, are as good', async () => {
  expect(await ask(await start({ show: inCents }))).toMatchObject({ verdict: 'passed' });
  const report = await ask(await start({ show: inCents, fault: 'tries twice' }));
  expect(report.findings[0]?.what).toMatch(
    /changed by 0\.value\.free −0\.2, 0\.value\.held \+0\.2; right is/,
  );
});

test('a confirm that shows in no number leaves the rule on repeated confirms unjudged', async () => {
  const show = ({ available, reserved, sold }: Numbers) => ({ available, taken: reserved + sold });
  const report = await ask(await start({ show, fault: 'confirms twice' }));
  expect(report).toMatchObject({ verdict: 'not_judged', findings: [] });
  const because = expect.stringContaining('shows in no number');
  expect(report.notJudged).toEqual([
    { rule: 'A repeated confirm takes effect once.', because },
    { rule: 'Two confirms of one branch at the same moment take effect once.', because },
  ]);
});

test('words in the body of a 200 play no part', async () => {
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

test.each([
  [202],
  [425],
  [503],
  [429],
])('a call that is answered %i at first is asked again', async (status) => {
  const report = await ask(await start({ instead: stumbling(status) }));
  expect(report).toMatchObject({ verdict: 'passed' });
});

test('201 and 204 are successes', async () => {
  for (const status of [201, 204]) {
    const report = await ask(await start({ instead: () => status }), { observeUrl: undefined });
    expect(reasonsOf(report).join()).not.toContain('was answered 20');
    expect(codesOf(report)).toContain('late_try_accepted');
  }
});

test('a call that is at work for ever is not judged', async () => {
  const report = await ask(await start({ instead: () => 425 }));
  expect(report).toMatchObject({ verdict: 'not_judged', findings: [] });
  expect(reasonsOf(report)).toEqual([expect.stringContaining('again and again')]);
});

test('a participant that falls silent is not waited for again and again', async () => {
  let callCount = 0;
  const naive = await start();
  const silent: typeof fetch = (_url, init) =>
    new Promise((_resolve, reject) =>
      init?.signal?.addEventListener('abort', () => reject(init.signal?.reason)),
    );
  const report = await ask(naive, {
    callTimeoutMs: 300,
    fetch: (url, init) => (callCount++ < 30 ? fetch(url, init) : silent(url, init)),
  });
  expect(report).toMatchObject({ verdict: 'not_judged', findings: [] });
  expect(reasonsOf(report)).toContain('the participant answers no more');
  expect(callCount).toBeLessThan(50);
});

test('calls carry what a coordinator sends, each scenario with ids of its own', async () => {
  const seen: IncomingMessage['headers'][] = [];
  const naive = await start({
    instead({ headers }) {
      seen.push(headers);
      return null;
    },
  });
  await ask(naive);
  for (const headers of seen) {
    const [gid, branchId, op] = String(headers['idempotency-key']).split('/');
    expect(gid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'tcc-transaction-id': gid,
      'tcc-branch-id': branchId,
      'tcc-op': op,
      'tcc-attempt': expect.stringMatching(/^[1-9]$/),
      'tcc-deadline': expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    });
  }
  expect(new Set(seen.map((headers) => headers['tcc-transaction-id'])).size).toBeGreaterThan(15);
});

test('paths are as at registration', async () => {
  const report = await ask(await start({ instead: ({ url }) => (url === '/shelf/take' ? 418 : null) }), {
    paths: { 'reserve/try': '/shelf/take' },
  });
  expect(reasonsOf(report)).toEqual([expect.stringContaining('/shelf/take was answered 418')]);
});

test.each([
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
