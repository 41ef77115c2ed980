/** TCC transactions whose coordinator is killed at the points of the table or while commits are active, or is stopped. */
import { expect } from '@jest/globals';
import { killAndRestart, killByTurns, killInCommits } from './kill-loops.ts';
import type { SystemUnderTest } from './system-under-test.ts';
import { commitsUnderWay, holdConfirms, holdTries, tccKillPoints } from './tcc-kill-points.ts';
import { type TrackedTransaction, finish, isHeld } from './kill-round.ts';
import type { KillTest } from './kill-tests.ts';

const KILLS_PER_POINT = 20;
/** A system mostly waits until the work of its dead process is due. */
const SYSTEMS_PER_POINT = 2;
const KILLS_PER_SYSTEM = KILLS_PER_POINT / SYSTEMS_PER_POINT;
const KILLS_IN_COMMITS = 3;

const someOfEach = tccKillPoints.flatMap(({ scenarios }) =>
  scenarios.filter(({ isLong }) => !isLong).slice(0, 2),
);

export const tccKillTests: readonly KillTest[] = [
  ['that is told to stop answers the requests under way, and loses nothing', 1, stopAndRestart],
  [
    'that is killed while commits are under way has told nobody of them',
    1,
    (system) => killInCommits(system, commitsUnderWay, KILLS_IN_COMMITS),
  ],
  [
    'that is killed while another replica runs is succeeded by that one',
    1,
    (system) => killByTurns(system, someOfEach),
  ],
  ...tccKillPoints.map(
    ({ title, scenarios }): KillTest => [
      `that is killed ${KILLS_PER_POINT} times ${title} leaves nothing undone, and nothing done twice`,
      SYSTEMS_PER_POINT,
      (system) => killAndRestart(system, scenarios, KILLS_PER_SYSTEM),
    ],
  ),
];

async function stopAndRestart(system: SystemUnderTest): Promise<void> {
  const { participants } = system;
  const coordinator = await system.startCoordinator();
  const underWay = (title: string): TrackedTransaction => {
    return { scenario: { title, ends: 'confirmed' }, initiator: system.place({}), rowsAtDeath: [] };
  };
  const deciding = underWay('a decision under way');
  const trying = underWay('tries under way');
  const confirming = underWay('confirms under way');
  const waiting = [trying, confirming];
  participants.follow(trying.initiator.gid, holdTries);
  participants.follow(confirming.initiator.gid, holdConfirms);
  const answers = waiting.map(({ initiator }) => initiator.declare(60));
  await deciding.initiator.begin();
  await deciding.initiator.register('stock', 'money');
  await deciding.initiator.tryBranch('stock');
  await deciding.initiator.tryBranch('money');
  await Promise.all(waiting.map((transaction) => isHeld(system, transaction, 2)));
  const unlock = await system.lockRows([deciding.initiator.gid]);
  const decided = deciding.initiator.confirm();
  await system.untilSomeoneWaits();

  const exit = coordinator.end('SIGTERM');
  // Long before their minute is over, which also shows that the coordinator has begun to stop.
  await Promise.all(answers);
  await unlock();
  await decided;
  expect(deciding.initiator.told.at(-1)?.decision).toMatchObject({ decision: 'confirm' });
  for (const { initiator } of waiting) participants.letGo(initiator.gid);
  // It was not cut off by its shutdown timeout, which ends with code 1.
  expect(await exit).toEqual({ code: 0, signal: null });

  const transactions = [deciding, ...waiting];
  for (const transaction of transactions) {
    participants.forgetScript(transaction.initiator.gid);
    participants.letGo(transaction.initiator.gid);
    transaction.rowsAtDeath = await system.sql.store.journalOf(transaction.initiator.gid);
  }
  await coordinator.start();
  await finish(system, transactions);
}
