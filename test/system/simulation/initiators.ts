/**
 * Initiators of the simulation: each runs one transaction, a saga or a tcc, declared or interactive. It repeats requests that
 * are not answered, sometimes requests the opposite decision, and sometimes stops. Its answers are kept, to be compared (I3).
 */
import type { Outcome } from '../../../src/application/coordinator.ts';
import type { BeginRequest, BranchRequest } from '../../../src/application/requests.ts';
import type { FaultyWorld } from './faulty-world.ts';
import { randomSaga } from './random-sagas.ts';

const ASK_AGAIN_MS = 3000;
const ASK_LIMIT = 6;

export type Told = { readonly gid: string; readonly status: string; readonly decision: string | null };

export async function runInitiator(world: FaultyWorld, key: string, told: Told[]): Promise<void> {
  const { chance } = world;
  const callback = chance.is(0.3) && { callback: { participant: 'inventory', activity: 'tell' } };
  if (chance.is(0.5)) {
    await placeDeclared(world, key, { pattern: 'saga', branches: randomSaga(world), ...callback }, told);
    return;
  }
  const branchIds = ['a', 'b', 'c'].slice(0, 1 + Math.floor(chance.draw() * 3));
  const branches = branchIds.map((branchId) => ({ branchId, participant: 'inventory', activity: 'reserve' }));
  if (chance.is(0.5)) await placeDeclared(world, key, { branches, ...callback }, told);
  else await placeInteractive(world, key, branches, told);
}

async function placeDeclared(world: FaultyWorld, key: string, request: BeginRequest, told: Told[]) {
  const begin = () => ask(world, told, ({ coordinator }) => coordinator.begin(request, key));
  const gid = gidOf(
    await (world.chance.is(0.3) ? Promise.all([begin(), begin()]).then(([one]) => one) : begin()),
  );
  if (gid && world.chance.is(0.2)) await ask(world, told, ({ coordinator }) => coordinator.cancel(gid));
}

async function placeInteractive(world: FaultyWorld, key: string, branches: BranchRequest[], told: Told[]) {
  const gid = gidOf(await ask(world, told, ({ coordinator }) => coordinator.begin({ name: 'order' }, key)));
  if (gid === null) return;
  let isTried = true;
  for (const branch of branches) {
    const registered = await ask(world, told, ({ coordinator }) => coordinator.registerBranch(gid, branch));
    if (gidOf(registered) === null) isTried = false;
    // A try that is not known to be registered is never sent (I9).
    else isTried &&= (await world.tryBranch(gid, branch.branchId)).httpStatus === 200;
  }
  if (world.chance.is(0.1)) return;
  const ops = isTried && !world.chance.is(0.1) ? ['confirm', 'cancel'] : ['cancel'];
  const wanted = ops.slice(0, world.chance.is(0.2) ? 2 : 1) as ('confirm' | 'cancel')[];
  await Promise.all(wanted.map((op) => ask(world, told, ({ coordinator }) => coordinator[op](gid))));
}

type Replica = ReturnType<FaultyWorld['anyReplica']>;

/** Asks any replica, and another one when no answer comes. */
async function ask(world: FaultyWorld, told: Told[], question: (replica: Replica) => Promise<Outcome>) {
  for (let attempt = 0; attempt < ASK_LIMIT; attempt += 1) {
    const silence = new Promise<null>((resolve) => world.clock.after(ASK_AGAIN_MS, () => resolve(null)));
    const answer = await Promise.race([question(world.anyReplica()).catch(() => null), silence]);
    if (answer?.accepted) {
      const { gid, status, decision } = answer.saved.tx;
      told.push({ gid, status, decision: decision?.decision ?? null });
    }
    if (answer !== null) return answer;
  }
  return null;
}

const gidOf = (outcome: Outcome | null): string | null => (outcome?.accepted ? outcome.saved.tx.gid : null);
