/** What must hold of a transaction when its coordinator is dead, and of all when they have ended. */
import { expect } from '@jest/globals';
import type * as wire from '@tercet/sdk/wire';
import { rebuild } from '../../src/application/journal.ts';
import type { JournalRow, Saved } from '../../src/application/ports.ts';
import type { GlobalTransaction } from '../../src/domain/index.ts';
import type { Lane } from './lane.ts';
import { BRANCHES, INITIAL } from './participants.ts';
import type { Actor, Ending } from './round.ts';

/** The process died where it was to die: by the database and by the participants. */
export async function checkStanding(lane: Lane, { story, order }: Actor): Promise<readonly JournalRow[]> {
  const { tx } = await load(lane, order.gid);
  const rows = await lane.sql.store.journalOf(order.gid);
  const { rowCount, replies, records, status, decision } = story.atDeath;
  expect({
    story: story.title,
    status: tx.status,
    decision: tx.decision?.decision ?? null,
    rowCount: rowCount === 'varies' ? 'varies' : rows.length,
    one: tx.branches.map(({ phaseOne }, at) => (replies?.one[at] === 'any' ? 'any' : phaseOne.reply)),
    two: tx.branches.map(({ phaseTwo }) => phaseTwo.reply),
    records: recordsOf(lane, order.gid),
  }).toEqual({
    story: story.title,
    status,
    decision,
    rowCount,
    one: replies?.one ?? [],
    two: replies?.two ?? [],
    records,
  });
  expectRebuilt(tx, rows);
  return rows;
}

export async function checkEnd(lane: Lane, { story, order, rowsAtDeath }: Ending): Promise<void> {
  const { tx } = await load(lane, order.gid);
  const rows = await lane.sql.store.journalOf(order.gid);
  const ended = { story: story.title, gid: order.gid };
  expect({ ...ended, status: tx.status }).toEqual({ ...ended, status: story.ends });
  // I1, I6 and I8: every branch the same way, and nothing reserved.
  const ways = story.ends === 'confirmed' ? ['confirmed'] : ['cancelled', 'tombstone'];
  const records = tx.branches.length > 0 ? recordsOf(lane, order.gid) : [];
  expect({ ...ended, records: records.filter((record) => !ways.includes(record)) }).toEqual({
    ...ended,
    records: [],
  });
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
  expect(lane.participants.faults).toEqual([]);
  expect(lane.errorLines).toEqual([]);
  const [open] = await lane.sql.dataSource.query(
    'SELECT COUNT(*) AS count FROM global_transaction WHERE finished_at IS NULL OR wake_at IS NOT NULL',
  );
  expect(Number(open.count)).toBe(0);
  for (const { participant, branchId } of BRANCHES) {
    const branches: { payload: string }[] = await lane.sql.dataSource.query(
      `SELECT payload FROM branch JOIN global_transaction USING (gid) WHERE status = 'confirmed' AND branch_id = ?`,
      [branchId],
    );
    const taken = branches.reduce((sum, { payload }) => sum + JSON.parse(payload).amount, 0);
    const account = lane.participants.accounts.find(({ name }) => name === participant);
    expect(account).toEqual({ name: participant, available: INITIAL - taken, held: 0, taken });
  }
}

async function load(lane: Lane, gid: string): Promise<Saved> {
  const saved = await lane.sql.store.load(gid);
  if (saved === null) throw new Error(`transaction ${gid} disappeared`);
  return saved;
}

const recordsOf = ({ participants }: Lane, gid: string) =>
  BRANCHES.map(({ branchId }) => participants.recordOf(gid, branchId));

/** I2 and I13: the declared graph, forwards, with one decision, and a confirm in time. */
function expectOneWay(tx: GlobalTransaction, rows: readonly JournalRow[]): void {
  expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_, index) => index + 1));
  const statuses = rows.flatMap(({ entries }) => entries.transaction?.status ?? []);
  const decided = tx.status === 'confirmed' ? 'confirming' : 'cancelling';
  expect(statuses).toEqual(['trying', decided, tx.status]);
  const decisions = rows.flatMap(({ entries }) => entries.transaction?.decision ?? []);
  expect(decisions).toEqual([tx.decision]);
  if (tx.decision?.decision === 'confirm') expect(tx.decision.at).toBeLessThan(tx.deadlineAt);
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
  if (earlier.finishedAt !== null) expect(end).toEqual(earlier);
  const settled = ({ branches }: wire.TransactionView) =>
    branches.flatMap((branch) =>
      (['try', 'confirm', 'cancel'] as const)
        .filter((op) => branch[op]?.reply === 'succeeded' || branch[op]?.reply === 'failed')
        .map((op) => `${branch.branchId} ${op} ${branch[op]?.reply}`),
    );
  expect(settled(end)).toEqual(expect.arrayContaining(settled(earlier)));
}
