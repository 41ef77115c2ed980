/** Loops that kill a coordinator repeatedly, each in one system under test. */
import { expect } from '@jest/globals';
import { checkStateAtDeath } from './invariant-checks.ts';
import type { CoordinatorProcess } from '../../support/coordinator-process.ts';
import type { SystemUnderTest } from './system-under-test.ts';
import { ClientLoad } from './client-load.ts';
import {
  type ScriptedTransaction,
  bringToPoint,
  finish,
  type Landing,
  place,
  runRound,
} from './kill-round.ts';
import type { KillScenario } from './kill-scenario.ts';
import { withProcessorSlot } from '../../support/processor-slots.ts';

const ANSWERS_BETWEEN_KILLS = 15;

/**
 * It is started again.
 * @param landings what happens to the held calls when it dies, in rotation
 */
export async function killAndRestart(
  system: SystemUnderTest,
  scenarios: readonly KillScenario[],
  killCount: number,
  landings: readonly Landing[] = ['last', 'at once'],
): Promise<void> {
  const coordinator = await system.startCoordinator();
  const next = () => coordinator.start();
  const long: ScriptedTransaction[] = [];
  for (let kill = 0; kill < killCount; kill += 1) {
    const lands = landings[kill % landings.length] ?? 'last';
    long.push(...(await runRound({ system, scenarios, coordinator, next, lands })));
  }
  await finish(system, long);
}

/** It is started again when the deadlines have passed without a running coordinator. */
export async function killBeforeDeadlines(
  system: SystemUnderTest,
  scenarios: readonly KillScenario[],
  killCount: number,
): Promise<void> {
  const coordinator = await system.startCoordinator();
  const whileDead = async (transactions: readonly ScriptedTransaction[]) => {
    const deadlines = transactions.flatMap(({ initiator }) =>
      initiator.told.map(({ deadlineAt }) => Date.parse(deadlineAt)),
    );
    await system.untilPast(Math.max(...deadlines));
  };
  const next = () => coordinator.start();
  for (let kill = 1; kill <= killCount; kill += 1) {
    // What lands last has been undone before (I7).
    const lands = kill % 2 === 0 ? 'never' : 'last';
    await runRound({ system, scenarios, coordinator, whileDead, next, lands });
  }
}

/** The dead one is not started again before the other has ended its transactions. */
export async function killByTurns(
  system: SystemUnderTest,
  scenarios: readonly KillScenario[],
): Promise<void> {
  let [coordinator, other] = [await system.startCoordinator(), await system.startReplica()];
  for (const lands of ['at once', 'last', 'at once'] as const) {
    const next = async () => system.ask(other);
    await runRound({ system, scenarios, coordinator, next, lands });
    await coordinator.start();
    [coordinator, other] = [other, coordinator];
  }
}

/**
 * Requests or replies have arrived and are not yet durable. However the active commit ends: no client got an answer (I3)
 * and no participant a call (I9) because of it, and its transactions end correctly.
 */
export async function killInCommits(
  system: SystemUnderTest,
  scenarios: readonly KillScenario[],
  killCount: number,
): Promise<void> {
  const coordinator = await system.startCoordinator();
  let calledBefore = 0;
  for (let kill = 1; kill <= killCount; kill += 1) {
    const transactions = scenarios.map((scenario) => place(system, scenario));
    let unlock = async () => {};
    await withProcessorSlot(() =>
      bringToPoint(system, transactions, async () => {
        unlock = await killInCommit(system, transactions, coordinator, calledBefore);
      }),
    );
    for (const transaction of transactions) await checkStateAtDeath(system, transaction);
    await unlock();
    calledBefore = system.participants.coordinatorCallCount;
    await coordinator.start();
    await Promise.all(transactions.map(({ scenario, initiator }) => scenario.after?.(initiator)));
    await finish(system, transactions);
  }
}

/**
 * @param calledBefore how many calls had arrived when this coordinator was started
 * @returns a function that lets the commits of the dead process end
 */
async function killInCommit(
  system: SystemUnderTest,
  transactions: readonly ScriptedTransaction[],
  coordinator: CoordinatorProcess,
  calledBefore: number,
): Promise<() => Promise<void>> {
  const { participants } = system;
  const gids = transactions.map(({ initiator }) => initiator.gid);
  const called = () => gids.map((gid) => participants.callNames(gid));
  const before = called();
  const unlock = await system.lockRows(gids);
  for (const gid of gids) {
    participants.forgetScript(gid);
    participants.letGo(gid);
  }
  const answers = Promise.allSettled(
    transactions.flatMap(({ scenario, initiator }) => scenario.askedInCommit?.(initiator) ?? []),
  );
  await system.untilSomeoneWaits();
  await system.untilAllIsHeard(coordinator, calledBefore);
  await coordinator.kill();
  expect((await answers).filter(({ status }) => status === 'fulfilled')).toEqual([]);
  expect(called()).toEqual(before);
  return unlock;
}

/**
 * Clients place orders with two replicas, which are killed alternately. Each order is begun once, however often its client
 * repeats the begin, and ends within a bounded time after the last kill.
 */
export async function killUnderLoad(system: SystemUnderTest, killCount: number): Promise<void> {
  const replicas = [await system.startCoordinator(), await system.startReplica()] as const;
  const load = new ClientLoad(system, replicas);
  for (let kill = 0; kill < killCount; kill += 1) {
    const replica = replicas[kill % 2 === 0 ? 0 : 1];
    await load.untilAnswered(ANSWERS_BETWEEN_KILLS);
    await replica.kill();
    await load.untilAnswered(ANSWERS_BETWEEN_KILLS);
    await replica.start();
  }
  await load.stop();
  await finish(system, load.transactions);
  expect(await system.transactionCount()).toBe(load.transactions.length);
}
