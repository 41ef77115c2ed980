/** What must hold of a transaction when its coordinator is dead, and of all when they have ended. */
import { expect } from '@jest/globals';
import type * as wire from '@tercet/sdk/wire';
import { rebuild } from '../../src/application/journal.ts';
import type { JournalRow, Saved } from '../../src/application/ports.ts';
import type { GlobalTransaction } from '../../src/domain/index.ts';
import { INITIAL, type WorkRecord } from './books.ts';
import type { Lane } from './lane.ts';
import type { Order } from './order.ts';
import type { Actor, Ending } from './round.ts';
import { faultsIn } from './saga-effects.ts';
import type { Standing } from './story.ts';

/** The process died where it was to die: by the database and by the participants. */
export async function checkStanding(lane: Lane, { story, order }: Actor): Promise<readonly JournalRow[]> {
  const { tx } = await load(lane, order.gid);
  const rows = await lane.sql.store.journalOf(order.gid);
  const { rowCount, replies, records, status, decision } = story.atDeath;
  const one = tx.branches.map(({ phaseOne }) => phaseOne.reply);
  const two = tx.branches.map(({ phaseTwo }) => phaseTwo.reply);
  // A call that was held too long for a busy machine is given up, and that is saved.
  const mayVary = rowCount === 'varies' || [...one, ...two].includes('unknown');
  expect({
    ...{ story: story.title, status: tx.status, decision: tx.decision?.decision ?? null },
    ...{ rowCount: mayVary ? 'varies' : rows.length, records: recordsOf(lane, order) },
    one: settledOnly(one, replies?.one),
    two: settledOnly(two, replies?.two),
  }).toEqual({
    ...{ story: story.title, status, decision, rowCount: mayVary ? 'varies' : rowCount, records },
    one: settledOnly(replies?.one ?? [], replies?.one),
    two: settledOnly(replies?.two ?? [], replies?.two),
  });
  expectRebuilt(tx, rows);
  return rows;
}

type Replies = NonNullable<Standing['replies']>['one'];

/** The replies that settle, but for those that may be any. */
const settledOnly = (replies: Replies, expected: Replies = []): Replies =>
  replies.map((reply, at) => {
    if (expected[at] === 'any') return 'any';
    return reply === 'unknown' ? null : reply;
  });

export async function checkEnd(lane: Lane, { story, order, rowsAtDeath }: Ending): Promise<void> {
  const { tx } = await load(lane, order.gid);
  const rows = await lane.sql.store.journalOf(order.gid);
  const ended = { story: story.title, gid: order.gid };
  expect({ ...ended, status: tx.status }).toEqual({ ...ended, status: story.ends });
  expect({ ...ended, faults: faultsOf(lane, order, tx) }).toEqual({ ...ended, faults: [] });
  expectOneWay(tx, rows);
  expectRebuilt(tx, rows);
  // What was durable stays; what came after was written by another process.
  expect(rows.slice(0, rowsAtDeath.length)).toEqual(rowsAtDeath);
  const writersAfter = rows.slice(rowsAtDeath.length).map(({ writer }) => writer);
  for (const { writer } of rowsAtDeath) expect(writersAfter).not.toContain(writer);
  await order.read();
  const told = order.told.at(-1) as wire.TransactionView;
  expect(told.status).toBe(story.ends);
  for (const earlier of order.told) expectSameTruth(earlier, told);
}

/** When nothing is open any more: sums (I11), and what the participants and the processes complained of. */
export async function checkLane(lane: Lane): Promise<void> {
  const { faults, books } = lane.participants;
  expect(faults).toEqual([]);
  expect(lane.errorLines).toEqual([]);
  const [open] = await lane.sql.dataSource.query(
    'SELECT COUNT(*) AS count FROM global_transaction WHERE finished_at IS NULL OR wake_at IS NOT NULL',
  );
  expect(Number(open.count)).toBe(0);
  for (const { name, branchId, ...account } of books.accounts) {
    const branches: { payload: string }[] = await lane.sql.dataSource.query(
      `SELECT payload FROM branch JOIN global_transaction USING (gid) WHERE status = 'confirmed' AND branch_id = ?`,
      [branchId],
    );
    const taken = branches.reduce((sum, { payload }) => sum + JSON.parse(payload).amount, 0);
    expect({ name, account }).toEqual({ name, account: { available: INITIAL - taken, held: 0, taken } });
  }
}

async function load(lane: Lane, gid: string): Promise<Saved> {
  const saved = await lane.sql.store.load(gid);
  if (saved === null) throw new Error(`transaction ${gid} disappeared`);
  return saved;
}

const recordsOf = ({ participants: { books } }: Lane, { gid, form }: Order): readonly WorkRecord[] =>
  form.branches.map(({ branchId }) => books.recordOf(gid, branchId));

/** What its participants and the shop tell that must not be, now that it has ended. */
function faultsOf(lane: Lane, order: Order, tx: GlobalTransaction): readonly string[] {
  const { books } = lane.participants;
  const isTold = tx.callback === null || books.noticeCountOf(tx.gid) > 0;
  const steps = tx.branches.flatMap(({ branchId, step }) => (step === null ? [] : { branchId, ...step }));
  const faults =
    tx.pattern === 'saga'
      ? faultsIn(steps, books.effectsOf(tx.gid), tx.status)
      : tornBranches(tx, recordsOf(lane, order));
  return isTold ? faults : [...faults, 'nobody was told of the end'];
}

/** I1, I6 and I8: every branch the same way, and nothing reserved. */
function tornBranches({ status, branches }: GlobalTransaction, records: readonly WorkRecord[]) {
  if (branches.length === 0) return [];
  const ways: readonly WorkRecord[] = status === 'confirmed' ? ['confirmed'] : ['cancelled', 'tombstone'];
  return records.filter((record) => !ways.includes(record)).map((record) => `I8: ${status}, and ${record}`);
}

/** I2 and I13: the declared graph, forwards, with one decision, and a confirm, or the start of the pivot, in time. */
function expectOneWay(tx: GlobalTransaction, rows: readonly JournalRow[]): void {
  expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_, index) => index + 1));
  const statuses = rows.flatMap(({ entries }) => entries.transaction?.status ?? []);
  const decided = tx.status === 'confirmed' ? 'confirming' : 'cancelling';
  expect(statuses).toEqual(['trying', decided, tx.status]);
  const decisions = rows.flatMap(({ entries }) => entries.transaction?.decision ?? []);
  expect(decisions).toEqual([tx.decision]);
  if (tx.decision?.decision !== 'confirm') return;
  expect(tx.pivotStartedAt ?? tx.decision.at).toBeLessThan(tx.deadlineAt);
}

/** I12 */
function expectRebuilt(tx: GlobalTransaction, rows: readonly JournalRow[]): void {
  const branches = tx.branches.map((branch) => ({ ...branch, payload: '' }));
  expect(rebuild(tx.gid, rows)).toEqual({ ...tx, branches });
}

/** I3: whatever a client was told still holds, unless it was said to be open. */
function expectSameTruth(earlier: wire.TransactionView, end: wire.TransactionView): void {
  const { gid, mode, name, businessKey, beganAt, deadlineAt } = earlier;
  expect(end).toMatchObject({ gid, mode, name, businessKey, beganAt, deadlineAt });
  if (earlier.decision !== null) expect(end.decision).toEqual(earlier.decision);
  if (earlier.finishedAt !== null) expect(endOf(end)).toEqual(endOf(earlier));
  const settled = ({ branches }: wire.TransactionView) =>
    branches.flatMap((branch) =>
      (['try', 'confirm', 'cancel', 'action', 'compensate'] as const)
        .filter((op) => branch[op]?.reply === 'succeeded' || branch[op]?.reply === 'failed')
        .map((op) => `${branch.branchId} ${op} ${branch[op]?.reply}`),
    );
  expect(settled(end)).toEqual(expect.arrayContaining(settled(earlier)));
}

/** After the end nothing changes but what is told of its notice. */
const endOf = (view: wire.TransactionView) => {
  if (view.callback === null) return view;
  const { status, finishedAt, pivotStartedAt, cancelAskedAt, branches } = view;
  return { status, finishedAt, pivotStartedAt, cancelAskedAt, branches };
};
