// A participant and callers that take its activities for another kind: nothing takes effect that would never be undone.
import { beforeEach, describe, expect, test } from '@jest/globals';
import { defineContract, defineParticipant, type Participant, Refusal } from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import { isServed, Kind, type Op } from '@tercet/sdk/wire';
import SQLite from 'better-sqlite3';
import { type TSchema, Type } from 'typebox';
import { type Asked, answerOf, callFor, newGid, problemOf } from './shop.ts';

const payload = Type.Object({});
const effects: string[] = [];
const errors: string[] = [];
let db: SQLite.Database;

/** One activity of each kind, named after it, whose ops leave their names. */
const contract = defineContract('shop', {
  tcc: { kind: 'tcc', payload },
  step: { kind: 'step', payload },
  step_uncompensated: { kind: 'step_uncompensated', payload },
  pivot: { kind: 'pivot', payload },
  final: { kind: 'final', payload },
});
const doing = (op: Op) => ({ [op]: () => void effects.push(op) });
const action = () => void effects.push('action');

let participant: Participant;
beforeEach(async () => {
  effects.length = 0;
  errors.length = 0;
  db = new SQLite(':memory:');
  const barrier = sqliteBarrier({ db });
  await barrier.createTable();
  participant = defineParticipant(contract, {
    barrier,
    activities: {
      tcc: { ...doing('try'), ...doing('confirm'), ...doing('cancel') } as never,
      step: { action, compensate: () => void effects.push('compensate') },
      step_uncompensated: { action },
      pivot: { action },
      final: { action },
    },
    onError: (error) => void errors.push(String(error)),
  });
});

const call = (asked: Asked) => callFor({ payload: {}, ...asked });
const statusOf = async (asked: Asked) => (await answerOf(participant, call(asked))).status;
const phaseOneOf = (kind: Kind): Op => (kind === 'tcc' ? 'try' : 'action');
const undoOf = (kind: Kind): Op => (kind === 'tcc' ? 'cancel' : 'compensate');

const pairs = Kind.enum.flatMap((declared) => Kind.enum.map((kind) => [declared, kind] as const));

describe('an activity is called', () => {
  test.each(
    pairs.filter(([declared, kind]) => isServed(declared, kind)),
  )('of kind %s as %s: done', async (declared, kind) => {
    expect(await statusOf({ activity: declared, kind, op: phaseOneOf(kind) })).toBe(200);
    expect(effects).toEqual([phaseOneOf(kind)]);
  });

  test.each(
    pairs.filter(([declared, kind]) => !isServed(declared, kind)),
  )('of kind %s as %s: refused, and what would undo it succeeds', async (declared, kind) => {
    const asked = { gid: newGid(), activity: declared, kind };
    expect(await problemOf(participant, call({ ...asked, op: phaseOneOf(kind) }))).toMatchObject({
      httpStatus: 422,
      code: 'kind_mismatch',
      detail: expect.stringContaining(`shop/${declared} is of kind ${declared}, and was called as ${kind}`),
    });
    expect(await statusOf({ ...asked, op: undoOf(kind) })).toBe(200);
    expect([effects, errors]).toEqual([[], []]);
  });

  test.each(Kind.enum)('of kind %s without the header: as its own kind', async (kind) => {
    expect(await statusOf({ activity: kind, op: phaseOneOf(kind) })).toBe(200);
    const other = kind === 'tcc' ? 'action' : 'try';
    expect(await statusOf({ activity: kind, op: other })).toBe(422);
  });

  test('as a kind that is none: 400', async () => {
    expect(
      await problemOf(participant, call({ activity: 'step', op: 'action', kind: 'saga' })),
    ).toMatchObject({
      httpStatus: 400,
      code: 'invalid_request',
      detail: expect.stringContaining('tcc-kind is not as it has to be'),
    });
    expect(effects).toEqual([]);
  });
});

describe('the record of the branch comes first:', () => {
  test('an action that was done is answered again, whatever it is called as now', async () => {
    const asked = { gid: newGid(), activity: 'step', op: 'action' } as const;
    expect(await statusOf({ ...asked, kind: 'step' })).toBe(200);
    expect(await statusOf({ ...asked, kind: 'pivot' })).toBe(200);
    expect(effects).toEqual(['action']);
  });

  test('a pivot that was refused for its kind stays refused where its kind is right again (I10)', async () => {
    const asked = { gid: newGid(), op: 'action', kind: 'pivot' } as const;
    expect(await statusOf({ ...asked, activity: 'step' })).toBe(422);
    expect(await problemOf(participant, call({ ...asked, activity: 'pivot' }))).toMatchObject({
      httpStatus: 409,
      code: 'refused',
      detail: expect.stringContaining('is of kind step'),
    });
    expect(effects).toEqual([]);
  });

  test('a step that was refused for its kind may be done where its kind is right', async () => {
    const asked = { gid: newGid(), op: 'action', kind: 'step' } as const;
    expect(await statusOf({ ...asked, activity: 'pivot' })).toBe(422);
    expect(await statusOf({ ...asked, activity: 'step' })).toBe(200);
  });

  test('a pivot that was started outside and may have had its effect is not refused any more', async () => {
    const asked = { gid: newGid(), activity: 'pivot', op: 'action', kind: 'pivot' } as const;
    const barrier = sqliteBarrier({ db });
    const outside = defineParticipant(contract, {
      barrier,
      activities: {
        tcc: { try() {}, confirm() {}, cancel() {} },
        step: { action, compensate() {} },
        step_uncompensated: { action },
        final: { action },
        pivot: { outside: true, action: () => Promise.reject(new Error('the bank does not answer')) },
      },
      onError: () => {},
    });
    expect((await answerOf(outside, call(asked))).status).toBe(503);
    expect(await statusOf({ ...asked, activity: 'step' })).toBe(503);
    expect(errors).toEqual([expect.stringContaining('it was started as a pivot before')]);
  });
});

test('a pivot that was started outside is not refused for a payload that a newer contract does not take', async () => {
  const asked = { gid: newGid(), activity: 'pay', op: 'action', kind: 'pivot' } as const;
  const deployed = (schema: TSchema, action: () => Promise<void>) =>
    defineParticipant(defineContract('bank', { pay: { kind: 'pivot', payload: schema } }), {
      barrier: sqliteBarrier({ db }),
      activities: { pay: { outside: true, action } },
      onError: (error) => void errors.push(String(error)),
    });
  const older = deployed(payload, () => Promise.reject(new Error('the bank does not answer')));
  const newer = deployed(Type.Object({ account: Type.String() }), async () => void effects.push('paid'));
  expect((await answerOf(older, call(asked))).status).toBe(503);
  expect(await problemOf(newer, call(asked))).toMatchObject({ httpStatus: 503, code: 'invalid_payload' });
  expect(effects).toEqual([]);
  // Where nothing was started, the payload is refused for good.
  const other = { ...asked, gid: newGid() };
  expect(await problemOf(newer, call(other))).toMatchObject({ httpStatus: 409, code: 'invalid_payload' });
});

test('work to undo that the activity has no op for is never answered with success', async () => {
  const asked = { gid: newGid(), activity: 'final' } as const;
  await statusOf({ ...asked, op: 'action' });
  expect(await statusOf({ ...asked, op: 'compensate' })).toBe(503);
  expect(errors).toEqual(['Error: shop/final is of kind final and has no compensate, but has work for it']);
});

test('a business refusal of a step is forgotten, that of a pivot is not, by what the caller takes it for', async () => {
  let isRefusing = true;
  const barrier = sqliteBarrier({ db });
  const decide = () => {
    if (isRefusing) throw new Refusal('not now');
  };
  const shop = defineParticipant(
    defineContract('shop', { step: { kind: 'step', payload }, pivot: { kind: 'pivot', payload } }),
    { barrier, activities: { step: { action: decide, compensate() {} }, pivot: { action: decide } } },
  );
  const [one, other] = [newGid(), newGid()];
  const status = async (gid: string, kind: 'step' | 'pivot') =>
    (await answerOf(shop, call({ gid, activity: kind, kind, op: 'action' }))).status;
  expect([await status(one, 'step'), await status(other, 'pivot')]).toEqual([409, 409]);
  isRefusing = false;
  expect([await status(one, 'step'), await status(other, 'pivot')]).toEqual([200, 409]);
});
