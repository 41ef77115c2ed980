// A double that is never compared lies: the coordinator of a test world and the real one behind Fastify are asked the same,
// and answer the same statuses, headers and documents.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Answered, type Asked, comparable, openBoth, type Side } from './two-coordinators.ts';

let both: Awaited<ReturnType<typeof openBoth>>;
beforeEach(async () => {
  both = await openBoth();
});
afterEach(() => both.close());

type Story = (side: Side) => Promise<void>;

/** Tells both the story, and compares what they were answered. */
async function expectSame(story: Story): Promise<readonly number[]> {
  const [ofReal, ofDouble] = [await told(both.real, story), await told(both.double, story)];
  expect(comparable(ofDouble)).toEqual(comparable(ofReal));
  return ofReal.map(({ status }) => status);
}

async function told(side: Side, story: Story) {
  const answers: Answered[] = [];
  await story({
    ...side,
    async ask(asked) {
      const answer = await side.ask(asked);
      answers.push(answer);
      return answer;
    },
  });
  return answers;
}

const post = (path: string, body?: unknown, headers: Record<string, string> = {}): Asked => ({
  method: 'POST',
  path,
  headers,
  ...(body !== undefined && { body }),
});
const get = (path: string): Asked => ({ method: 'GET', path });
const branch = (branchId: string, more: object = {}) => ({
  branchId,
  participant: 'inventory',
  activity: 'reserve',
  payload: { item: 'tea' },
  ...more,
});
/** A step of a saga; of each kind there is an activity. */
const step = (
  branchId: string,
  more: { isPivot?: boolean; isCompensated?: boolean; dependsOn?: string[]; payload?: unknown } = {},
) =>
  branch(branchId, {
    activity: more.isPivot ? 'charge' : more.isCompensated === false ? 'look' : 'take',
    ...more,
  });
const BEGIN = '/v1/transactions';
const WAIT = { prefer: 'wait=60' };
const DAY_MS = 86_400_000;

async function begun(side: Side, body: object = { name: 'order' }, headers = {}): Promise<string> {
  return `${BEGIN}/${gidIn(await side.ask(post(BEGIN, body, headers)))}`;
}

const gidIn = (answer: Answered): string => String(Reflect.get(Object(answer.body), 'gid'));

/** Each with the statuses it is to be answered with: that both are wrong in the same way is no proof. */
const stories: Readonly<Record<string, readonly [statuses: readonly number[], story: Story]>> = {
  'an interactive transaction is confirmed': [
    [201, 201, 201, 200, 202, 200, 200, 200],
    async (side) => {
      const at = await begun(side);
      await side.ask(post(`${at}/branches`, branch('a')));
      await side.ask(post(`${at}/branches`, branch('b', { participant: 'payment' })));
      await side.ask(post(`${at}/branches`, branch('a')));
      await side.ask(post(`${at}/confirm`));
      await side.ask(post(`${at}/confirm`, undefined, WAIT));
      await side.ask(get(at));
      await side.ask(post(`${at}/confirm`, {}, WAIT));
    },
  ],
  'an interactive transaction is cancelled': [
    [201, 201, 200, 200, 409, 409],
    async (side) => {
      const at = await begun(side, { name: 'order', businessKey: 'order-1', timeoutMs: 5000 });
      await side.ask(post(`${at}/branches`, branch('a')));
      await side.ask(post(`${at}/cancel`, undefined, WAIT));
      await side.ask(get(at));
      await side.ask(post(`${at}/confirm`));
      await side.ask(post(`${at}/branches`, branch('b')));
    },
  ],
  'a confirm says what was tried': [
    [201, 201, 409, 400, 400, 200, 200, 400],
    async (side) => {
      const at = await begun(side);
      await side.ask(post(`${at}/branches`, branch('a')));
      await side.ask(post(`${at}/confirm`, { branchIds: ['a', 'b'] }));
      await side.ask(post(`${at}/confirm`, { branchIds: ['a', 'b', 'a', 'b'] }));
      await side.ask(post(`${at}/confirm`, { branchIds: 'a' }));
      await side.ask(post(`${at}/confirm`, { branchIds: ['a'] }, WAIT));
      await side.ask(post(`${at}/confirm`, { branchIds: ['b'] }));
      await side.ask(post(`${at}/cancel`, { branchIds: ['a'] }));
    },
  ],
  'there are more branches than a transaction may have': [
    [422, 422, 400, 201, 422],
    async (side) => {
      const branchIds = Array.from({ length: 101 }, (_, index) => `b${index}`);
      await side.ask(post(BEGIN, { branches: branchIds.map((id) => branch(id)) }));
      await side.ask(post(BEGIN, { pattern: 'saga', branches: branchIds.map((id) => step(id)) }));
      await side.ask(post(BEGIN, { pattern: 'saga', branches: [step('a', { dependsOn: branchIds })] }));
      const at = await begun(side);
      await side.ask(post(`${at}/confirm`, { branchIds }));
    },
  ],
  'a declared transaction is confirmed': [
    [200, 200, 200, 409, 409, 409],
    async (side) => {
      const declared = { name: 'order', branches: [branch('a'), branch('b', { participant: 'payment' })] };
      const at = await begun(side, declared, WAIT);
      await side.ask(get(at));
      await side.ask(post(`${at}/confirm`));
      await side.ask(post(`${at}/cancel`));
      await side.ask(post(`${at}/branches`, branch('c')));
      await side.ask(post(`${at}/retry`));
    },
  ],
  'a declared transaction is not waited for': [
    [202, 202],
    async (side) => {
      side.answer('try', 503);
      await side.ask(post(BEGIN, { branches: [branch('a')] }));
      await side.ask(post(BEGIN, { branches: [branch('a')] }, { prefer: 'wait=0' }));
    },
  ],
  'a try is refused': [
    [200, 200],
    async (side) => {
      side.answer('try', 409);
      const at = await begun(side, { branches: [branch('a')] }, WAIT);
      await side.ask(get(at));
    },
  ],
  'a deadline passes': [
    [200, 409],
    async (side) => {
      side.answer('try', 425);
      const at = await begun(side, { timeoutMs: 3000, branches: [branch('a')] }, WAIT);
      await side.ask(post(`${at}/confirm`));
    },
  ],
  'the deadline of an interactive transaction has passed': [
    [201, 200, 409, 409],
    async (side) => {
      const at = await begun(side, { timeoutMs: 1000 });
      const other = { branches: [branch('a')], timeoutMs: 5000 };
      side.answer('try', 425);
      await side.ask(post(BEGIN, other, WAIT));
      await side.ask(post(`${at}/confirm`));
      await side.ask(post(`${at}/branches`, branch('a')));
    },
  ],
  'a branch is parked, and retried by hand': [
    [202, 200, 200, 200, 409],
    async (side) => {
      side.answer('confirm', 503);
      const at = await begun(side, { branches: [branch('a')] }, WAIT);
      await side.ask(get(at));
      side.answer('confirm', 200);
      await side.ask(post(`${at}/retry`, {}));
      await side.ask(post(`${at}/confirm`, undefined, WAIT)).catch(() => {});
      await side.ask(post(`${at}/retry`));
    },
  ],
  'a participant is at work for long': [
    [202, 200],
    async (side) => {
      side.answer('confirm', 425);
      const at = await begun(side, { branches: [branch('a')] }, WAIT);
      await side.ask(get(at));
    },
  ],
  'a beginning is repeated': [
    [200, 200, 202, 201, 200, 409, 201, 200, 409, 200, 409, 409, 200],
    async (side) => {
      const declared = { branches: [branch('a')] };
      await side.ask(post(BEGIN, declared, { ...WAIT, 'idempotency-key': 'declared-1' }));
      await side.ask(post(BEGIN, declared, { ...WAIT, 'idempotency-key': 'declared-1' }));
      side.answer('confirm', 425);
      await side.ask(post(BEGIN, declared, { 'idempotency-key': 'declared-2' }));
      const key = { 'idempotency-key': 'order-1' };
      await side.ask(post(BEGIN, { name: 'order' }, key));
      await side.ask(post(BEGIN, { name: 'order' }, key));
      await side.ask(post(BEGIN, { name: 'other' }, key));
      const gid = side.gidOf(0);
      await side.ask(post(BEGIN, { gid }));
      await side.ask(post(BEGIN, { gid }));
      await side.ask(post(BEGIN, { gid, name: 'other' }));
      // From the first of these on, the key is that transaction's.
      await side.ask(post(BEGIN, { gid }, { 'idempotency-key': 'later' }));
      await side.ask(post(BEGIN, {}, { 'idempotency-key': 'later' }));
      await side.ask(post(BEGIN, { gid, name: 'other' }, { 'idempotency-key': 'later' }));
      await side.ask(post(BEGIN, { gid }, { 'idempotency-key': 'later' }));
    },
  ],
  'a gid is too old, or of the future': [
    [410, 422],
    async (side) => {
      await side.ask(post(BEGIN, { gid: side.gidOf(20 * DAY_MS) }));
      await side.ask(post(BEGIN, { gid: side.gidOf(-2 * DAY_MS) }));
    },
  ],
  'it is asked which transactions are final': [
    [200, 201, 200, 200, 400, 400, 400],
    async (side) => {
      const ended = gidIn(await side.ask(post(BEGIN, { branches: [branch('a')] }, WAIT)));
      const open = gidIn(await side.ask(post(BEGIN, {})));
      await side.ask(post(`${BEGIN}/finality`, { gids: [ended, side.gidOf(0)] }));
      await side.ask(post(`${BEGIN}/finality`, { gids: [open] }));
      await side.ask(post(`${BEGIN}/finality`, { gids: [] }));
      await side.ask(post(`${BEGIN}/finality`, { gids: [open, ended, open, ended] }));
      await side.ask(post(`${BEGIN}/finality`));
    },
  ],
  'a trace is continued': [
    [201, 201, 201],
    async (side) => {
      const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
      for (const traceparent of [`00-${trace}-00f067aa0ba902b7-01`, `00-${trace}-0000000000000000-01`, 'no'])
        await side.ask(post(BEGIN, {}, { traceparent }));
    },
  ],
  'participants are looked up': [
    [200, 404, 400],
    async (side) => {
      await side.ask(get('/v1/participants/inventory'));
      await side.ask(get('/v1/participants/nobody'));
      await side.ask(get('/v1/participants/no%20body'));
    },
  ],
  'there is no such transaction': [
    [404, 404, 404, 404, 404],
    async (side) => {
      const at = `${BEGIN}/${side.gidOf(0)}`;
      await side.ask(get(at));
      for (const what of ['confirm', 'cancel', 'retry']) await side.ask(post(`${at}/${what}`));
      await side.ask(post(`${at}/branches`, branch('a')));
    },
  ],
  'there is nothing at the address': [
    [404, 404, 400, 404, 404, 404, 404],
    async (side) => {
      await side.ask(get('/'));
      await side.ask(get('/v1/transaction'));
      await side.ask(post(`${BEGIN}/${side.gidOf(0)}/undo`, '{'));
      await side.ask(post(`${BEGIN}/${side.gidOf(0)}/undo`));
      await side.ask({ method: 'DELETE', path: `${BEGIN}/${side.gidOf(0)}` });
      await side.ask(post(`${BEGIN}/${side.gidOf(0)}`, {}));
      await side.ask(post('/v1/transactions/', {}));
    },
  ],
  'a request asks for what cannot be': [
    [422, 422, 422, 422, 422, 422, 413],
    async (side) => {
      await side.ask(post(BEGIN, { branches: [branch('a'), branch('a')] }));
      await side.ask(post(BEGIN, { branches: [branch('a', { participant: 'nobody' })] }));
      await side.ask(post(BEGIN, { branches: [branch('a', { participant: 'http://elsewhere.test' })] }));
      await side.ask(post(BEGIN, { timeoutMs: 600_001 }));
      await side.ask(post(BEGIN, { callTimeoutMs: 60_001 }));
      await side.ask(post(BEGIN, { branches: [branch('a', { retry: { budgetMs: 604_800_001 } })] }));
      await side.ask(post(BEGIN, { branches: [branch('a', { payload: 'x'.repeat(65_536) })] }));
    },
  ],
  'a branch is completed from outside': [
    [202, 409, 409, 200, 200, 200, 409, 400, 400, 401, 404, 404],
    async (side) => {
      side.answer('confirm', 425);
      const at = await begun(side, { branches: [branch('a')] }, WAIT);
      const done = (op: string) => ({ op, reply: 'succeeded' });
      const complete = (body: object, where = `${at}/branches/a`) =>
        side.ask(post(`${where}/complete`, body));
      await complete(done('cancel'));
      await complete({ op: 'confirm', reply: 'refused', reason: 'too late' });
      await complete(done('confirm'));
      await complete(done('confirm'));
      await complete(done('try'));
      await complete({ op: 'try', reply: 'refused' });
      await complete(done('notify'));
      await complete({ ...done('try'), reason: 'none' });
      await side.ask(post(`${at}/branches/a/complete?signature=AAAA`, done('try')));
      await complete(done('try'), `${at}/branches/b`);
      await complete(done('try'), `${BEGIN}/${side.gidOf(0)}/branches/a`);
    },
  ],
  'a registered branch is another one': [
    [201, 201, 409, 422],
    async (side) => {
      const at = await begun(side);
      await side.ask(post(`${at}/branches`, branch('a')));
      await side.ask(post(`${at}/branches`, branch('a', { payload: { item: 'coffee' } })));
      await side.ask(post(`${at}/branches`, branch('b', { participant: 'nobody' })));
    },
  ],
  'a body cannot be taken': [
    [400, 400, 415, 415, 413, 400, 400, 400, 400],
    async (side) => {
      await side.ask(post(BEGIN, '{"name":'));
      await side.ask(post(BEGIN, `{"branches":${'['.repeat(80)}${']'.repeat(80)}}`));
      await side.ask(post(BEGIN, 'a=1', { 'content-type': 'application/x-www-form-urlencoded' }));
      await side.ask(post(BEGIN, '{}', { 'content-encoding': 'gzip' }));
      await side.ask(post(BEGIN, `"${'x'.repeat(1.5 * 1024 * 1024)}"`));
      await side.ask(post(BEGIN));
      await side.ask(post(BEGIN, '', { 'content-type': 'application/json' }));
      await side.ask(post(BEGIN, '{"__proto__":{"gid":"x"}}'));
      await side.ask(post(`${BEGIN}/${side.gidOf(0)}/confirm`, { force: true }));
    },
  ],
  'a saga is confirmed, and is no interactive transaction': [
    [200, 200, 200, 409, 409, 409],
    async (side) => {
      const steps = [step('a'), step('b', { isPivot: true }), step('c', { dependsOn: ['b'] })];
      const at = await begun(side, { pattern: 'saga', name: 'trip', branches: steps }, WAIT);
      await side.ask(get(at));
      await side.ask(post(`${at}/confirm`));
      await side.ask(post(`${at}/branches`, branch('d')));
      await side.ask(post(`${at}/cancel`));
      await side.ask(post(`${at}/retry`));
    },
  ],
  'a saga is cancelled, and what has run is compensated': [
    [200, 202, 200, 409, 200],
    async (side) => {
      side.answer('action', 409);
      const steps = [step('a'), step('b', { isCompensated: false }), step('c')];
      await begun(side, { pattern: 'saga', branches: steps }, WAIT);
      side.answer('action', 503);
      const at = await begun(side, { pattern: 'saga', branches: steps });
      await side.ask(post(`${at}/cancel`, undefined, WAIT));
      await side.ask(post(`${at}/confirm`));
      await side.ask(get(at));
    },
  ],
  'the answer of a pivot is awaited': [
    [202, 409, 200, 200, 200],
    async (side) => {
      side.answer('action', 503);
      const pivot = { pattern: 'saga', branches: [step('pay', { isPivot: true })] };
      const at = await begun(side, pivot, WAIT);
      await side.ask(post(`${at}/cancel`));
      await side.ask(get(at));
      side.answer('action', 200);
      await side.ask(post(`${at}/retry`));
      await side.ask(post(BEGIN, { ...pivot, name: 'next' }, WAIT));
    },
  ],
  'somebody is told of the end': [
    [200, 200, 422, 400],
    async (side) => {
      const callback = { participant: 'payment', activity: 'ended' };
      const at = await begun(side, { callback, branches: [branch('a')] }, WAIT);
      await side.ask(get(at));
      await side.ask(
        post(BEGIN, { callback: { ...callback, participant: 'nobody' }, branches: [branch('a')] }),
      );
      await side.ask(post(BEGIN, { callback: { participant: 'payment' }, branches: [branch('a')] }));
    },
  ],
  'a plan cannot be': [
    [422, 422, 422, 422, 422, 422, 422, 422, 422, 422, 422, 422],
    async (side) => {
      const refer = (...names: string[]) => ({ payload: { from: names.map(($from) => ({ $from })) } });
      for (const branches of [
        [step('a'), step('a')],
        [step('a', { dependsOn: ['b'] })],
        [step('a', { dependsOn: ['b'] }), step('b', { dependsOn: ['a'] })],
        [step('a', { isPivot: true }), step('b', { isPivot: true })],
        [step('a'), step('b', { isPivot: true, dependsOn: [] })],
        [step('a', { isPivot: true }), step('b', { isCompensated: true })],
        [step('a', { isPivot: true, isCompensated: true })],
        [step('a'), step('b', refer('a', '.'))],
        [step('a'), step('b', { ...refer('a'), dependsOn: [] })],
        [step('a'), step('b', refer(...Array<string>(17).fill('a.id')))],
      ])
        await side.ask(post(BEGIN, { pattern: 'saga', branches }));
      await side.ask(post(BEGIN, { branches: [branch('a'), step('b', { isPivot: false })] }));
      await side.ask(post(BEGIN, { pattern: 'saga' }));
    },
  ],
  'a header or a part of the path is at fault': [
    [400, 400, 400, 400, 400],
    async (side) => {
      await side.ask(post(BEGIN, {}, { 'idempotency-key': 'x'.repeat(256) }));
      await side.ask(post(BEGIN, {}, { 'idempotency-key': '' }));
      await side.ask(get(`${BEGIN}/42`));
      await side.ask(post(`${BEGIN}/42/branches`, {}));
      await side.ask(get(`${BEGIN}/%zz`));
    },
  ],
};

describe('both coordinators answer the same when', () => {
  for (const [name, [statuses, story]] of Object.entries(stories)) {
    test(name, async () => {
      expect(await expectSame(story)).toEqual(statuses);
    });
  }
});

// ── Requests at random ───────────────────────────────────────────────────────────────────────────────────────

const odd = fc.constantFrom<unknown>(
  null,
  0,
  -1,
  1.5,
  3_000_000_000,
  '',
  'x',
  '7',
  true,
  [],
  {},
  { x: 1 },
  [{}],
  'a\nb',
);
const orOdd = (usual: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 6, arbitrary: usual }, { weight: 1, arbitrary: odd });
const some = (fields: Readonly<Record<string, fc.Arbitrary<unknown>>>) =>
  fc.record(Object.fromEntries(Object.entries(fields).map(([name, one]) => [name, orOdd(one)])), {
    requiredKeys: [],
  });

const count = fc.constantFrom(1, 2, 100, 5000);
const calls = {
  callTimeoutMs: count,
  retry: some({ firstDelayMs: count, maxDelayMs: count, budgetMs: count, more: count }),
};
const branchRequest = some({
  branchId: fc.constantFrom('a', 'b', 'a b', 'x'.repeat(65)),
  participant: fc.constantFrom('inventory', 'payment', 'no/name', 'http://user@host.test', 'x'.repeat(1025)),
  activity: fc.constantFrom('reserve', 'hold', 're/serve'),
  payload: fc.constantFrom<unknown>({ item: 'tea' }, null, 7, 'text', []),
  ...calls,
  unknown: fc.constant(1),
});
const stepRequest = some({
  branchId: fc.constantFrom('a', 'b', 'c'),
  participant: fc.constant('inventory'),
  activity: fc.constantFrom('take', 'charge', 'look', 'reserve'),
  payload: fc.constantFrom<unknown>(
    { id: { $from: 'a.id' } },
    [{ $from: 'b' }],
    { $from: 'a..' },
    { $$from: 1 },
  ),
  dependsOn: fc.array(fc.constantFrom('a', 'b', 'x y'), { maxLength: 2 }),
  isPivot: fc.boolean(),
  isCompensated: fc.boolean(),
});
const sagaRequest = some({
  pattern: fc.constantFrom('saga', 'saga', 'saga', 'tcc'),
  callback: some({
    participant: fc.constantFrom('payment', 'nobody'),
    activity: fc.constantFrom('end', 'e nd'),
  }),
  branches: fc.array(stepRequest, { maxLength: 3 }),
});
const beginRequest = some({
  pattern: fc.constantFrom('tcc', 'saga'),
  name: fc.constantFrom('order', 'x'.repeat(129), '\u{1f375}'.repeat(128), 'line\nbreak'),
  businessKey: fc.constantFrom('order-1', ''),
  timeoutMs: fc.constantFrom(1, 30_000, 2_147_483_647, 2_147_483_648),
  ...calls,
  branches: fc.array(branchRequest, { maxLength: 3 }),
  'un/known~': fc.constant(1),
});

describe('both coordinators find the same fault', () => {
  test('in requests to begin, whatever is in them', async () => {
    await fc.assert(
      fc.asyncProperty(beginRequest, async (body) => {
        await expectSame(async (side) => void (await side.ask(post(BEGIN, body))));
      }),
      { numRuns: 250, seed: 1 },
    );
  });

  test('in requests to begin a saga, whatever is in them', async () => {
    await fc.assert(
      fc.asyncProperty(sagaRequest, async (body) => {
        await expectSame(async (side) => void (await side.ask(post(BEGIN, body))));
      }),
      { numRuns: 250, seed: 3 },
    );
  });

  test('in requests to register a branch, whatever is in them', async () => {
    await fc.assert(
      fc.asyncProperty(branchRequest, async (body) => {
        await expectSame(async (side) => {
          await side.ask(post(`${await begun(side)}/branches`, body));
        });
      }),
      { numRuns: 120, seed: 2 },
    );
  });
});
