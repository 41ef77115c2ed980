// Branches, decisions and retries of an interactive transaction over HTTP.
import { JOURNAL_VERSION } from '../../src/application/journal.ts';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { branch, openWorld, type World } from './world.ts';

let world: World;
let at: string;
beforeEach(async () => {
  world = await openWorld();
  at = `/v1/transactions/${(await world.send('POST', '/v1/transactions', {})).json().gid}`;
});
afterEach(() => world.close());

describe('a branch', () => {
  test('is registered once, and answered again', async () => {
    const first = await world.send('POST', `${at}/branches`, branch('stock'));
    const again = await world.send('POST', `${at}/branches`, branch('stock'));
    expect([first.statusCode, again.statusCode]).toEqual([201, 200]);
    expect(first.json().branches).toEqual([
      {
        branchId: 'stock',
        participant: 'inventory',
        activity: 'reserve',
        step: null,
        try: null,
        confirm: null,
        cancel: null,
        action: null,
        compensate: null,
        waitingSince: null,
        lateSuccessCount: 0,
      },
    ]);
    expect(again.json()).toEqual(first.json());
  });

  test('with the same id and another payload is refused', async () => {
    await world.send('POST', `${at}/branches`, branch('stock', { payload: 1 }));
    const other = await world.send('POST', `${at}/branches`, branch('stock', { payload: 2 }));
    expect(other.statusCode).toBe(409);
    expect(other.json().code).toBe('branch_differs');
  });
});

describe('a decision', () => {
  beforeEach(async () => {
    await world.send('POST', `${at}/branches`, branch('stock'));
  });

  test.each([
    ['without a body', undefined, {}],
    ['with a content type and no body', undefined, { 'content-type': 'application/json' }],
    ['with an empty object', {}, {}],
  ])('is asked for %s', async (_how, body, headers) => {
    const decided = await world.send('POST', `${at}/confirm`, body, headers);
    expect(decided.statusCode).toBe(202);
    expect(decided.headers.location).toBe(at);
    expect(decided.json()).toMatchObject({
      status: 'confirming',
      decision: { decision: 'confirm', reason: 'confirm_requested', decidedAt: '2026-01-01T00:00:00.000Z' },
      branches: [{ confirm: { reply: null, attemptCount: 0 }, cancel: null, try: null }],
    });
  });

  test.each([
    ['confirm', 'confirmed'],
    ['cancel', 'cancelled'],
  ])('to %s that ends within the wait is answered with its end', async (decision, status) => {
    const ended = await world.send('POST', `${at}/${decision}`, undefined, { prefer: 'wait=5' });
    expect(ended.statusCode).toBe(200);
    expect(ended.json()).toMatchObject({ status, branches: [{ [decision]: { reply: 'succeeded' } }] });
    expect(world.calls.map(({ op }) => op)).toEqual([decision]);
    const again = await world.send('POST', `${at}/${decision}`);
    expect(again.statusCode).toBe(200);
    expect(again.json()).toEqual(ended.json());
  });

  test.each([
    ['confirm', 'cancel'],
    ['cancel', 'confirm'],
  ])('to %s stands: asking to %s is refused, and told what stands', async (decision, opposite) => {
    await world.send('POST', `${at}/${decision}`, undefined, { prefer: 'wait=5' });
    const refused = await world.send('POST', `${at}/${opposite}`);
    expect(refused.statusCode).toBe(409);
    expect(refused.json()).toMatchObject({ code: `decided_${decision}`, decision });
  });

  test('closes the transaction to further branches', async () => {
    await world.send('POST', `${at}/confirm`);
    const late = await world.send('POST', `${at}/branches`, branch('late'));
    expect(late.json()).toMatchObject({ code: 'decided_confirm', decision: 'confirm' });
  });

  test('of an empty transaction is finished at once', async () => {
    const empty = `/v1/transactions/${(await world.send('POST', '/v1/transactions', {})).json().gid}`;
    const ended = await world.send('POST', `${empty}/cancel`);
    expect(ended.statusCode).toBe(200);
    expect(ended.json()).toMatchObject({ status: 'cancelled', finishedAt: '2026-01-01T00:00:00.000Z' });
  });
});

describe('a cancel with a note', () => {
  test('shows the note with the decision, in the explanation and in the events; the first one stands', async () => {
    await world.send('POST', `${at}/branches`, branch('stock'));
    const cancelled = await world.send(
      ...(['POST', `${at}/cancel`, { note: 'duplicate of order 41' }, { prefer: 'wait=5' }] as const),
    );
    expect(cancelled.statusCode).toBe(200);
    const { decision, explanation } = cancelled.json();
    expect(decision).toMatchObject({ reason: 'cancel_requested', note: 'duplicate of order 41' });
    expect(explanation).toContain('cancel was requested (“duplicate of order 41”)');
    const again = await world.send('POST', `${at}/cancel`, { note: 'another' });
    expect(again.json().decision).toEqual(decision);
    expect((await world.send('POST', `${at}/cancel`)).json().decision).toEqual(decision);
    const { events } = (await world.send('GET', `${at}/events`)).json();
    expect(JSON.stringify(events)).toContain('duplicate of order 41');
    expect(JSON.stringify(world.calls)).not.toContain('duplicate of order 41');
  });

  test('is taken as it is without one while a replica does not read notes', async () => {
    world.journalVersionIs(JOURNAL_VERSION - 1);
    expect((await world.send('POST', `${at}/cancel`, { note: 'why' })).statusCode).toBe(503);
    expect((await world.send('GET', at)).json().status).toBe('trying');
    expect((await world.send('POST', `${at}/cancel`, {})).json()).toMatchObject({
      status: 'cancelled',
      decision: { note: null },
    });
  });

  test.each([[''], ['x'.repeat(501)], [7]])('of %j is refused', async (note) => {
    expect((await world.send('POST', `${at}/cancel`, { note })).statusCode).toBe(400);
    expect((await world.send('GET', at)).json().status).toBe('trying');
  });
});

describe('a parked branch', () => {
  test('is shown as parked, and is called again when a person says so', async () => {
    await world.send('POST', `${at}/branches`, branch('stock'));
    world.answer(() => 503);
    const parked = await world.time.passUntil(
      world.send('POST', `${at}/confirm`, undefined, { prefer: 'wait=30' }),
    );
    expect(parked.statusCode).toBe(202);
    expect(parked.json()).toMatchObject({
      status: 'confirming',
      isParked: true,
      branches: [
        { confirm: { reply: 'unknown', attemptCount: 10, answer: '503', nextAttemptAt: expect.any(String) } },
      ],
    });
    expect(parked.json().branches[0].confirm.parkedAt).toMatch(/^2026-01-01T00:00:/);

    world.answer(() => 200);
    const retried = await world.send('POST', `${at}/retry`);
    expect(retried.statusCode).toBe(200);
    expect(retried.json()).toMatchObject({
      isParked: false,
      branches: [{ confirm: { attemptCount: 0, parkedAt: null, answer: '503' } }],
    });
    expect((await world.send('POST', `${at}/confirm`, undefined, { prefer: 'wait=5' })).json().status).toBe(
      'confirmed',
    );
  });
});
