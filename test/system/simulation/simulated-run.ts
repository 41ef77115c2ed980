/** One world from its seed to its end, and the checks of every transaction in it. */
import { expect } from '@jest/globals';
import { rebuild } from '../../../src/application/journal.ts';
import type { GlobalTransaction } from '../../../src/domain/index.ts';
import { sagaEffectFaults } from '../../support/saga-effects.ts';
import type { Participants } from './participants.ts';
import { endsWithinMs } from './completion-bound.ts';
import { FAULTS_UNTIL_MS, FaultyWorld, MAX_OUTSIDE_MS, SETTINGS } from './faulty-world.ts';
import { runInitiator, type Told } from './initiators.ts';
import { MAX_STEPS } from './random-sagas.ts';

const ORDERS = 8;
/** Virtual time within which everything must have ended (I4). */
const ENDS_WITHIN_MS =
  FAULTS_UNTIL_MS + MAX_OUTSIDE_MS + endsWithinMs(SETTINGS, SETTINGS.defaultTimeoutMs, MAX_STEPS + 1);

/** @returns pattern and status of each transaction, such as `saga cancelled`, and what completions were answered */
export async function runWorld(seed: number): Promise<readonly string[]> {
  const world = new FaultyWorld(seed);
  const told: Told[] = [];
  const orders = Array.from({ length: ORDERS }, (_, index) => {
    const start = new Promise<void>((resolve) => world.clock.after(world.chance.draw() * 20_000, resolve));
    return start.then(() => runInitiator(world, `${seed}-${index}`, told));
  });
  let areAsked = false;
  void Promise.all(orders).then(() => {
    areAsked = true;
  });
  const endsBy = world.clock.nowMs + ENDS_WITHIN_MS;
  while (!(areAsked && world.isQuiet && world.store.isAtRest)) {
    await world.clock.step();
    if (world.clock.nowMs > endsBy) break;
  }
  await Promise.all(orders);
  expect({ seed, violations: world.violations }).toEqual({ seed, violations: [] });
  const ended = await Promise.all(world.store.gids.map((gid) => checkEnd(world, seed, gid, told)));
  const completed = world.completed.map((answer) => `completion ${answer}`);
  return [...ended.map(({ pattern, status }) => `${pattern} ${status}`), ...completed];
}

async function checkEnd(
  world: FaultyWorld,
  seed: number,
  gid: string,
  told: Told[],
): Promise<GlobalTransaction> {
  const at = { seed, gid };
  const saved = await world.store.load(gid);
  if (saved === null) throw new Error('it disappeared');
  const { tx } = saved;
  expect({ ...at, I4: tx.finishedAt !== null }).toEqual({ ...at, I4: true });
  expect({ ...at, faults: faultsOf(world, tx) }).toEqual({ ...at, faults: [] });
  const rows = await world.store.journalOf(gid);
  const payload = tx.branches.map((branch) => ({ ...branch, payload: '' }));
  expect(rebuild(gid, rows)).toEqual({ ...tx, branches: payload });
  const decided = told.filter((answer) => answer.gid === gid && answer.decision !== null);
  for (const { decision } of decided)
    expect({ ...at, I3: decision }).toEqual({ ...at, I3: tx.decision?.decision });
  return tx;
}

/** What the participants have recorded that contradicts the end. */
function faultsOf({ participants }: FaultyWorld, tx: GlobalTransaction): readonly string[] {
  const { gid, status, branches } = tx;
  const isTold = tx.callback === null || participants.isTold(gid);
  const steps = branches.flatMap(({ branchId, step }) => (step === null ? [] : { branchId, ...step }));
  const faults =
    tx.pattern === 'saga'
      ? sagaEffectFaults(steps, participants.effectsOf(gid), status)
      : tornBranches(participants, tx);
  return isTold ? faults : [...faults, 'nobody was told of the end'];
}

/** Each branch of a tcc that is neither confirmed once nor as if it had never been (I6, I8). */
function tornBranches(
  participants: Participants,
  { gid, status, branches }: GlobalTransaction,
): readonly string[] {
  const isUp = ({ branchId }: { branchId: string }) => {
    const { tries, confirms, cancels } = participants.recordsOf(gid, branchId);
    return status === 'confirmed' ? confirms === 1 && tries === 1 : confirms === 0 && tries === cancels;
  };
  return branches.filter((branch) => !isUp(branch)).map(({ branchId }) => `I8: ${status}, not ${branchId}`);
}
