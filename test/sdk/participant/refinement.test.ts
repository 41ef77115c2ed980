// The text of a `Type.Refine` is made of the value: a participant shows it to nobody.
import { afterEach, expect, jest, test } from '@jest/globals';
import { defineContract, defineParticipant } from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import SQLite from 'better-sqlite3';
import { Type } from 'typebox';
import { callFor, newGid, problemOf } from './shop.ts';

const SECRET = 'DE89370400440532013000';
const Iban = Type.Refine(
  Type.String(),
  (text) => text.startsWith('IBAN'),
  (text) => `${text} is no IBAN`,
);
const schemas = { payload: Type.Object({ iban: Iban }), result: Type.Object({ iban: Iban }) };
const bank = defineContract('bank', { pay: schemas });
const activity = 'pay';
const valid = { iban: 'IBAN 1' };
const invalid = { iban: SECRET };
const FAULT = '#/iban does not meet a refinement of its schema';

afterEach(() => {
  jest.restoreAllMocks();
});

async function participant(result: { iban: string }) {
  const barrier = sqliteBarrier({ db: new SQLite(':memory:') });
  await barrier.createTable();
  const ops = { try: () => result, confirm() {}, cancel() {} };
  return defineParticipant(bank, { barrier, activities: { pay: ops } });
}

test('the refusal of a payload does not show the value', async () => {
  const call = callFor({ activity, payload: invalid });
  expect(await problemOf(await participant(valid), call)).toMatchObject({ httpStatus: 409, detail: FAULT });
});

test('neither does the answer to a confirm, nor its log line', async () => {
  const log = jest.spyOn(console, 'error').mockImplementation(() => {});
  const served = await participant(valid);
  const gid = newGid();
  await served.handle(callFor({ gid, activity, payload: valid }));
  const problem = await problemOf(served, callFor({ gid, activity, op: 'confirm', payload: invalid }));
  expect(problem).toMatchObject({ httpStatus: 503, detail: expect.stringContaining(FAULT) });
  expect(JSON.stringify([problem, log.mock.calls])).not.toContain(SECRET);
  expect(String(log.mock.calls)).toContain(FAULT);
});

test('the log line of a result does not show the value', async () => {
  const log = jest.spyOn(console, 'error').mockImplementation(() => {});
  await (await participant(invalid)).handle(callFor({ activity, payload: valid }));
  expect(String(log.mock.calls)).toContain(FAULT);
  expect(String(log.mock.calls)).not.toContain(SECRET);
});
