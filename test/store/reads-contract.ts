/**
 * How transactions are found by what they are, and when somebody is to look at them again. Each adapter runs all of it,
 * on a store of its own: what is listed and counted is everything that there is.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Save, TransactionFilter } from '../../src/application/ports.ts';
import type { GlobalTransaction, Status } from '../../src/domain/index.ts';
import {
  allReplied,
  newTransaction,
  cancelRequested,
  newGid,
  saveOf,
  withoutPolling,
} from '../support/saves.ts';
import { CALLS_TO_PARK, exactly, replied, told } from '../support/transactions.ts';
import { newSaga, inState, TO_THE_END } from '../support/saga-saves.ts';
import type { StoreUnderTest } from './store-contract.ts';

const T0 = Date.UTC(2026, 0, 1);
const WAKE_AT = Date.UTC(2026, 0, 2);
const FAILED_AT = T0 + 5000;
const EVERYTHING: TransactionFilter = {
  status: null,
  isParked: null,
  isQuarantined: null,
  participant: null,
  name: null,
  businessKey: null,
  attention: null,
  beganAfter: null,
  before: null,
  limit: 200,
};

export function readsContract(open: () => Promise<StoreUnderTest>): void {
  let under: StoreUnderTest;
  beforeAll(async () => {
    under = await open();
  });
  afterAll(() => under.close());

  const write = async (...saves: Save[]) =>
    expect(await under.writer.writeBatch(saves)).toEqual({ outcome: 'written' });
  const list = (filter: Partial<TransactionFilter>) => under.store.list({ ...EVERYTHING, ...filter });
  const gidsOf = async (filter: Partial<TransactionFilter>) => (await list(filter)).map(({ gid }) => gid);

  test('an empty store lists nothing and counts nothing', async () => {
    expect(await list({})).toEqual([]);
    expect(await under.store.gidsWaitingFor('inventory', '', 10)).toEqual([]);
    expect(await under.store.countUnfinished(WAKE_AT)).toEqual({
      countByStatus: {},
      parkedCount: 0,
      quarantinedCount: 0,
      attentionCount: 0,
      oldestBeganAt: null,
      oldestWakeAt: null,
    });
  });

  describe('transactions in every stage', () => {
    const stages = everyStage();
    const all = Object.values(stages);
    const gids = (...found: GlobalTransaction[]) =>
      found
        .map(({ gid }) => gid)
        .sort()
        .reverse();
    beforeAll(async () => {
      await write(...all.map((tx, index) => saveOf(null, tx, { wakeAt: wakeAtOf(tx, stages, index) })));
    });

    test('are listed with the newest gid first, as they were saved but for their payloads', async () => {
      const listed = all.map((tx) => ({
        ...tx,
        branches: tx.branches.map((branch) => ({ ...branch, payload: '' })),
      }));
      expect(await list({})).toEqual(listed.reverse());
    });

    test.each<[Status, (keyof typeof stages)[]]>([
      ['trying', ['trying', 'interactive']],
      ['confirming', ['confirming']],
      ['confirmed', ['confirmed']],
      ['cancelling', ['cancelling', 'accepted', 'failing', 'overdue', 'half', 'parked']],
      ['cancelled', ['cancelled', 'acceptedAfterEnd', 'owing']],
    ])('are listed by their status: %s', async (status, names) => {
      expect(await gidsOf({ status })).toEqual(gids(...names.map((name) => stages[name])));
    });

    test('are listed when they wait for an operator, and when they do not', async () => {
      const parked = [stages.parked, stages.overdue];
      const others = all.filter((tx) => !parked.includes(tx));
      expect(await gidsOf({ isParked: true })).toEqual(gids(...parked));
      expect(await gidsOf({ isParked: false })).toEqual(gids(...others));
      expect(await gidsOf({ isParked: true, status: 'cancelling' })).toEqual(gids(...parked));
      expect(await gidsOf({ isParked: true, status: 'cancelled' })).toEqual([]);
    });

    test('are listed when they have waited long for a success that must come, and when they have not', async () => {
      const waiting = [stages.confirming, stages.cancelling, stages.half, stages.parked, stages.owing];
      const others = all.filter((tx) => !waiting.includes(tx));
      expect(await gidsOf({ attention: { isNeeded: true, since: T0 } })).toEqual(gids(...waiting));
      expect(await gidsOf({ attention: { isNeeded: false, since: T0 } })).toEqual(gids(...others));
      expect(await gidsOf({ attention: { isNeeded: true, since: T0 - 1 } })).toEqual([]);
      expect(await gidsOf({ attention: { isNeeded: false, since: T0 - 1 } })).toEqual(gids(...all));
    });

    test('have waited since their error or their spent poll budget where a branch was accepted before', async () => {
      const waiting = [stages.confirming, stages.cancelling, stages.half, stages.parked, stages.owing];
      const later = [...waiting, stages.failing, stages.overdue];
      const gidsAt = (since: number) => gidsOf({ attention: { isNeeded: true, since } });
      expect(await gidsAt(FAILED_AT - 1)).toEqual(gids(...waiting));
      expect(await gidsAt(FAILED_AT)).toEqual(gids(...later));
      expect((await under.store.countUnfinished(FAILED_AT)).attentionCount).toBe(later.length);
    });

    test('need no attention, however long they last, where all that is open is accepted', async () => {
      const never = [stages.accepted, stages.acceptedAfterEnd];
      const centuryLater = T0 + 100 * 365 * 86_400_000;
      const listed = await gidsOf({ attention: { isNeeded: false, since: centuryLater } });
      expect(listed).toEqual(expect.arrayContaining(gids(...never)));
      const needing = await gidsOf({ attention: { isNeeded: true, since: centuryLater } });
      for (const { gid } of never) expect(needing).not.toContain(gid);
    });

    test('are listed by a participant of any of their branches', async () => {
      expect(await gidsOf({ participant: 'payment' })).toEqual(gids(stages.half));
      expect(await gidsOf({ participant: 'payment', status: 'trying' })).toEqual([]);
      expect(await gidsOf({ participant: 'nobody' })).toEqual([]);
    });

    test('are listed page by page', async () => {
      const pages: string[][] = [];
      for (let before: string | null = null; pages.length < all.length; ) {
        const page: string[] = await gidsOf({ before, limit: 4 });
        if (page.length === 0) break;
        pages.push(page);
        before = page.at(-1) ?? null;
      }
      expect(pages.flat()).toEqual(gids(...all));
      expect(pages[0]).toHaveLength(4);
    });

    test('are searched to the end where they are few, and no further than a given gid', async () => {
      const sorted = gids(...all);
      for (const by of [
        { name: 'rare' },
        { name: 'rare', beganAfter: T0 },
        { name: 'rare', before: sorted[1]! },
      ])
        expect(await under.store.searchEnd({ ...EVERYTHING, ...by })).toBeNull();
      expect(await gidsOf({ from: sorted[2]! })).toEqual(sorted.slice(0, 3));
    });

    test('are listed when they began at an instant or later, whether they are finished or not', async () => {
      const [tx, last] = [stages.confirmed, stages.owing];
      const later = all.filter(({ beganAt }) => beganAt >= tx.beganAt);
      expect(later.length).toBeLessThan(all.length);
      expect(await gidsOf({ beganAfter: tx.beganAt })).toEqual(gids(...later));
      expect(await gidsOf({ beganAfter: tx.beganAt + 1 })).not.toContain(tx.gid);
      expect(await gidsOf({ beganAfter: last.beganAt, status: 'cancelled' })).toEqual([last.gid]);
      expect(await gidsOf({ beganAfter: last.beganAt, status: 'trying' })).toEqual([]);
      expect(await gidsOf({ beganAfter: last.beganAt + 1 })).toEqual([]);
    });

    test('are counted until nothing is owed for them any more', async () => {
      expect(await under.store.countUnfinished(T0)).toEqual({
        countByStatus: { trying: 2, confirming: 1, cancelling: 6, cancelled: 2 },
        parkedCount: 2,
        quarantinedCount: 0,
        attentionCount: 5,
        oldestBeganAt: stages.trying.beganAt,
        oldestWakeAt: WAKE_AT,
      });
    });

    test('are final once they are finished and nothing is owed for them any more', async () => {
      const { confirmed, cancelled } = stages;
      const ends = all.map((tx) => ({
        gid: tx.gid,
        isFinal: tx === confirmed || tx === cancelled,
        deadlineAt: tx.deadlineAt,
        finishedAt: tx.finishedAt,
      }));
      expect(stages.owing.finishedAt).not.toBeNull();
      expect(await under.store.findEnds([newGid(), ...all.map(({ gid }) => gid).reverse()])).toEqual(ends);
      expect(await under.store.findEnds([newGid()])).toEqual([]);
      expect(await under.store.findEnds([])).toEqual([]);
    });

    test('wait for a participant as long as a branch of it has not answered', async () => {
      const { cancelled: _done, confirmed: _doneToo, half, ...waiting } = stages;
      const expected = gids(...Object.values(waiting)).reverse();
      expect(await under.store.gidsWaitingFor('inventory', '', 100)).toEqual(expected);
      expect(await under.store.gidsWaitingFor('payment', '', 100)).toEqual([half.gid]);
      const [first = '', second, third] = expected;
      expect(await under.store.gidsWaitingFor('inventory', first, 2)).toEqual([second, third]);
    });
  });

  describe('a saga that ended, and of whose end somebody has not heard,', () => {
    const running = inState(newSaga(), TO_THE_END.slice(0, 5));
    const owing = inState(newSaga(), TO_THE_END.slice(0, 6));
    const gidsOfShop = () => under.store.gidsWaitingFor('shop', '', 100);
    const finality = async () => (await under.store.findEnds([owing.gid]))[0]?.isFinal;
    beforeAll(() => write(...[running, owing].map((tx) => saveOf(null, tx, { wakeAt: WAKE_AT }))));

    test('is listed as it was saved, but for payloads and results', async () => {
      const branches = owing.branches.map((branch) => ({ ...branch, payload: '', result: null }));
      const [listed] = await list({ before: `${owing.gid}~`, limit: 1 });
      expect(listed).toEqual({ ...owing, branches });
      expect(await gidsOf({ status: 'confirmed' })).toContain(owing.gid);
      expect(await gidsOf({ isParked: true })).not.toContain(owing.gid);
    });

    test('waits for that participant, is not final, and keeps its date, until it is heard', async () => {
      expect(await gidsOfShop()).toEqual([owing.gid]);
      expect(await finality()).toBe(false);
      expect((await under.store.load(owing.gid))?.wakeAt).toBe(WAKE_AT);
      const heard = inState(owing, TO_THE_END.slice(-1));
      await write(saveOf({ tx: owing, seq: 1 }, heard));
      expect(await gidsOfShop()).toEqual([]);
      expect(await finality()).toBe(true);
      expect((await under.store.load(owing.gid))?.wakeAt).toBeNull();
    });

    test('leaves another one waiting for the participants of its steps', async () => {
      expect(await under.store.gidsWaitingFor('inventory', '', 100)).toContain(running.gid);
      expect(await under.store.gidsWaitingFor('inventory', '', 100)).not.toContain(owing.gid);
    });
  });

  describe.each([['name'], ['businessKey']] as const)('a %s', (field) => {
    test.each([
      ['in the case of a letter', 'Order'],
      ['in an accent', 'örder'],
      ['in a blank at the end', 'order '],
    ])('is another one when it differs only %s', async (_how, other) => {
      const [key, mark] = ['order', newGid()];
      const [one, two] = [key, other].map((text) => ({
        ...newTransaction(newGid()),
        [field]: `${mark}${text}`,
      }));
      await write(...[one, two].map((tx) => saveOf(null, tx as GlobalTransaction)));
      expect(await gidsOf({ [field]: `${mark}${key}` })).toEqual([one?.gid]);
      expect(await gidsOf({ [field]: `${mark}${other}`, status: 'trying' })).toEqual([two?.gid]);
    });
  });

  describe('a row', () => {
    const dateOf = async (gid: string) => (await under.store.load(gid))?.wakeAt;
    const beginOne = async () => {
      const tx = newTransaction(newGid());
      await write(saveOf(null, tx, { wakeAt: WAKE_AT }));
      return { tx, seq: 1 };
    };

    test('is loaded with the instant at which somebody looks at it, and without one once nothing is owed', async () => {
      const saved = await beginOne();
      expect(await under.store.load(saved.tx.gid)).toEqual({ ...saved, wakeAt: WAKE_AT });
      const next = allReplied(cancelRequested(saved.tx), 'succeeded');
      await write(saveOf(saved, next));
      expect(await under.store.load(saved.tx.gid)).toEqual({ tx: next, seq: 2, wakeAt: null });
    });

    test('gets its own new date among others', async () => {
      const saved = await Promise.all(Array.from({ length: 200 }, beginOne));
      const rows = saved.map(({ tx, seq }, index) => ({ gid: tx.gid, seq, wakeAt: WAKE_AT + index + 1 }));
      await under.store.redate(rows.toReversed());
      for (const { gid, wakeAt } of rows) expect(await dateOf(gid)).toBe(wakeAt);
    });

    test('that has moved on keeps its date, and so does one for which nothing is owed', async () => {
      const [moved, ended] = [await beginOne(), await beginOne()];
      await write(saveOf(moved, cancelRequested(moved.tx), { wakeAt: WAKE_AT + 7 }));
      await write(saveOf(ended, allReplied(cancelRequested(ended.tx), 'succeeded')));
      await under.store.redate([
        { gid: moved.tx.gid, seq: 1, wakeAt: WAKE_AT + 1 },
        { gid: ended.tx.gid, seq: 2, wakeAt: WAKE_AT + 1 },
        { gid: newGid(), seq: 1, wakeAt: WAKE_AT + 1 },
      ]);
      expect(await dateOf(moved.tx.gid)).toBe(WAKE_AT + 7);
      expect(await dateOf(ended.tx.gid)).toBeNull();
    });

    test('that was missed, and gets a new date, is missed for the first time again', async () => {
      const { tx } = await beginOne();
      const early = Date.UTC(2020, 0, 1);
      const redate = () => under.store.redate([{ gid: tx.gid, seq: 1, wakeAt: early }]);
      const claim = (now: number) =>
        under.store.claimDue({ now, limit: 10, waker: newGid(), againAfterMs: 1000 });
      await redate();
      expect(await claim(early)).toEqual([tx.gid]);
      expect(await claim(early + 1000)).toEqual([tx.gid]);
      await redate();
      expect(await claim(early)).toEqual([tx.gid]);
      expect(await dateOf(tx.gid)).toBe(early + 1000);
      await under.store.redate([{ gid: tx.gid, seq: 1, wakeAt: WAKE_AT }]);
    });

    test('no new dates change nothing', async () => {
      await expect(under.store.redate([])).resolves.toBeUndefined();
    });
  });
}

/** One or more of each status; each begins a second after the one before it. */
function everyStage() {
  let beganAt = T0;
  const next = (): GlobalTransaction => {
    beganAt += 1000;
    return { ...newTransaction(newGid()), beganAt };
  };
  const ended = (tx: GlobalTransaction) => ({ ...tx, finishedAt: tx.beganAt + 500 });
  const succeeded = (tx: GlobalTransaction) => allReplied(tx, 'succeeded');
  return {
    trying: next(),
    confirming: succeeded(next()),
    cancelling: cancelRequested(next()),
    cancelled: ended(succeeded(cancelRequested(next()))),
    confirmed: ended(succeeded(succeeded(next()))),
    /** Its own branches have answered, and the one of another participant has not. */
    half: withOpenPayment(succeeded(cancelRequested(next()))),
    parked: Array.from({ length: CALLS_TO_PARK }).reduce(
      (tx: GlobalTransaction) => allReplied(tx, 'unknown'),
      cancelRequested(next()),
    ),
    interactive: { ...next(), mode: 'interactive' as const },
    accepted: accepted(cancelRequested(next())),
    /** A call of it has failed since it was accepted. */
    failing: laterReplied(accepted(cancelRequested(next())), 'unknown'),
    /** Its poll budget is spent. */
    overdue: laterReplied(accepted(cancelRequested(next())), 'ongoing'),
    /** The cancel that is due once more is accepted. */
    acceptedAfterEnd: withCancelAccepted(withLateSuccess(ended(succeeded(cancelRequested(next()))))),
    owing: withLateSuccess(ended(succeeded(cancelRequested(next())))),
  };
}

const wakeAtOf = (
  tx: GlobalTransaction,
  { owing, acceptedAfterEnd }: Record<string, GlobalTransaction>,
  index: number,
) => (tx.finishedAt === null || tx === owing || tx === acceptedAfterEnd ? WAKE_AT + index : null);

const accepted = (tx: GlobalTransaction) => allReplied(tx, 'ongoing');

/** Both branches, long after they were accepted. */
function laterReplied(tx: GlobalTransaction, reply: 'unknown' | 'ongoing'): GlobalTransaction {
  const now = exactly(FAILED_AT);
  return withoutPolling(told(tx, ...['a', 'b'].map((id) => replied(id, 'cancel', reply, { now }))));
}

const withCancelAccepted = (tx: GlobalTransaction) =>
  withoutPolling(told(tx, replied('a', 'cancel', 'ongoing')));

function withOpenPayment(tx: GlobalTransaction): GlobalTransaction {
  const [first] = cancelRequested(newTransaction(tx.gid)).branches;
  if (first === undefined) throw new Error('a transaction has branches');
  const open = { ...first, branchId: 'money', participant: 'payment' };
  return { ...tx, status: 'cancelling', finishedAt: null, branches: [...tx.branches, open] };
}

function withLateSuccess(tx: GlobalTransaction): GlobalTransaction {
  const heard = { answer: '200', result: null, durationMs: 10, retryAfterMs: null, chance: 0.5 };
  const now = { earliest: T0, latest: T0 };
  return told(tx, { type: 'replied', branchId: 'a', op: 'try', reply: 'succeeded', ...heard, now });
}
