// Branches that are completed from outside, over HTTP on two replicas: who may, what counts, and what changes nothing.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { HttpAnswer, ParticipantCall } from '../../src/application/ports.ts';
import { CompletionUrls } from '../../src/wire/completion-urls.ts';
import type { Op } from '../../src/wire/index.ts';
import { httpAnswer } from '../support/engine.ts';
import { branch, GID } from './world.ts';
import { openTwoReplicas, type Replica, secretOf, signatureIn } from './two-replicas.ts';

type Two = Awaited<ReturnType<typeof openTwoReplicas>>;
let two: Two;
let a: Replica;
let b: Replica;
beforeEach(async () => {
  two = await openTwoReplicas();
  [a, b] = two.replicas;
});
afterEach(() => two.close());

const declared = (more: object = {}) => ({
  name: 'order',
  branches: [branch('stock'), branch('money')],
  ...more,
});
const saga = (...branches: object[]) => ({ pattern: 'saga', branches });
const step = (branchId: string, more: object = {}) => branch(branchId, { activity: 'book', ...more });
const succeeded = (op: Op, more: object = {}) => ({ op, reply: 'succeeded', ...more });
const refused = (op: Op, more: object = {}) => ({ op, reply: 'refused', ...more });
const settled = () => two.clock.settled();

/** Accepts these ops of these branches, as `try stock`, and answers all others with success. */
const accepting = (...accepted: readonly string[]) =>
  two.answer(({ op, branchId }) => (accepted.includes(`${op} ${branchId}`) ? 202 : 200));

const called = () => two.calls.map(({ op, branchId }) => `${op} ${branchId}`);

/** Calls of this op and branch are answered when the test says. */
function holding(held: string) {
  const { promise, resolve } = Promise.withResolvers<HttpAnswer>();
  two.answer(({ op, branchId }: ParticipantCall) => (`${op} ${branchId}` === held ? promise : 200));
  return (status: number, body?: string) => resolve(httpAnswer(status, body));
}

test('an accepted branch has no instant of a next attempt on any replica, until a poll fails', async () => {
  accepting('try stock');
  const gid = await a.begin(declared());
  await settled();
  for (const replica of [a, b])
    expect((await replica.read(gid)).branches[0].try).toMatchObject({
      reply: null,
      acceptedAt: expect.any(String),
      nextAttemptAt: null,
    });
  two.answer(() => 503);
  await two.clock.run(10_000);
  const { reply, nextAttemptAt } = (await a.read(gid)).branches[0].try;
  expect(reply).toBe('unknown');
  expect(nextAttemptAt).toEqual(expect.any(String));
});

describe('who may complete', () => {
  let gid: string;
  let rowCount: number;
  beforeEach(async () => {
    accepting('try stock');
    gid = await a.begin(declared());
    await settled();
    rowCount = await two.rowCount(gid);
  });
  const by = (signature: string, body: unknown = succeeded('try'), replica = b) =>
    replica.completeSigned(gid, 'stock', body, signature);

  test('whoever has the URL of the call, and learns of the transaction no more than its status', async () => {
    expect(await by(two.signatureOf(gid, 'stock', 'try'))).toEqual({
      status: 200,
      body: { gid, branchId: 'stock', op: 'try', reply: 'succeeded', status: 'confirming' },
    });
  });

  test('whoever has an API token', async () => {
    expect((await b.complete(gid, 'stock', succeeded('try'))).status).toBe(200);
  });

  test('nobody without either', async () => {
    const path = `/v1/transactions/${gid}/branches/stock/complete`;
    const answer = await b.send('POST', path, succeeded('try'), { authorization: '' });
    expect([answer.status, answer.body.code]).toEqual([401, 'unauthorized']);
    expect(answer.body.detail).toBe(
      'Post to the tcc-completion-url of the call unchanged, with its signature; or, as a trusted program: ' +
        'Send the header Authorization: Bearer TOKEN, with one of TERCET_API_TOKENS.',
    );
    expect(await two.rowCount(gid)).toBe(rowCount);
  });

  test('nobody with the URL of another op, branch or transaction, also not with the op of that URL', async () => {
    const other = await a.begin(declared());
    await settled();
    const stolen = [
      two.signatureOf(gid, 'stock', 'confirm'),
      two.signatureOf(gid, 'money', 'try'),
      two.signatureOf(other, 'stock', 'try'),
    ];
    for (const signature of stolen) {
      const answer = await by(signature);
      expect([answer.status, answer.body.code]).toEqual([401, 'wrong_signature']);
    }
    expect(await two.rowCount(gid)).toBe(rowCount);
  });

  test('nobody with a signature that is shortened, lengthened, spelled otherwise, or given twice', async () => {
    const good = two.signatureOf(gid, 'stock', 'try');
    const wrong = [
      '',
      good.slice(0, -1),
      `${good}A`,
      `${good}=`,
      // The last character of 43 has two bits that mean nothing.
      good.slice(0, -1) + String.fromCharCode(good.charCodeAt(42) + 1),
      encodeURIComponent(Buffer.from(good, 'base64url').toString('base64')).replace('%3D', ''),
      Buffer.from(good, 'base64url').toString('hex'),
    ].filter((signature) => signature !== good);
    for (const signature of wrong) expect((await by(signature)).status).toBe(401);
    expect((await by(`${good}&signature=${good}`)).status).toBe(401);
    expect(await two.rowCount(gid)).toBe(rowCount);
    expect((await by(good)).status).toBe(200);
  });

  test('the signature of the secret before is accepted, that of a third one is not', async () => {
    const signedBy = (byte: number) =>
      signatureIn(
        new CompletionUrls({ publicUrl: 'http://any.test', secrets: [secretOf(byte)] }),
        gid,
        'stock',
        'try',
      );
    expect((await by(signedBy(3))).status).toBe(401);
    expect((await by(signedBy(2))).status).toBe(200);
    expect(signedBy(1)).toBe(two.signatureOf(gid, 'stock', 'try'));
  });

  test('a wrong signature is answered before a body or a row is read', async () => {
    const before = two.loadCount();
    expect((await by('AAAA', '{"op": tr')).body.code).toBe('wrong_signature');
    expect((await by(two.signatureOf(gid, 'stock', 'confirm'))).body.code).toBe('wrong_signature');
    expect(two.loadCount()).toBe(before);
  });

  test('a wrong signature next to a token is refused, too', async () => {
    const path = `/v1/transactions/${gid}/branches/stock/complete?signature=AAAA`;
    expect((await b.send('POST', path, succeeded('try'))).body.code).toBe('wrong_signature');
  });

  test('a signature opens no other route', async () => {
    const signature = two.signatureOf(gid, 'stock', 'try');
    const answer = await b.send('GET', `/v1/transactions/${gid}?signature=${signature}`, undefined, {
      authorization: '',
    });
    expect([answer.status, answer.body.code]).toEqual([401, 'unauthorized']);
  });
});

test('a coordinator without tokens refuses a wrong signature all the same', async () => {
  const anonymous = await openTwoReplicas({ apiTokens: [] });
  const [replica] = anonymous.replicas;
  const answer = await replica.completeSigned(GID, 'stock', succeeded('try'), 'AAAA');
  expect([answer.status, answer.body.code]).toEqual([401, 'wrong_signature']);
  await anonymous.close();
});

test('a URL is below the public URL, whatever ends it, and signed by the first secret', () => {
  const url = two.urls.urlOf({ gid: GID, branchId: 'stock', op: 'try' });
  expect(url).toMatch(
    new RegExp(
      `^http://tercet\\.test/base/v1/transactions/${GID}/branches/stock/complete\\?signature=[\\w-]{43}$`,
    ),
  );
});

describe('a completion', () => {
  test('of an accepted try on the other replica confirms, and both replicas agree', async () => {
    accepting('try stock');
    const gid = await a.begin(declared());
    await settled();
    const answer = await b.complete(gid, 'stock', succeeded('try'));
    expect(answer.body).toEqual({
      gid,
      branchId: 'stock',
      op: 'try',
      reply: 'succeeded',
      status: 'confirming',
    });
    await two.clock.run(120_000);
    expect(await a.read(gid)).toMatchObject({ status: 'confirmed' });
    expect(await b.read(gid)).toEqual(await a.read(gid));
  });

  test('counts while its call is under way, whose late reply changes nothing', async () => {
    const answer = holding('try stock');
    const gid = await a.begin(declared());
    await settled();
    expect((await a.complete(gid, 'stock', succeeded('try'))).status).toBe(200);
    answer(409);
    await two.clock.run(60_000);
    expect(await a.read(gid)).toMatchObject({ status: 'confirmed' });
  });

  test('again answers the same on both replicas, and writes nothing', async () => {
    accepting('try stock', 'confirm stock');
    const gid = await a.begin(declared());
    await settled();
    const first = await b.complete(gid, 'stock', succeeded('confirm'));
    expect(first.body.code).toBe('op_not_open');
    for (const replica of [a, b, a]) {
      const { status, body } = await replica.complete(gid, 'stock', succeeded('try'));
      expect([status, body.reply]).toEqual([200, 'succeeded']);
    }
    await settled();
    const before = await two.rowCount(gid);
    for (const replica of [a, b]) await replica.complete(gid, 'stock', succeeded('try'));
    expect(await two.rowCount(gid)).toBe(before);
  });

  test('again after the end answers the same, and another outcome is refused', async () => {
    accepting('confirm stock');
    const gid = await a.begin(declared());
    await settled();
    await b.complete(gid, 'stock', succeeded('confirm'));
    await two.clock.run(60_000);
    expect((await b.complete(gid, 'stock', succeeded('confirm'))).body).toMatchObject({
      status: 'confirmed',
    });
    const other = await b.complete(gid, 'stock', refused('try'));
    expect([other.status, other.body.code]).toEqual([409, 'completed_differently']);
    expect(other.body.detail).toBe('It has succeeded. An outcome never changes. Find out who completed it.');
    expect((await b.complete(gid, 'stock', succeeded('cancel'))).body.code).toBe('op_not_open');
  });

  test('that repeats an answer which waits for its siblings is saved before it is answered', async () => {
    const answer = holding('try money');
    const gid = await a.begin(declared());
    await settled();
    const before = await two.rowCount(gid);
    expect((await a.complete(gid, 'stock', succeeded('try'))).status).toBe(200);
    expect(await two.rowCount(gid)).toBe(before + 1);
    expect((await b.read(gid)).branches[0].try).toMatchObject({ reply: 'succeeded', answer: '200' });
    answer(200);
  });

  test('calls no other branch before its time that is accepted, however often it comes', async () => {
    accepting('try stock', 'try money');
    const gid = await a.begin(declared());
    await settled();
    expect(called()).toEqual(['try stock', 'try money']);
    for (let count = 0; count < 3; count += 1) {
      expect((await a.complete(gid, 'stock', succeeded('try'))).status).toBe(200);
      await settled();
    }
    expect(called()).toEqual(['try stock', 'try money']);
  });

  test('of the same outcome at both replicas at once is accepted at both, and changes one row', async () => {
    accepting('try stock');
    const gid = await a.begin(declared());
    await settled();
    const before = await two.rowCount(gid);
    const both = await Promise.all([a, b].map((one) => one.complete(gid, 'stock', succeeded('try'))));
    expect(both.map(({ status }) => status)).toEqual([200, 200]);
    const { body } = await a.send('GET', `/v1/transactions/${gid}/events`);
    const attempts = body.events.slice(before).flatMap((row: { attempts: object[] }) => row.attempts);
    expect(attempts.filter((one: { isCompletion?: boolean }) => one.isCompletion)).toHaveLength(1);
  });

  test('of two outcomes at once: one is accepted, the other is refused', async () => {
    accepting('try stock');
    const gid = await a.begin(declared());
    await settled();
    const both = await Promise.all([
      a.complete(gid, 'stock', succeeded('try')),
      b.complete(gid, 'stock', refused('try')),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
    await two.clock.run(60_000);
    const winner = both.find(({ status }) => status === 200)!.body;
    expect((await a.read(gid)).status).toBe(winner.reply === 'succeeded' ? 'confirmed' : 'cancelled');
  });

  test('after the deadline of what it bounds is refused, and the cancel stands', async () => {
    accepting('try stock');
    const gid = await a.begin(declared({ timeoutMs: 5000 }));
    await settled();
    await two.clock.run(60_000);
    const late = await b.complete(gid, 'stock', succeeded('try'));
    expect([late.status, late.body.code]).toEqual([409, 'op_not_open']);
    expect(await b.read(gid)).toMatchObject({ status: 'cancelled', decision: { reason: 'deadline_passed' } });
  });

  test('of a try at its very deadline is kept, and cannot confirm', async () => {
    accepting('try stock');
    const gid = await a.begin(declared({ timeoutMs: 5000 }));
    await settled();
    two.clock.passUnnoticed(5000);
    const answer = await b.complete(gid, 'stock', succeeded('try'));
    expect(answer.body).toMatchObject({ reply: 'succeeded', status: 'cancelling' });
  });

  test('of a pivot counts after the deadline', async () => {
    accepting('action pay');
    const gid = await a.begin({ ...saga(step('pay', { isPivot: true }), step('ship')), timeoutMs: 5000 });
    await settled();
    await two.clock.run(3_600_000);
    expect((await b.complete(gid, 'pay', succeeded('action'))).body.status).toBe('confirming');
    await two.clock.run(3_600_000);
    expect((await b.read(gid)).status).toBe('confirmed');
  });

  test('of an op that was never called is refused: a later step, a confirm, a compensation', async () => {
    accepting('action one');
    const gid = await a.begin(saga(step('one'), step('two')));
    await settled();
    for (const [branchId, op] of [
      ['two', 'action'],
      ['one', 'compensate'],
      ['one', 'confirm'],
      ['one', 'try'],
    ] as const) {
      const answer = await b.complete(gid, branchId, succeeded(op));
      expect([answer.status, answer.body.code]).toEqual([409, 'op_not_open']);
    }
    expect(await two.rowCount(gid)).toBe(2);
  });

  test('of a try that the initiator calls is refused', async () => {
    const gid = await a.begin({});
    await a.send('POST', `/v1/transactions/${gid}/branches`, branch('stock'));
    expect((await b.complete(gid, 'stock', succeeded('try'))).body.code).toBe('op_not_open');
  });

  test('of what is unknown is not found', async () => {
    const gid = await a.begin(declared());
    expect((await b.complete(gid, 'other', succeeded('try'))).body.code).toBe('unknown_branch');
    expect((await b.complete(GID, 'stock', succeeded('try'))).body.code).toBe('unknown_transaction');
  });

  test('at a replica that knows an older state is judged by the newest one', async () => {
    two.answer(({ branchId }) => (branchId === 'one' ? 503 : 202));
    const gid = await a.begin(saga(step('one'), step('two')));
    await settled();
    // From now on b knows the saga as it is now, with nothing to do before the next attempt.
    expect((await b.complete(gid, 'two', succeeded('action'))).body.code).toBe('op_not_open');
    await settled();
    expect((await a.complete(gid, 'one', succeeded('action'))).status).toBe(200);
    await settled();
    expect(called()).toContain('action two');
    expect((await b.complete(gid, 'two', succeeded('action'))).status).toBe(200);
  });

  test('of a call that only a success opens which is not durable yet is refused', async () => {
    const answers = new Map(['one', 'two'].map((id) => [id, Promise.withResolvers<HttpAnswer>()]));
    two.answer(({ branchId }) => answers.get(branchId ?? '')?.promise ?? 202);
    const gid = await a.begin(
      saga(
        step('one'),
        step('two', { dependsOn: [] }),
        step('next', { dependsOn: ['one'] }),
        step('after', { dependsOn: ['two'] }),
      ),
    );
    await settled();
    const release = two.holdSaves();
    answers.get('one')?.resolve(httpAnswer(200));
    await settled();
    // Heard while the success before it is saved: so it waits for the next save.
    answers.get('two')?.resolve(httpAnswer(200));
    await settled();
    const completion = a.complete(gid, 'after', succeeded('action'));
    await settled();
    release();
    expect((await completion).body.code).toBe('op_not_open');
    await settled();
    expect((await a.complete(gid, 'after', succeeded('action'))).status).toBe(200);
  });

  test('that comes twice while a save is under way is one attempt', async () => {
    accepting('try stock', 'try money');
    const gid = await a.begin(declared());
    await settled();
    const release = two.holdSaves();
    const first = a.complete(gid, 'money', succeeded('try'));
    await settled();
    const twice = [1, 2].map(() => a.complete(gid, 'stock', succeeded('try')));
    await settled();
    release();
    for (const one of [first, ...twice]) expect((await one).status).toBe(200);
    const { body } = await a.send('GET', `/v1/transactions/${gid}/events`);
    const attempts = body.events.flatMap((row: { attempts: object[] }) => row.attempts);
    const completions = attempts.filter((one: { isCompletion?: boolean }) => one.isCompletion);
    expect(completions.map(({ branchId }: { branchId: string }) => branchId)).toEqual(['money', 'stock']);
  });
});

describe('a refusal', () => {
  test('of a try cancels, with its reason for operators', async () => {
    accepting('try stock');
    const gid = await a.begin(declared());
    await settled();
    const answer = await b.complete(gid, 'stock', refused('try', { reason: 'nobody approved it' }));
    expect(answer.body).toEqual({
      gid,
      branchId: 'stock',
      op: 'try',
      reply: 'refused',
      status: 'cancelling',
    });
    await two.clock.run(60_000);
    const { branches, decision, path } = await a.read(gid);
    expect(decision).toMatchObject({ decision: 'cancel', reason: 'try_refused', branchId: 'stock' });
    expect(branches[0].try).toMatchObject({
      reply: 'refused',
      answer: 'refused from outside: nobody approved it',
    });
    expect(path.find(({ what }: { what: string }) => what === 'decided').cause).toMatchObject({
      isCompletion: true,
      error: 'nobody approved it',
      httpStatus: null,
    });
  });

  test('with the longest reason fits where answers are kept, and is kept in full in the events', async () => {
    accepting('try stock');
    const gid = await a.begin(declared());
    await settled();
    const reason = `${'x'.repeat(199)}y`;
    await b.complete(gid, 'stock', refused('try', { reason }));
    const { branches } = await a.read(gid);
    expect(branches[0].try.answer).toHaveLength(200);
    const { body } = await a.send('GET', `/v1/transactions/${gid}/events`);
    expect(JSON.stringify(body)).toContain(reason);
  });

  test('of a step before the pivot, and of the pivot, cancels the saga', async () => {
    for (const refusing of ['one', 'pay']) {
      accepting(`action ${refusing}`);
      const gid = await a.begin(saga(step('one'), step('pay', { isPivot: true }), step('ship')));
      await settled();
      const answer = await b.complete(gid, refusing, refused('action'));
      expect([answer.status, answer.body.status]).toEqual([200, 'cancelling']);
      await two.clock.run(60_000);
      expect((await a.read(gid)).status).toBe('cancelled');
    }
  });

  test.each([
    ['confirm', declared(), 'stock'],
    ['action', saga(step('pay', { isPivot: true }), step('stock')), 'stock'],
  ] as const)('of a %s that must succeed is refused, and it stays open', async (op, body, branchId) => {
    accepting(`${op} ${branchId}`);
    const gid = await a.begin(body);
    await settled();
    const rows = await two.rowCount(gid);
    const answer = await b.complete(gid, branchId, refused(op));
    expect([answer.status, answer.body.code]).toEqual([409, 'cannot_refuse']);
    expect(await two.rowCount(gid)).toBe(rows);
    expect((await b.complete(gid, branchId, succeeded(op))).status).toBe(200);
  });

  test('of a cancel and of a compensation is refused, and they stay open', async () => {
    two.answer(({ op, branchId }) =>
      op === 'cancel' || op === 'compensate' ? 202 : branchId === 'money' ? 409 : 200,
    );
    for (const [body, op] of [
      [declared(), 'cancel'],
      [saga(step('stock'), step('money')), 'compensate'],
    ] as const) {
      const gid = await a.begin(body);
      await settled();
      const answer = await b.complete(gid, 'money', refused(op));
      expect([answer.status, answer.body.code]).toEqual([409, 'cannot_refuse']);
      expect((await b.complete(gid, 'money', succeeded(op))).status).toBe(200);
    }
  });
});

describe('a result that later steps refer to', () => {
  let gid: string;
  beforeEach(async () => {
    accepting('action quote');
    const cents = { payload: { cents: { $from: 'quote.cents' } } };
    gid = await a.begin(saga(step('quote'), step('pay', cents)));
    await settled();
  });

  test.each([
    ['absent', undefined],
    ['without what is referred to', { price: 7 }],
    ['null', null],
    ['over 4096 bytes', { cents: 7, note: 'x'.repeat(4096) }],
  ])('is refused when it is %s, and the step stays open', async (_what, result) => {
    const answer = await b.complete(gid, 'quote', succeeded('action', { result }));
    expect([answer.status, answer.body.code]).toEqual([422, 'result_unusable']);
    expect(await two.rowCount(gid)).toBe(2);
    expect((await b.complete(gid, 'quote', succeeded('action', { result: { cents: 7 } }))).status).toBe(200);
  });

  test('goes into the payload of the later step', async () => {
    await b.complete(gid, 'quote', succeeded('action', { result: { note: 'n', cents: 7 } }));
    await settled();
    expect(two.calls.find(({ branchId }) => branchId === 'pay')?.payload).toBe('{"cents":7}');
  });

  test('is the same in another order of its members, and another one is refused', async () => {
    await b.complete(gid, 'quote', succeeded('action', { result: { note: 'n', cents: 7 } }));
    const same = succeeded('action', { result: { cents: 7, note: 'n' } });
    expect((await a.complete(gid, 'quote', same)).status).toBe(200);
    const other = succeeded('action', { result: { cents: 8, note: 'n' } });
    const { body } = await a.complete(gid, 'quote', other);
    expect(body.code).toBe('completed_differently');
    expect(body.detail).toMatch(/^It was refused, or has succeeded with another result\. /);
  });

  test('that came with an answer is the same, however its JSON was written', async () => {
    two.answer(() => httpAnswer(200, '{ "note": "n",\n "cents": 7 }'));
    await two.clock.run(10_000);
    const same = succeeded('action', { result: { cents: 7, note: 'n' } });
    expect((await b.complete(gid, 'quote', same)).status).toBe(200);
  });
});

test('a result that no step refers to is stored nowhere', async () => {
  accepting('action one');
  const gid = await a.begin(saga(step('one'), step('two')));
  await settled();
  await b.complete(gid, 'one', succeeded('action', { result: { secret: 'hidden' } }));
  await two.clock.run(10_000);
  expect(await two.stored(gid)).not.toContain('hidden');
});

test('the events and the path show a completion in the place of an answer', async () => {
  accepting('confirm stock');
  const gid = await a.begin(declared());
  await settled();
  await b.complete(gid, 'stock', succeeded('confirm'));
  const { body } = await a.send('GET', `/v1/transactions/${gid}/events`);
  expect(body.events.at(-1).attempts.at(-1)).toEqual({
    branchId: 'stock',
    op: 'confirm',
    at: expect.any(String),
    durationMs: 0,
    httpStatus: null,
    reply: 'succeeded',
    error: null,
    isCompletion: true,
  });
  const { path, branches } = await a.read(gid);
  const confirms = path.find(
    ({ op, branchId }: { op: string; branchId: string }) => op === 'confirm' && branchId === 'stock',
  );
  expect(confirms.attempts.at(-1)).toMatchObject({ isCompletion: true, reply: 'succeeded' });
  expect(branches[0].confirm).toMatchObject({ reply: 'succeeded', answer: 'completed from outside' });
});

describe('a body that does not fit', () => {
  test.each([
    [{}, '#/op'],
    [{ op: 'notify', reply: 'succeeded' }, '#/op'],
    [{ op: 'try', reply: 'unknown' }, '#/reply'],
    [{ op: 'try', reply: 'refused', reason: '' }, '#/reason'],
    [{ op: 'try', reply: 'refused', reason: 'x'.repeat(201) }, '#/reason'],
    [{ op: 'try', reply: 'refused', reason: 'two\nlines' }, '#/reason'],
    [{ op: 'try', reply: 'refused', reason: 'two\u2028lines' }, '#/reason'],
    [{ op: 'try', reply: 'refused', result: 1 }, '#/result'],
    [{ op: 'try', reply: 'succeeded', reason: 'none' }, '#/reason'],
    [{ op: 'try', reply: 'succeeded', more: 1 }, '#/more'],
  ])('%j is refused at its place', async (body, pointer) => {
    const gid = await a.begin(declared());
    const answer = await b.complete(gid, 'stock', body);
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_request']);
    expect(answer.body.errors[0].pointer).toBe(pointer);
  });

  test('changes nothing, whatever it is', async () => {
    accepting('try stock');
    const gid = await a.begin(declared());
    await settled();
    const words = fc.constantFrom(
      'op',
      'reply',
      'result',
      'reason',
      'try',
      'succeeded',
      'refused',
      'confirm',
    );
    const value = fc.oneof(words, fc.jsonValue());
    const isValid = (body: unknown) =>
      typeof body === 'object' && body !== null && 'op' in body && body.op === 'try' && 'reply' in body;
    const bodies = fc.oneof(fc.dictionary(words, value), fc.jsonValue()).filter((body) => !isValid(body));
    const signature = two.signatureOf(gid, 'stock', 'try');
    const rowCount = await two.rowCount(gid);
    await fc.assert(
      fc.asyncProperty(bodies, fc.boolean(), async (body, isSigned) => {
        const answer = isSigned
          ? await b.completeSigned(gid, 'stock', JSON.stringify(body), signature)
          : await b.complete(gid, 'stock', JSON.stringify(body));
        expect(answer.status).toBeGreaterThanOrEqual(400);
        expect(answer.status).toBeLessThan(500);
      }),
      { numRuns: 200 },
    );
    expect(await two.rowCount(gid)).toBe(rowCount);
  });
});
