/** What must hold of a transaction when its coordinator is dead, and of all transactions when they have ended. */
import { expect } from '@jest/globals';
import type * as wire from '@tercet/sdk/wire';
import { rebuild } from '../../../src/application/journal.ts';
import type { JournalRow, Saved } from '../../../src/application/ports.ts';
import type { Call, GlobalTransaction } from '../../../src/domain/index.ts';
import { INITIAL, type WorkRecord } from './participant-records.ts';
import type { SystemUnderTest } from './system-under-test.ts';
import type { Initiator } from './initiator.ts';
import type { ScriptedTransaction, TrackedTransaction } from './kill-round.ts';
import { sagaEffectFaults } from '../../support/saga-effects.ts';
import type { DurableReply } from './kill-scenario.ts';

/** The process died at its kill point: the database and the participants agree. */
export async function checkStateAtDeath(
  system: SystemUnderTest,
  { scenario, initiator }: ScriptedTransaction,
): Promise<readonly JournalRow[]> {
  const { tx, rows } = await load(system, initiator.gid);
  const { one, two, records, status, decision } = scenario.atDeath;
  expect({
    scenario: scenario.title,
    status: tx.status,
    decision: tx.decision?.decision ?? null,
    one: tx.branches.map(({ phaseOne }, at) => asStated(phaseOne.reply, one[at])),
    two: tx.branches.map(({ phaseTwo }, at) => asStated(phaseTwo.reply, two[at])),
    records: recordsOf(system, initiator),
  }).toEqual({ scenario: scenario.title, status, decision, one, two, records });
  expectInSequence(rows);
  expectRebuilt(tx, rows);
  return rows;
}

/** What a scenario states of a reply, where it allows that reply; else the reply. */
function asStated(reply: Call['reply'], stated: DurableReply = null): Call['reply'] | 'answered' {
  const isSettled = reply === 'succeeded' || reply === 'refused';
  if (stated === 'answered') return reply === 'refused' ? reply : stated;
  return stated === null && !isSettled ? stated : reply;
}

export async function checkEnd(
  system: SystemUnderTest,
  { scenario, initiator, rowsAtDeath }: TrackedTransaction,
): Promise<void> {
  const { tx, rows } = await load(system, initiator.gid);
  const ended = { scenario: scenario.title, gid: initiator.gid };
  expect({ ...ended, status: tx.status }).toEqual({ ...ended, status: scenario.ends });
  expect({ ...ended, faults: faultsOf(system, initiator, tx) }).toEqual({ ...ended, faults: [] });
  expectOneWay(tx, rows);
  expectRebuilt(tx, rows);
  // What was durable stays, and another process than the one that began it wrote the end.
  expect(rows.slice(0, rowsAtDeath.length)).toEqual(rowsAtDeath);
  if (rows.length > rowsAtDeath.length && rowsAtDeath.length > 0)
    expect(rows.at(-1)?.writer).not.toBe(rowsAtDeath[0]?.writer);
  await initiator.read();
  const told = initiator.told.at(-1) as wire.TransactionView;
  expect(told.status).toBe(scenario.ends);
  for (const earlier of initiator.told) expectSameTruth(earlier, told);
}

/** When no transaction is open any more: sums (I11), and what the participants and the logs report. */
export async function checkAllEnded(system: SystemUnderTest): Promise<void> {
  const { faults, records } = system.participants;
  expect(faults).toEqual([]);
  expect(system.errorLines).toEqual([]);
  const [open] = await system.sql.dataSource.query(
    'SELECT COUNT(*) AS count FROM global_transaction WHERE finished_at IS NULL OR wake_at IS NOT NULL',
  );
  expect(Number(open.count)).toBe(0);
  for (const { name, branchId, ...account } of records.accounts) {
    const branches: { payload: string }[] = await system.sql.dataSource.query(
      `SELECT payload FROM branch JOIN global_transaction USING (gid) WHERE status = 'confirmed' AND branch_id = ?`,
      [branchId],
    );
    const taken = branches.reduce((sum, { payload }) => sum + JSON.parse(payload).amount, 0);
    expect({ name, account }).toEqual({ name, account: { available: INITIAL - taken, held: 0, taken } });
  }
}

/** A transaction and the journal rows that it is built of: read again where another replica saved between the reads. */
async function load(
  { sql: { store } }: SystemUnderTest,
  gid: string,
): Promise<Saved & { rows: readonly JournalRow[] }> {
  for (;;) {
    const saved = await store.load(gid);
    if (saved === null) throw new Error(`transaction ${gid} disappeared`);
    const rows = await store.journalOf(gid);
    if (rows.length <= saved.seq) return { ...saved, rows };
  }
}

const recordsOf = (
  { participants: { records } }: SystemUnderTest,
  { gid, shape }: Initiator,
): readonly WorkRecord[] => shape.branches.map(({ branchId }) => records.recordOf(gid, branchId));

/** What its participants and the shop have recorded that contradicts the end. */
function faultsOf(system: SystemUnderTest, initiator: Initiator, tx: GlobalTransaction): readonly string[] {
  const { records } = system.participants;
  const isTold = tx.callback === null || records.noticeCountOf(tx.gid) > 0;
  const steps = tx.branches.flatMap(({ branchId, step }) => (step === null ? [] : { branchId, ...step }));
  const faults =
    tx.pattern === 'saga'
      ? sagaEffectFaults(steps, records.effectsOf(tx.gid), tx.status)
      : tornBranches(tx, recordsOf(system, initiator));
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
  expectInSequence(rows);
  const statuses = rows.flatMap(({ entries }) => entries.transaction?.status ?? []);
  const decided = tx.status === 'confirmed' ? 'confirming' : 'cancelling';
  expect(statuses).toEqual(['trying', decided, tx.status]);
  const decisions = rows.flatMap(({ entries }) => entries.transaction?.decision ?? []);
  expect(decisions).toEqual([tx.decision]);
  if (tx.decision?.decision !== 'confirm') return;
  expect(tx.pivotStartedAt ?? tx.decision.at).toBeLessThan(tx.deadlineAt);
}

function expectInSequence(rows: readonly JournalRow[]): void {
  expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_, index) => index + 1));
}

/** I12 */
function expectRebuilt(tx: GlobalTransaction, rows: readonly JournalRow[]): void {
  const branches = tx.branches.map((branch) => ({ ...branch, payload: '' }));
  expect(rebuild(tx.gid, rows)).toEqual({ ...tx, branches });
}

/**
 * I3: what a client was answered still holds, unless it was said to be open. A cancel or compensate that had succeeded is
 * open again once its try or action has succeeded late.
 */
function expectSameTruth(earlier: wire.TransactionView, end: wire.TransactionView): void {
  const { gid, mode, name, businessKey, beganAt, deadlineAt } = earlier;
  expect(end).toMatchObject({ gid, mode, name, businessKey, beganAt, deadlineAt });
  for (const field of ONCE_SET) if (earlier[field] !== null) expect(end[field]).toEqual(earlier[field]);
  if (earlier.finishedAt !== null) expect(end.status).toBe(earlier.status);
  for (const branch of earlier.branches) {
    const last = end.branches.find(({ branchId }) => branchId === branch.branchId);
    const isOpenAgain = (last?.lateSuccessCount ?? 0) > branch.lateSuccessCount;
    for (const op of isOpenAgain ? PHASE_ONE : ALL_OPS) {
      const reply = branch[op]?.reply;
      if (reply === 'succeeded' || reply === 'refused')
        expect({ branchId: branch.branchId, op, reply: last?.[op]?.reply }).toEqual({
          branchId: branch.branchId,
          op,
          reply,
        });
    }
  }
}

const ONCE_SET = ['decision', 'pivotStartedAt', 'cancelAskedAt', 'finishedAt'] as const;
const PHASE_ONE = ['try', 'action'] as const;
const ALL_OPS = [...PHASE_ONE, 'confirm', 'cancel', 'compensate'] as const;
