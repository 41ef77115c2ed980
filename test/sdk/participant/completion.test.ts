// Ops that are accepted and completed from outside: real SQLite, and a coordinator that is an HTTP server.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  accepted,
  type AcceptedCall,
  defineContract,
  defineParticipant,
  InProgress,
  type Participant,
  Refusal,
} from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import { CompletionRequest, type Kind, type Op } from '@tercet/sdk/wire';
import SQLite from 'better-sqlite3';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { MARKS, marksIn } from '../../support/marks.ts';
import { NODE_FROM_SOURCE } from '../check/program.ts';
import { answerOf, callFor, newGid } from './shop.ts';

const activities = {
  approve: {
    payload: Type.Object({ cents: Type.Integer() }),
    result: Type.Object({ by: Type.String() }),
  },
} as const;
const contracts = {
  tcc: defineContract('office', activities),
  step: defineContract('office', { approve: { ...activities.approve, kind: 'step' } }),
  pivot: defineContract('office', { approve: { ...activities.approve, kind: 'pivot' } }),
  final: defineContract('office', { approve: { ...activities.approve, kind: 'final' } }),
};

type Answer = { readonly status: number; readonly code?: string };
type Posted = { readonly path: string | undefined; readonly body: unknown };

/** Answers in this order, and 200 from then on; null breaks the connection. */
async function startCoordinator(answers: (Answer | null)[] = []) {
  const posted: Posted[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    posted.push({ path: request.url, body: JSON.parse(Buffer.concat(chunks).toString()) });
    const answer = answers.length > 0 ? (answers.shift() as Answer | null) : { status: 200 };
    if (answer === null) return void request.socket.destroy();
    const { status, code } = answer;
    response.writeHead(status, { 'content-type': 'application/problem+json' });
    response.end(JSON.stringify(code === undefined ? {} : { type: `urn:tercet:error:${code}`, code }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/complete?signature=secret`;
  const stop = () => new Promise((resolve) => server.close(resolve).closeAllConnections());
  return { posted, url, stop };
}

type Coordinator = Awaited<ReturnType<typeof startCoordinator>>;

let coordinator: Coordinator;
const open = async (answers: (Answer | null)[]) => {
  await coordinator.stop();
  coordinator = await startCoordinator(answers);
};
beforeEach(async () => {
  coordinator = await startCoordinator();
});
afterEach(() => coordinator.stop());

/** Keeps the call in its database, and waits for a human. */
async function openOffice(kind: Exclude<Kind, 'step_uncompensated'> = 'tcc', path = ':memory:') {
  const db = new SQLite(path);
  db.exec('CREATE TABLE IF NOT EXISTS request (call TEXT, state TEXT)');
  const barrier = sqliteBarrier({ db });
  await barrier.createTable();
  const wait = (_payload: unknown, { call }: { call: AcceptedCall }) => {
    db.prepare("INSERT INTO request VALUES (?, 'waits')").run(JSON.stringify(call));
    return accepted({ retryAfterMs: 30_000 });
  };
  const mark = (state: string) => void db.prepare('UPDATE request SET state = ?').run(state);
  const told: string[] = [];
  const participant = defineParticipant(contracts[kind], {
    barrier,
    activities: {
      approve: {
        accepts: true,
        ...(kind === 'tcc'
          ? { try: wait, confirm: wait, cancel: () => mark('cancelled') }
          : { action: wait, ...(kind === 'step' && { compensate: () => mark('compensated') }) }),
      } as never,
    },
    onError: (error, { op }) => void told.push(`error ${op} ${(error as Error).name}`),
    onNotDone: (error, { op }) => void told.push(`not done ${op} ${error.name}`),
  });
  const states = () => db.prepare('SELECT state FROM request').pluck().all();
  const kept = (at = 0) =>
    JSON.parse(db.prepare('SELECT call FROM request').pluck().all()[at] as string) as AcceptedCall;
  return { participant, mark, states, kept, told, db };
}

const payload = { cents: 5 };

function asking(participant: Participant, gid = newGid()) {
  return (op: Op, { kind, url = coordinator.url }: { kind?: Kind; url?: string | null } = {}) => {
    const call = callFor({ gid, activity: 'approve', op, payload, ...(kind && { kind }) });
    const headers = { ...call.headers, ...(url !== null && { 'tcc-completion-url': url }) };
    return answerOf(participant, { ...call, headers });
  };
}

describe('an op that is accepted', () => {
  test('is answered 202 with Retry-After, and its work is kept; so is each poll, without work', async () => {
    const { participant, states, told } = await openOffice();
    const ask = asking(participant);
    for (const answer of [await ask('try'), await ask('try')]) {
      expect(answer.status).toBe(202);
      expect(answer.headers['retry-after']).toBe('30');
    }
    expect(states()).toEqual(['waits']);
    expect(told).toEqual([]);
  });

  test('is given the URL of its completion, and its activity', async () => {
    const { participant, kept } = await openOffice();
    await asking(participant)('try');
    expect(kept()).toMatchObject({ activity: 'approve', op: 'try', completionUrl: coordinator.url });
  });

  test.each([
    'office',
    'file:///etc/passwd',
    'http://user:word@localhost/',
    'http://localhost/'.padEnd(3000, 'x'),
  ])('is not served with a completion URL that is none: %.30s', async (url) => {
    const { participant, states } = await openOffice();
    const { status, body } = await asking(participant)('try', { url });
    expect([status, body]).toMatchObject([400, { detail: expect.stringContaining('tcc-completion-url') }]);
    expect(states()).toEqual([]);
  });

  test('is not accepted where the activity does not declare it: it is rolled back', async () => {
    const { db } = await openOffice();
    const errors: unknown[] = [];
    const participant = defineParticipant(contracts.tcc, {
      barrier: sqliteBarrier({ db }),
      activities: {
        approve: {
          // @ts-expect-error the activity does not say that it accepts
          try: () => {
            db.prepare("INSERT INTO request VALUES ('', 'waits')").run();
            return accepted();
          },
          confirm() {},
          cancel() {},
        },
      },
      onError: (error) => void errors.push(error),
    });
    expect((await asking(participant)('try')).status).toBe(503);
    expect(errors).toMatchObject([{ message: expect.stringContaining('give the activity accepts: true') }]);
    expect(db.prepare('SELECT 1 FROM request').all()).toEqual([]);
  });

  test('may leave a cancel without a result, which the compiler knows', async () => {
    const { db } = await openOffice();
    const seen: unknown[] = [];
    const participant = defineParticipant(contracts.tcc, {
      barrier: sqliteBarrier({ db }),
      activities: {
        approve: {
          accepts: true,
          try: () => accepted(),
          // @ts-expect-error it may be null
          cancel: (_payload, { tryResult }) => void seen.push(tryResult, tryResult?.by, () => tryResult.by),
          confirm: (_payload, { tryResult }) => tryResult.by,
        },
      },
    });
    const ask = asking(participant);
    await ask('try');
    expect((await ask('cancel')).status).toBe(200);
    expect(seen.slice(0, 2)).toEqual([null, undefined]);
  });

  test('accepts is true, or absent', async () => {
    const { db } = await openOffice();
    const ops = { try: () => accepted(), confirm() {}, cancel() {}, accepts: false };
    expect(() =>
      defineParticipant(contracts.tcc, {
        barrier: sqliteBarrier({ db }),
        activities: { approve: ops as never },
      }),
    ).toThrow(new TypeError('accepts of office/approve is to be true: its ops may then return accepted()'));
  });
});

describe('complete', () => {
  test('records the end with its work, posts it, and answers calls of the op by it', async () => {
    const { participant, kept, states } = await openOffice();
    const ask = asking(participant);
    await ask('try');
    const completed = await participant.complete(kept(), (db) => {
      db.prepare("UPDATE request SET state = 'approved'").run();
      return { by: 'ann' };
    });
    expect(completed).toEqual({ outcome: 'done', result: { by: 'ann' }, notPosted: null });
    expect(coordinator.posted).toEqual([
      {
        path: '/v1/complete?signature=secret',
        body: { op: 'try', reply: 'succeeded', result: { by: 'ann' } },
      },
    ]);
    expect(states()).toEqual(['approved']);
    expect(await ask('try')).toMatchObject({ status: 200, body: { by: 'ann' } });
  });

  test('again posts the first result again, and does no work', async () => {
    const { participant, kept, mark, states } = await openOffice();
    await asking(participant)('try');
    await participant.complete(kept(), { by: 'ann' });
    const again = await participant.complete(kept(), () => {
      mark('twice');
      return { by: 'bob' };
    });
    expect(again).toEqual({ outcome: 'repeated', result: { by: 'ann' }, notPosted: null });
    expect(coordinator.posted.map(({ body }) => body)).toEqual(
      Array(2).fill({ op: 'try', reply: 'succeeded', result: { by: 'ann' } }),
    );
    expect(states()).toEqual(['waits']);
  });

  test('of a confirm posts no result, which no one reads', async () => {
    const { participant, kept } = await openOffice();
    const ask = asking(participant);
    await ask('try');
    await participant.complete(kept(), { by: 'ann' });
    expect((await ask('confirm')).status).toBe(202);
    await participant.complete(kept(1), 'filed');
    expect(coordinator.posted.at(-1)?.body).toEqual({ op: 'confirm', reply: 'succeeded' });
  });

  test('with a result that the contract does not promise records and posts nothing', async () => {
    const { participant, kept } = await openOffice();
    const ask = asking(participant);
    await ask('try');
    for (const wrong of [{ by: 7 }, () => ({}), undefined])
      await expect(participant.complete(kept(), wrong)).rejects.toMatchObject({ name: 'InvalidResult' });
    expect((await ask('try')).status).toBe(202);
    expect(coordinator.posted).toEqual([]);
  });

  test('after a cancel records and posts nothing, and says that the branch was cancelled', async () => {
    const { participant, kept, mark, states } = await openOffice();
    const ask = asking(participant);
    await ask('try');
    expect((await ask('cancel')).status).toBe(200);
    const late = participant.complete(kept(), () => {
      mark('approved');
      return { by: 'ann' };
    });
    await expect(late).rejects.toMatchObject({ name: 'NotCompleted', code: 'cancelled' });
    expect([states(), coordinator.posted]).toEqual([['cancelled'], []]);
  });

  test.each([
    'complete',
    'refuse',
  ] as const)('%s by an async function is refused on SQLite before it is called: what it does later would stand', async (end) => {
    const { participant, kept, states } = await openOffice();
    const ask = asking(participant);
    await ask('try');
    let callCount = 0;
    const late = async () => {
      callCount += 1;
      return 'late';
    };
    await expect(participant[end](kept(), late)).rejects.toThrow('has to be synchronous');
    expect([callCount, states(), coordinator.posted]).toEqual([0, ['waits'], []]);
    expect((await ask('try')).status).toBe(202);
  });

  test('of what was never accepted says so', async () => {
    const { participant, kept } = await openOffice();
    await asking(participant)('try');
    const other = { ...kept(), gid: newGid() };
    await expect(participant.complete(other, { by: 'ann' })).rejects.toMatchObject({ code: 'not_accepted' });
  });

  test.each([
    [{ activity: 'aprove' }, 'office has no activity “aprove”'],
    [{ op: 'notify' }, '“notify” is no op'],
    [{ kind: 'tc' }, '“tc” is no kind'],
    [{ completionUrl: 'ftp://localhost/' }, 'completionUrl is to be'],
    [{ gid: 'g' }, '“g” is no gid'],
  ])('takes no call that is none: %j', async (wrong, words) => {
    const { participant, kept } = await openOffice();
    await asking(participant)('try');
    const call = { ...kept(), ...wrong } as AcceptedCall;
    await expect(participant.complete(call, { by: 'ann' })).rejects.toThrow(words);
  });

  test('posts until the coordinator has answered', async () => {
    await open([{ status: 503, code: 'unavailable' }, null, { status: 404 }]);
    const { participant, kept } = await openOffice();
    await asking(participant)('try');
    const { notPosted } = await participant.complete(kept(), { by: 'ann' });
    expect([notPosted, coordinator.posted.length]).toEqual([null, 4]);
  });

  test.each([
    [401, 'invalid_completion_signature'],
    [404, 'transaction_not_found'],
    [409, 'op_not_open'],
    [422, 'result_unusable'],
  ])('posts no more once the coordinator has answered %d %s, and says so', async (status, code) => {
    await open([{ status, code }]);
    const { participant, kept } = await openOffice();
    const ask = asking(participant);
    await ask('try');
    const { outcome, notPosted } = await participant.complete(kept(), { by: 'ann' });
    expect([outcome, notPosted]).toEqual(['done', `the coordinator answered ${status}, ${code}`]);
    expect(coordinator.posted.length).toBe(1);
    expect((await ask('try')).status).toBe(200);
  });

  test('gives up in time, without the URL in its words: the next poll is answered by the record', async () => {
    const { participant, kept } = await openOffice();
    const ask = asking(participant);
    await ask('try');
    await coordinator.stop();
    const { outcome, notPosted } = await participant.complete(kept(), { by: 'ann' }, { timeoutMs: 300 });
    expect(outcome).toBe('done');
    expect(notPosted).toMatch(/^the coordinator did not accept it in time: /);
    expect(notPosted).not.toContain('signature');
    expect(await ask('try')).toMatchObject({ status: 200, body: { by: 'ann' } });
  });

  test('names no signature where the fetch that it is given names the URL in its errors', async () => {
    const { db } = await openOffice();
    const fetch = async (url: unknown) => Promise.reject(new Error(`request to ${url} failed`));
    const participant = defineParticipant(contracts.tcc, {
      barrier: sqliteBarrier({ db }),
      activities: { approve: { accepts: true, try: () => accepted(), confirm() {}, cancel() {} } },
      fetch,
    });
    const call = { gid: newGid(), branchId: 'one', activity: 'approve', op: 'try', kind: 'tcc' } as const;
    await sqliteBarrier({ db }).run({ ...call, deadlineAt: Date.now() + 60_000 }, () => accepted());
    const url = coordinator.url.replace('secret', MARKS.secret);
    const kept = { ...call, deadlineAt: Date.now() + 60_000, completionUrl: url };
    const { notPosted } = await participant.complete(kept, { by: 'ann' }, { timeoutMs: 1 });
    expect(notPosted).toContain('request to … failed');
    expect(marksIn(String(notPosted))).toEqual([]);
  });

  test('shows its URL in no span of an instrumented HTTP client, and carries the trace on', () => {
    const program = join(import.meta.dirname, 'traced-completion.ts');
    const { stdout } = spawnSync(process.execPath, [...NODE_FROM_SOURCE, program, MARKS.secret], {
      encoding: 'utf8',
    });
    const { notPosted, spans, traceparents } = JSON.parse(stdout);
    expect([notPosted, marksIn(stdout)]).toEqual([null, []]);
    const post = spans.find(({ name }: { name: string }) => name === 'tercet post completion');
    expect(traceparents).toEqual(Array(2).fill(`00-${post.context}-01`));
  });

  test('whose signal is aborted records, and says that it did not post', async () => {
    const { participant, kept } = await openOffice();
    await asking(participant)('try');
    const completed = await participant.complete(kept(), { by: 'ann' }, { signal: AbortSignal.abort() });
    expect(completed).toMatchObject({ outcome: 'done', notPosted: expect.stringContaining('stopped') });
    expect(coordinator.posted).toEqual([]);
  });

  test('records where the call brought no URL, which the next poll learns', async () => {
    const { participant, kept } = await openOffice();
    const ask = asking(participant);
    await ask('try', { url: null });
    const { notPosted } = await participant.complete(kept(), { by: 'ann' });
    expect(notPosted).toContain('TERCET_PUBLIC_URL');
    expect((await ask('try')).status).toBe(200);
  });

  test('I3: is found by the next poll when the process is killed between the record and the post', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tercet-'));
    try {
      const path = join(folder, 'office.sqlite');
      const { participant, kept, db } = await openOffice('tcc', path);
      const ask = asking(participant);
      await ask('try');
      const program = join(import.meta.dirname, 'killed-before-post.ts');
      const { signal } = spawnSync(process.execPath, [
        ...NODE_FROM_SOURCE,
        ...[program, path, JSON.stringify(kept())],
      ]);
      expect(signal).toBe('SIGKILL');
      expect(coordinator.posted).toEqual([]);
      expect(await ask('try')).toMatchObject({ status: 200, body: { by: 'ann' } });
      db.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('refuse', () => {
  test.each([
    ['tcc', 'try'],
    ['step', 'action'],
    ['pivot', 'action'],
  ] as const)('records the refusal of a %s with its words, posts it, and answers calls by it', async (kind, op) => {
    const { participant, kept, states } = await openOffice(kind);
    const ask = asking(participant);
    await ask(op);
    const refused = await participant.refuse(kept(), (db) => {
      db.prepare("UPDATE request SET state = 'refused'").run();
      return 'over the limit';
    });
    expect(refused).toEqual({ outcome: 'done', result: 'over the limit', notPosted: null });
    expect(coordinator.posted.map(({ body }) => body)).toEqual([
      { op, reply: 'refused', reason: 'over the limit' },
    ]);
    expect(await ask(op)).toMatchObject({ status: 409, body: { code: 'refused', detail: 'over the limit' } });
    expect((await ask(op === 'try' ? 'cancel' : 'compensate')).status).toBe(200);
    expect(states()).toEqual(['refused']);
    await expect(participant.complete(kept(), { by: 'ann' })).rejects.toMatchObject({
      code: 'completed_differently',
    });
    expect(await participant.refuse(kept(), 'again')).toMatchObject({
      outcome: 'repeated',
      result: 'over the limit',
    });
  });

  test.each([
    ['over\nthe limit', 'over the limit'],
    ['x'.repeat(300), `${'x'.repeat(199)}…`],
    [` ${String.fromCharCode(0xd800)}\u2028`, '\ufffd'],
    ['\n', undefined],
  ])('posts a reason as the coordinator takes it: %#', async (given, reason) => {
    const { participant, kept } = await openOffice();
    await asking(participant)('try');
    await participant.refuse(kept(), given);
    const [{ body } = {}] = coordinator.posted;
    expect(Value.Check(CompletionRequest, body)).toBe(true);
    expect(body).toEqual({ op: 'try', reply: 'refused', ...(reason !== undefined && { reason }) });
  });

  test.each([
    ['tcc', 'confirm', 'a confirm cannot be refused'],
    ['final', 'action', 'a step behind the pivot cannot be refused'],
  ] as const)('takes no %s %s: nothing is written', async (kind, op, words) => {
    const { participant, kept } = await openOffice(kind);
    const ask = asking(participant);
    if (op === 'confirm') {
      await ask('try');
      await participant.complete(kept(), { by: 'ann' });
    }
    await ask(op);
    const call = kept(op === 'confirm' ? 1 : 0);
    await expect(participant.refuse(call, 'no')).rejects.toThrow(words);
    expect((await ask(op)).status).toBe(202);
  });
});

describe('a participant reports', () => {
  async function telling(error: Error) {
    const { db } = await openOffice();
    const told: unknown[] = [];
    const fail = () => {
      throw error;
    };
    const participant = defineParticipant(contracts.tcc, {
      barrier: sqliteBarrier({ db }),
      activities: {
        approve: { try: ({ cents }) => (cents === 5 ? { by: 'ann' } : fail()), confirm: fail, cancel: fail },
      },
      onError: (one, { op }) => void told.push(['error', op, one]),
      onNotDone: (one, { op }) => void told.push(['not done', op, one]),
    });
    return { told, participant };
  }

  test('a refused try as normal business, and a refused confirm or cancel as an error', async () => {
    const no = new Refusal('no');
    const { told, participant } = await telling(no);
    const refused = callFor({ activity: 'approve', payload: { cents: 6 } });
    expect((await answerOf(participant, refused)).status).toBe(409);
    const ask = asking(participant);
    await ask('try');
    for (const op of ['confirm', 'cancel'] as const) expect((await ask(op)).status).toBe(409);
    expect(told).toEqual([
      ['not done', 'try', no],
      ['error', 'confirm', no],
      ['error', 'cancel', no],
    ]);
  });

  test('each InProgress', async () => {
    const later = new InProgress('the bank is closed');
    const { told, participant } = await telling(later);
    const ask = asking(participant);
    await ask('try');
    expect((await ask('confirm')).status).toBe(425);
    expect(told).toEqual([['not done', 'confirm', later]]);
  });
});
