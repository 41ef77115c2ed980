/** The real engine under everything that can go wrong at once, in hundreds of worlds that a seed repeats. */
import { describe, expect, test } from '@jest/globals';
import { rebuild } from '../../src/application/journal.ts';
import type { GlobalTransaction } from '../../src/domain/index.ts';
import { endsWithinMs } from './bound.ts';
import { FAULTS_UNTIL_MS, FaultyWorld, SETTINGS } from './faulty-world.ts';
import { placeOrder, type Told } from './orders.ts';

const WORLDS = 200;
const ORDERS = 8;
/** Virtual time within which everything must have ended (I4). */
const ENDS_WITHIN_MS = FAULTS_UNTIL_MS + endsWithinMs(SETTINGS, SETTINGS.defaultTimeoutMs);

describe('two replicas under loss, repetition, delay, dying processes and a database that answers late', () => {
  test.each(
    Array.from({ length: 10 }, (_, index) => index),
  )('end every transaction right, and never contradict themselves (part %i)', async (part) => {
    const seen = new Set<string>();
    for (let seed = (part * WORLDS) / 10; seed < ((part + 1) * WORLDS) / 10; seed += 1)
      for (const status of await runWorld(seed)) seen.add(status);
    expect(seen).toEqual(new Set(['confirmed', 'cancelled']));
  });
});

async function runWorld(seed: number): Promise<readonly string[]> {
  const world = new FaultyWorld(seed);
  const told: Told[] = [];
  const orders = Array.from({ length: ORDERS }, (_, index) => {
    const start = new Promise<void>((resolve) => world.clock.after(world.chance.draw() * 20_000, resolve));
    return start.then(() => placeOrder(world, `${seed}-${index}`, told));
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
  return ended.map(({ status }) => status);
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
  for (const { branchId } of tx.branches) {
    const records = world.barriers.get(`${gid}/${branchId}`);
    const effect =
      tx.status === 'confirmed' ? records?.confirms === 1 && records.tries === 1 : !records?.confirms;
    const isClosed = tx.status === 'confirmed' || records?.tries === records?.cancels;
    expect({ ...at, branchId, I8: effect, I6: isClosed }).toEqual({ ...at, branchId, I8: true, I6: true });
  }
  const rows = await world.store.journalOf(gid);
  const payload = tx.branches.map((branch) => ({ ...branch, payload: '' }));
  expect(rebuild(gid, rows)).toEqual({ ...tx, branches: payload });
  const decided = told.filter((answer) => answer.gid === gid && answer.decision !== null);
  for (const { decision } of decided)
    expect({ ...at, I3: decision }).toEqual({ ...at, I3: tx.decision?.decision });
  return tx;
}
