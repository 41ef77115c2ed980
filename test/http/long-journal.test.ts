// A transaction with more journal rows than one answer holds: its events page by page, and its path.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { EventView } from '../../src/wire/index.ts';
import type { GlobalTransaction } from '../../src/domain/index.ts';
import { replied, told } from '../support/transactions.ts';
import { newGid, newTransaction, policy, saveOf } from '../support/saves.ts';
import { openWorld, type World } from './world.ts';

/** The decision is a row in the middle: neither among the first nor among the last that a path is read from. */
const [TRY_COUNT, CONFIRM_COUNT] = [300, 300];

let world: World;
let gid: string;
let seq = 0;
beforeAll(async () => {
  world = await openWorld();
  gid = newGid();
  let saved: { tx: GlobalTransaction; seq: number } | null = null;
  const save = async (after: GlobalTransaction) => {
    await world.store.writeBatch([saveOf(saved, after)]);
    seq += 1;
    saved = { tx: after, seq };
    return after;
  };
  const retry = { ...policy.retry, budgetMs: 1_000_000_000 };
  let tx = await save({ ...newTransaction(gid, ['stock']), policy: { ...policy, retry } });
  const unknown = (op: 'try' | 'confirm') => told(tx, replied('stock', op, 'unknown', { durationMs: 1 }));
  for (let count = 0; count < TRY_COUNT; count += 1) tx = await save(unknown('try'));
  tx = await save(told(tx, replied('stock', 'try', 'succeeded')));
  for (let count = 0; count < CONFIRM_COUNT; count += 1) tx = await save(unknown('confirm'));
});
afterAll(() => world.close());

const page = async (query: string) => {
  const answer = await world.send('GET', `/v1/transactions/${gid}/events${query}`);
  return { status: answer.statusCode, body: answer.json() };
};

describe('its events', () => {
  test.each([
    ['?limit=7'],
    [''],
  ])('are read page by page, each once and as on one page (%s)', async (query) => {
    const events: EventView[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const after: string = cursor === '' ? query : `${query === '' ? '?' : `${query}&`}cursor=${cursor}`;
      const { status, body } = await page(after);
      expect(status).toBe(200);
      events.push(...body.events);
      cursor = body.nextCursor;
    }
    expect(events.map((event) => event.seq)).toEqual(Array.from({ length: seq }, (_, index) => index + 1));
    const called = events.slice(1).map(({ changes }) => Object.keys(changes.branches?.[0] ?? {}));
    expect(called.slice(0, TRY_COUNT).every((names) => names.includes('try'))).toBe(true);
    expect(called.slice(TRY_COUNT + 1).every((names) => names.includes('confirm'))).toBe(true);
  });

  test.each([
    ['x'],
    [Buffer.from('1').toString('base64url')],
    [Buffer.from('1:maybe').toString('base64url')],
  ])('are refused for what is no cursor (%s)', async (cursor) => {
    const { status, body } = await page(`?cursor=${cursor}`);
    expect([status, body.errors]).toEqual([
      400,
      [{ parameter: 'cursor', detail: 'is not the nextCursor of a page' }],
    ]);
  });

  test('are none after the last one', async () => {
    const { body } = await page(`?cursor=${Buffer.from(`${seq}:confirm`).toString('base64url')}`);
    expect(body).toEqual({ gid, events: [], nextCursor: null });
  });
});

test('its path has the decision and counts every call, with a bounded number of rows', async () => {
  const read = world.store.journalOf.bind(world.store);
  let rowCount = 0;
  world.store.journalOf = async (...asked) => {
    const rows = await read(...asked);
    rowCount += rows.length;
    return rows;
  };
  const { path } = (await world.send('GET', `/v1/transactions/${gid}`)).json();
  world.store.journalOf = read;
  expect(rowCount).toBeLessThanOrEqual(400);
  expect(path).toMatchObject([
    { what: 'began' },
    { what: 'called', op: 'try', attemptCount: expect.any(Number) },
    { what: 'decided', decision: 'confirm' },
    { what: 'called', op: 'confirm', attemptCount: CONFIRM_COUNT },
  ]);
});
