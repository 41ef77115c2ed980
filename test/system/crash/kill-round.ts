/** One round: transactions are brought to a kill point, their coordinator is killed, and all must end correctly. */
import { expect } from '@jest/globals';
import type { JournalRow } from '../../../src/application/ports.ts';
import { checkEnd, checkStateAtDeath } from './invariant-checks.ts';
import type { CoordinatorProcess } from '../../support/coordinator-process.ts';
import type { SystemUnderTest } from './system-under-test.ts';
import type { Initiator } from './initiator.ts';
import { heldCountOf, type KillScenario } from './kill-scenario.ts';
import { withProcessorSlot } from '../../support/processor-slots.ts';

/** Bounds hangs: a slow machine takes its time. */
const ENDS_WITHIN_MS = 240_000;
const AT_POINT_WITHIN_MS = 120_000;

/** A transaction that must end, and how. */
export type TrackedTransaction = {
  readonly scenario: Pick<KillScenario, 'title' | 'ends'>;
  readonly initiator: Initiator;
  /** Its journal when its coordinator was dead. */
  rowsAtDeath: readonly JournalRow[];
};

/** A transaction in a round, with its scenario. */
export type ScriptedTransaction = TrackedTransaction & { readonly scenario: KillScenario };

export type RoundParts = {
  readonly system: SystemUnderTest;
  readonly scenarios: readonly KillScenario[];
  readonly coordinator: CoordinatorProcess;
  /** What to wait for while no process runs. */
  readonly whileDead?: (transactions: readonly ScriptedTransaction[]) => Promise<void>;
  /** Starts the successor. */
  readonly next: (transactions: readonly ScriptedTransaction[]) => Promise<void>;
  readonly lands: Landing;
};

/** Held calls land immediately, or when everything has ended; or a held request was never sent. */
export type Landing = 'at once' | 'last' | 'never';

/** @returns the transactions that still wait for their deadlines, for `finish` */
export async function runRound(parts: RoundParts): Promise<ScriptedTransaction[]> {
  const { system, scenarios, coordinator, whileDead, next, lands } = parts;
  const { participants } = system;
  const transactions = scenarios.map((scenario) => place(system, scenario));
  await withProcessorSlot(() => bringToPoint(system, transactions, () => coordinator.kill()));
  // The scripts still hold: a request that the dead process has left in a socket waits at its gate, too.
  for (const transaction of transactions)
    transaction.rowsAtDeath = await checkStateAtDeath(system, transaction);

  const short = transactions.filter(({ scenario }) => !scenario.isLong);
  if (lands === 'at once') for (const { initiator } of short) participants.letGo(initiator.gid);
  if (lands === 'never') for (const { initiator } of short) participants.lose(initiator.gid);
  await whileDead?.(transactions);
  for (const { initiator } of transactions) participants.forgetScript(initiator.gid);
  await next(transactions);
  await Promise.all(transactions.map(({ scenario, initiator }) => scenario.after?.(initiator)));
  await finish(system, short);
  return transactions.filter(({ scenario }) => scenario.isLong);
}

export const place = (system: SystemUnderTest, scenario: KillScenario): ScriptedTransaction => ({
  scenario,
  initiator: system.place(scenario),
  rowsAtDeath: [],
});

/** Runs every scenario until each is at its kill point; then `kill`. */
export async function bringToPoint(
  system: SystemUnderTest,
  transactions: readonly ScriptedTransaction[],
  kill: () => Promise<void>,
): Promise<void> {
  const errors: unknown[] = [];
  let isDead = false;
  const begun = transactions.map(({ scenario, initiator }) => {
    system.participants.follow(initiator.gid, scenario.script);
    const answered = scenario.before(initiator);
    if (!scenario.isUnanswered) return answered;
    answered.then(
      () => !isDead && errors.push(`“${scenario.title}” was answered`),
      (error) => !isDead && errors.push(error),
    );
    return undefined;
  });
  await Promise.all([...begun, ...transactions.map((transaction) => isAtPoint(system, transaction))]);
  // Answered to a client: later reads must agree (I3).
  await Promise.all(transactions.map(({ initiator }) => initiator.read()));
  expect(errors).toEqual([]);
  isDead = true;
  await kill();
}

async function isAtPoint(system: SystemUnderTest, transaction: ScriptedTransaction): Promise<void> {
  const { scenario, initiator } = transaction;
  const { participants } = system;
  await isHeld(system, transaction, heldCountOf(scenario));
  const isDone = () =>
    initiator.shape.branches.every(
      ({ branchId }, at) =>
        participants.records.recordOf(initiator.gid, branchId) === scenario.atDeath.records[at],
    );
  await participants.until(`“${scenario.title}” is at its point`, isDone, AT_POINT_WITHIN_MS);
}

/** Resolves when `count` of its calls are held at gates. */
export function isHeld(
  { participants }: SystemUnderTest,
  { scenario, initiator }: TrackedTransaction,
  count: number,
): Promise<void> {
  const isThere = () => participants.heldCount(initiator.gid) === count;
  return participants.until(`“${scenario.title}” is at its gates`, isThere, AT_POINT_WITHIN_MS);
}

/** All have ended as they must. */
export async function finish(
  system: SystemUnderTest,
  transactions: readonly TrackedTransaction[],
): Promise<void> {
  const unended = await system.unended(
    transactions.map(({ initiator }) => initiator.gid),
    ENDS_WITHIN_MS,
  );
  const titles = transactions
    .filter(({ initiator }) => unended.includes(initiator.gid))
    .map(({ scenario }) => scenario.title);
  expect({ unended: titles }).toEqual({ unended: [] });
  for (const { initiator } of transactions) system.participants.letGo(initiator.gid);
  await system.participants.quiet();
  for (const transaction of transactions) await checkEnd(system, transaction);
}
