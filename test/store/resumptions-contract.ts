/**
 * What waits for participants, which of them have recovered, and who resumes what. Each adapter runs all of it, on a store of its
 * own: what is listed is everything that there is.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Save, WaitingQuery } from '../../src/application/ports.ts';
import type { Branch, Call, GlobalTransaction } from '../../src/domain/index.ts';
import { allReplied, cancelRequested, newGid, newTransaction, policy, saveOf } from '../support/saves.ts';
import type { StoreUnderTest } from './store-contract.ts';

const T0 = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;
/** Beyond what any replica carries. */
const LATER = T0 + 30 * MINUTE;

export function resumptionsContract(open: () => Promise<StoreUnderTest>): void {
  let under: StoreUnderTest;
  beforeAll(async () => {
    under = await open();
    for (const name of ['inventory', 'payment', 'Inventory', 'mail'])
      await under.registry.put({ name, baseUrls: ['http://a.test'], paths: {}, callTimeoutMs: null });
  });
  afterAll(() => under.close());

  describe('a recovery', () => {
    test('is unknown before the first', async () => {
      expect(await under.resumptions.notes()).toEqual(new Map());
    });

    test('is noted once in a while, and read by every replica', async () => {
      expect(await under.resumptions.note('payment', T0, T0 - 30_000)).toBe(true);
      expect(await under.otherResumptions.note('payment', T0 + 29_999, T0 - 1)).toBe(false);
      expect(await under.otherResumptions.notes()).toEqual(new Map([['payment', T0]]));
      expect(await under.otherResumptions.note('payment', T0 + 30_000, T0)).toBe(true);
      expect(await under.resumptions.notes()).toEqual(new Map([['payment', T0 + 30_000]]));
    });

    test('is noted after one that a wrong clock has dated an hour ahead', async () => {
      expect(await under.resumptions.note('Inventory', T0 + 60 * MINUTE, T0 + 59 * MINUTE)).toBe(true);
      expect(await under.otherResumptions.note('Inventory', T0, T0 - 30_000)).toBe(true);
      expect((await under.resumptions.notes()).get('Inventory')).toBe(T0);
    });

    test('is kept when the participant is registered anew', async () => {
      await under.resumptions.note('mail', T0, T0 - 1);
      await under.registry.put({ name: 'mail', baseUrls: ['http://b.test'], paths: {}, callTimeoutMs: null });
      expect((await under.resumptions.notes()).get('mail')).toBe(T0);
    });
  });

  describe('a claim', () => {
    const claim = (gids: readonly string[], claimant: string, now = T0, participant = 'inventory') =>
      ({ participant, gids, now, expiredAt: now - MINUTE, claimant }) as const;
    const [a, b, c] = [newGid(), newGid(), newGid()].sort() as [string, string, string];

    test('of several replicas is one of them', async () => {
      const [one, other] = await Promise.all([
        under.resumptions.claim(claim([a, b, c], 'one')),
        under.otherResumptions.claim(claim([c, b, a], 'other')),
      ]);
      expect([...one, ...other].sort()).toEqual([a, b, c]);
    });

    test('leaves out what was claimed less than a minute ago, also by the same replica', async () => {
      expect(await under.resumptions.claim(claim([a, b], 'again', T0 + MINUTE - 1))).toEqual([]);
      const d = newGid();
      expect(await under.resumptions.claim(claim([a, d], 'anew', T0 + MINUTE - 1))).toEqual([d]);
    });

    test('is of one participant: the same transaction may be resumed for another', async () => {
      expect(await under.resumptions.claim(claim([b, a], 'two', T0, 'payment'))).toEqual([a, b]);
    });

    test('is free again after a minute, and is then held for another one', async () => {
      expect(await under.otherResumptions.claim(claim([a], 'later', T0 + MINUTE))).toEqual([a]);
      expect(await under.resumptions.claim(claim([a], 'late', T0 + 2 * MINUTE - 1))).toEqual([]);
    });

    test('is free where a wrong clock has dated it an hour ahead', async () => {
      const gid = newGid();
      expect(await under.resumptions.claim(claim([gid], 'ahead', T0 + 60 * MINUTE))).toEqual([gid]);
      expect(await under.otherResumptions.claim(claim([gid], 'right', T0))).toEqual([gid]);
      expect(await under.resumptions.claim(claim([gid], 'again', T0))).toEqual([]);
    });

    test('of nothing is nothing', async () => {
      expect(await under.resumptions.claim(claim([], 'one'))).toEqual([]);
    });

    test('is forgotten when it has expired, the oldest first, and not sooner', async () => {
      const [old, young] = [newGid(), newGid()];
      const held = (gid: string) => under.resumptions.claim({ ...claim([gid], 'test', T0), expiredAt: 0 });
      await under.resumptions.claim(claim([old], 'one', T0 - 9 * MINUTE));
      await under.resumptions.claim(claim([young], 'one', T0 - MINUTE));
      expect(await under.resumptions.forgetClaims(T0 - 2 * MINUTE, 1)).toBe(1);
      expect(await held(old)).toEqual([old]);
      expect(await held(young)).toEqual([]);
      expect(await under.resumptions.forgetClaims(T0 - MINUTE, 100)).toBeLessThan(100);
      expect(await held(young)).toEqual([young]);
    });
  });

  describe('what waits', () => {
    const write = async (tx: GlobalTransaction, wakeAt: number | null = LATER): Promise<string> => {
      const save: Save = saveOf(null, tx, { wakeAt });
      expect(await under.writer.writeBatch([save])).toEqual({ outcome: 'written' });
      return tx.gid;
    };
    const all: WaitingQuery = { participant: 'inventory', datedAfter: T0, after: '', limit: 100 };
    const waiting = async (query: Partial<WaitingQuery> = {}) =>
      under.resumptions.waitingFor({ ...all, ...query });
    const cancelling = () => cancelRequested(newTransaction(newGid(), ['a']));
    const withCall = (tx: GlobalTransaction, call: Partial<Call>, participant = 'inventory') => ({
      ...tx,
      branches: tx.branches.map((branch): Branch => {
        const phaseTwo = { ...branch.phaseTwo, ...call };
        return { ...branch, participant, phaseTwo };
      }),
    });
    const PARKED = { reply: 'unknown', parkedAt: T0, attemptCount: 12 } as const;
    let gids: Record<string, string>;

    beforeAll(async () => {
      const finished = allReplied(cancelling(), 'succeeded');
      const callback = { participant: 'mail', activity: 'told', callTimeoutMs: null };
      const owing = (notification: Partial<Call>) => {
        const tx = allReplied(cancelRequested({ ...newTransaction(newGid()), callback }), 'succeeded');
        return { ...tx, notification: { ...(tx.notification as Call), ...notification } };
      };
      const { budgetMs } = policy.retry;
      gids = {
        failing: await write(withCall(cancelling(), { reply: 'unknown', attemptCount: 1 })),
        heldBack: await write(cancelling()),
        parked: await write(withCall(cancelling(), PARKED)),
        carried: await write(withCall(cancelling(), { reply: 'unknown' }), T0),
        accepted: await write(withCall(cancelling(), { acceptedAt: T0 })),
        pollBudgetSpent: await write(withCall(cancelling(), { acceptedAt: T0, parkedAt: T0 })),
        failedSinceAccepted: await write(withCall(cancelling(), { ...PARKED, acceptedAt: T0 })),
        trying: await write(newTransaction(newGid())),
        ofAnother: await write(withCall(cancelling(), PARKED, 'payment')),
        ofAddress: await write(withCall(cancelling(), PARKED, 'http://a.test')),
        finished: await write(finished, null),
        toBeTold: await write(owing({})),
        seldomTold: await write(owing({ reply: 'unknown', attemptCount: 10, spentMs: budgetMs })),
        oftenTold: await write(owing({ reply: 'unknown', attemptCount: 10, spentMs: budgetMs - 1 })),
        newlyTold: await write(owing({ reply: 'unknown', attemptCount: 9, spentMs: budgetMs })),
      };
    });
    const gidOf = (name: string) => gids[name] as string;
    const named = (...names: string[]) => names.map(gidOf).sort();

    test('is dated for later than any replica carries, and is neither bounded by the deadline nor accepted', async () => {
      expect(await waiting()).toEqual(named('failing', 'heldBack', 'parked', 'failedSinceAccepted'));
    });

    test('for a participant is what has a branch of it, or a callback to it', async () => {
      expect(await waiting({ participant: 'payment' })).toEqual(named('ofAnother'));
      const callbacks = named('toBeTold', 'seldomTold', 'oftenTold', 'newlyTold');
      expect(await waiting({ participant: 'mail' })).toEqual(callbacks);
      expect(await waiting({ participant: 'Inventory' })).toEqual([]);
    });

    test('is read page by page, by gid', async () => {
      const everything = await waiting();
      const [first = '', second = ''] = everything;
      expect(await waiting({ limit: 2 })).toEqual([first, second]);
      expect(await waiting({ after: second })).toEqual(everything.slice(2));
    });

    test('and was given up for want of an answer, is found by participant', async () => {
      expect(await under.resumptions.givenUpParticipants()).toEqual(
        ['http://a.test', 'inventory', 'mail', 'payment'].sort(),
      );
    });

    test('and was given up, comes page by page', async () => {
      const [first = '', second = ''] = named('parked', 'failedSinceAccepted');
      const givenUp = (after: string, limit: number, participant = 'inventory') =>
        under.resumptions.givenUp(participant, after, limit);
      expect(await givenUp('', 1)).toEqual([first]);
      expect(await givenUp('', 2)).toEqual([first, second]);
      expect(await givenUp(first, 9)).toEqual([second]);
      expect(await givenUp(second, 9)).toEqual([]);
      expect(await givenUp('', 9, 'mail')).toEqual([gidOf('seldomTold')]);
      expect(await givenUp(gidOf('seldomTold'), 9, 'mail')).toEqual([]);
    });
  });
}
