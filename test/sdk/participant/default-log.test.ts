/** The line that a participant or a listener without `onError` writes: enough to act on, and none of the values. */
import { expect, jest, test } from '@jest/globals';
import { defineContract, defineListener, defineParticipant, InProgress, Refusal } from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import { createTestWorld } from '@tercet/sdk/testing';
import { DatabaseSync } from 'node:sqlite';
import { Type, type TSchema } from 'typebox';
import { LEAKY } from '../../support/leaky-errors.ts';
import { MARKS, marksIn } from '../../support/marks.ts';
import { freshGid } from '../barrier/barrier-world.ts';

/** What is printed while it acts. */
async function printedBy(act: () => Promise<unknown>): Promise<string> {
  const printed = jest.spyOn(console, 'error').mockImplementation(() => {});
  try {
    await act();
    return printed.mock.calls.flat().map(String).join('\n');
  } finally {
    printed.mockRestore();
  }
}

async function participantOf(action: () => unknown, result?: TSchema, onError?: (error: unknown) => void) {
  const barrier = sqliteBarrier({ db: new DatabaseSync(':memory:') });
  await barrier.createTable();
  const payload = Type.Unknown();
  const contract = defineContract('stock', {
    take: { kind: 'step_uncompensated', payload, ...(result && { result }) },
  });
  return defineParticipant(contract, {
    barrier,
    activities: { take: { action: async () => action() as never, outside: true } },
    ...(onError && { onError }),
  });
}

type Given = Awaited<ReturnType<typeof participantOf>>;

const answerOf = (participant: Given, body = '{}') => {
  const gid = freshGid();
  return participant.handle({
    method: 'POST',
    path: '/take/action',
    body,
    headers: {
      'tcc-transaction-id': gid,
      'tcc-branch-id': 'b',
      'tcc-op': 'action',
      'tcc-attempt': '1',
      'tcc-kind': 'step_uncompensated',
      'idempotency-key': `${gid}/b/action`,
      'tcc-deadline': new Date(Date.now() + 60_000).toISOString(),
    },
  });
};

test.each(LEAKY)('no value of an error is printed by a participant: %s', async (_title, act) => {
  const participant = await participantOf(act);
  const printed = await printedBy(async () => {
    expect(await answerOf(participant)).toMatchObject({ status: 503 });
  });
  expect(printed).toMatch(/^participant stock: \S+\/b\/action: ./);
  expect(marksIn(printed)).toEqual([]);
});

test.each(LEAKY)('no value of an error is printed by a listener: %s', async (_title, act) => {
  const gid = freshGid();
  const ending = {
    gid,
    pattern: 'saga',
    name: null,
    businessKey: null,
    status: 'confirmed',
    decision: 'confirm',
    reason: 'pivot_succeeded',
    beganAt: '2026-01-01T00:00:00.000Z',
    finishedAt: '2026-01-01T00:00:01.000Z',
  };
  const listener = defineListener('orders', { ended: async () => void (await act()) });
  const printed = await printedBy(() =>
    listener.handle({
      method: 'POST',
      path: '/ended/notify',
      body: JSON.stringify(ending),
      headers: { 'tcc-transaction-id': gid, 'tcc-op': 'notify', 'tcc-attempt': '1' },
    }),
  );
  expect(printed).toMatch(new RegExp(`^listener orders: ${gid}/notify: .`));
  expect(marksIn(printed)).toEqual([]);
});

test('no value is printed of what the function of a transaction threw that an op runs', async () => {
  const { tercet } = await createTestWorld({ participants: [] });
  const participant = await participantOf(() =>
    tercet.run({ name: 'inner' }, () => {
      throw MARKS.payload;
    }),
  );
  const printed = await printedBy(() => answerOf(participant));
  expect(printed).toMatch(/TransactionCancelled: Transaction \S+ is cancelled: the function threw … \|/);
  expect(marksIn(printed)).toEqual([]);
});

const record = Type.Object({ totals: Type.Record(Type.String(), Type.Integer({ minimum: 1 })) });

test.each<readonly [string, TSchema, unknown]>([
  ['a key of a record', record, { totals: { [MARKS.result]: 0 } }],
  ['an unknown property', Type.Object({}, { additionalProperties: false }), { [MARKS.result]: 0 }],
  ['a literal', Type.Object({ x: Type.Literal('a') }), { x: MARKS.result }],
  [
    'a name of a property',
    Type.Object({}, { propertyNames: Type.String({ pattern: '^a' }) }),
    { [MARKS.result]: 0 },
  ],
])('no value of a result that does not fit is printed: %s', async (_title, schema, result) => {
  const participant = await participantOf(() => result, schema);
  const printed = await printedBy(() => answerOf(participant));
  expect(printed).toContain('InvalidResult');
  expect(marksIn(printed)).toEqual([]);
});

test('a confirm that the barrier refuses is one line with its code, and without a stack', async () => {
  const participant = await reserving(() => {});
  const gid = freshGid();
  expect(await printedBy(() => callOf(participant, gid, 'confirm'))).toBe(
    `participant stock: ${gid}/b/confirm: refused, no_try: this op must not be refused, see docs/participants.md`,
  );
});

test('a confirm that the business refuses is printed with its place', async () => {
  const participant = await reserving(() => {
    throw new Refusal(MARKS.payload);
  });
  const gid = freshGid();
  await callOf(participant, gid, 'try');
  const printed = await printedBy(() => callOf(participant, gid, 'confirm'));
  expect(printed).toContain(`${gid}/b/confirm: Refusal: `);
  expect(printed).toContain(' | at ');
  expect(marksIn(printed)).toEqual([]);
});

test('a confirm that the business refuses by a code of its own is printed with its place', async () => {
  const participant = await reserving(() => {
    throw refusalWith(MARKS.payload);
  });
  const gid = freshGid();
  await callOf(participant, gid, 'try');
  const printed = await printedBy(() => callOf(participant, gid, 'confirm'));
  expect(printed).toContain(' | at ');
  expect(marksIn(printed)).toEqual([]);
});

test('a refused try of which onNotDone fails is printed as what may be refused', async () => {
  const onNotDone = () => {
    throw new Error('the log is full');
  };
  const participant = await reserving(() => {}, onNotDone);
  const gid = freshGid();
  await callOf(participant, gid, 'cancel');
  const [refused = ''] = (await printedBy(() => callOf(participant, gid, 'try'))).split('\n');
  expect(refused).toBe(`participant stock: ${gid}/b/try: refused, cancelled_before`);
});

/** As plain JavaScript may write it: the second argument of an error is its options. */
const refusalWith = (code: unknown) => new Refusal('no', code as 'refused');

test.each<readonly [string, () => Refusal]>([
  ['options, as other errors take them', () => refusalWith({ cause: { sql: MARKS.payload } })],
  ['a text', () => refusalWith(MARKS.payload)],
  ['a list', () => refusalWith([MARKS.payload])],
  ['a code of a class of its own', () => Object.assign(new Refusal('no'), { code: MARKS.payload })],
  ['a code of a title that is no code of a refusal', () => refusalWith('broken_json')],
  ['a name that every object has', () => refusalWith('toString')],
])('a refusal with %s in place of its code is answered and printed as refused', async (_what, refusal) => {
  const refuse = () => {
    throw refusal();
  };
  const participant = await reserving(refuse, undefined, refuse);
  const gid = freshGid();
  let body = '';
  const printed = await printedBy(async () => {
    body = (await callOf(participant, gid, 'try'))?.body ?? '';
  });
  expect(printed).toBe(`participant stock: ${gid}/b/try: refused, refused`);
  expect(JSON.parse(body)).toEqual({
    type: 'urn:tercet:participant-error:refused',
    title: 'The participant refuses',
    status: 409,
    detail: 'no',
    code: 'refused',
  });
});

test('an InProgress with a text in place of its time is printed without it', async () => {
  const participant = await reserving(
    () => {},
    undefined,
    () => {
      throw new InProgress('soon', { retryAfterMs: MARKS.payload as unknown as number });
    },
  );
  const gid = freshGid();
  expect(await printedBy(() => callOf(participant, gid, 'try'))).toBe(
    `participant stock: ${gid}/b/try: not yet: InProgress, 0 ms`,
  );
});

async function reserving(confirm: () => void, onNotDone?: () => void, reserve = () => {}) {
  const barrier = sqliteBarrier({ db: new DatabaseSync(':memory:') });
  await barrier.createTable();
  const contract = defineContract('stock', { reserve: { payload: Type.Unknown() } });
  return defineParticipant(contract, {
    barrier,
    activities: { reserve: { try: reserve, confirm, cancel: () => {} } },
    ...(onNotDone && { onNotDone }),
  });
}

const callOf = (
  participant: Awaited<ReturnType<typeof reserving>>,
  gid: string,
  op: 'try' | 'confirm' | 'cancel',
) =>
  participant.handle({
    method: 'POST',
    path: `/reserve/${op}`,
    body: '{}',
    headers: {
      'tcc-transaction-id': gid,
      'tcc-branch-id': 'b',
      'tcc-op': op,
      'tcc-attempt': '1',
      'tcc-kind': 'tcc',
      'idempotency-key': `${gid}/b/${op}`,
      'tcc-deadline': new Date(Date.now() + 60_000).toISOString(),
    },
  });

test('an onError of its own gets the error as it was thrown', async () => {
  const error = new Error(`“${MARKS.payload}”`);
  const seen: unknown[] = [];
  const participant = await participantOf(
    () => {
      throw error;
    },
    undefined,
    (one) => void seen.push(one),
  );
  expect(await printedBy(() => answerOf(participant))).toBe('');
  expect(seen).toEqual([error]);
  expect(seen[0]).toBe(error);
});

test('the answer to a body that is no JSON says where, and quotes nothing of it', async () => {
  const participant = await participantOf(() => 1);
  for (const body of [`{"a": ${MARKS.payload}}`, `"${MARKS.payload}`, MARKS.payload]) {
    const answer = await answerOf(participant, body);
    expect(answer?.status).toBe(400);
    expect(marksIn(answer?.body ?? '')).toEqual([]);
  }
});
