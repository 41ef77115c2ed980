/**
 * Rounds of 50 concurrent calls, on the same and on neighbouring branches, in every order in which a network can
 * deliver them, confirm and cancel of one branch among them. The work of each writes two accounts, in another order
 * than its neighbour's, so that the database has deadlocks to find.
 */
import { type BarrierCall, InProgress, type Passed, Refusal } from '@tercet/sdk';
import {
  ACCOUNTS,
  type BarrierWorld,
  callOf,
  freshGid,
  type Op,
  OPENING_CENTS,
  totalsOf,
} from './barrier-world.ts';

const CALLS = 50;
const BRANCHES = ['a', 'b', 'c'] as const;

export type ConcurrentCallsReport = {
  readonly callCount: number;
  /** Tries that took effect, and how their branches ended. */
  readonly triedCount: number;
  readonly confirmedCount: number;
  readonly cancelledCount: number;
  /** Branches whose cancel came first. */
  readonly tombstoneCount: number;
  readonly deadlockCount: number | null;
};

type Answer = {
  readonly call: BarrierCall;
  readonly passed: Passed<string> | null;
  readonly code: string | null;
};

/** @throws Error at the first call that sees more than the barrier may tell, and at the first broken invariant */
export async function runConcurrentCalls(
  world: BarrierWorld,
  given: { rounds: number; seed: number },
): Promise<ConcurrentCallsReport> {
  const draw = numbersFrom(given.seed);
  const deadlocksBefore = await world.deadlockCount();
  const sums = { triedCount: 0, confirmedCount: 0, cancelledCount: 0, tombstoneCount: 0 };
  let callCount = 0;
  for (let round = 1; round <= given.rounds; round += 1) {
    const gids = [freshGid(), freshGid()];
    const calls = Array.from({ length: CALLS }, () => randomCall(gids, draw));
    const answers = await Promise.all(calls.map((call) => ask(world, call, draw)));
    // Whoever began these would now cancel what nobody confirmed.
    const ends = branchesOf(gids).map(({ gid, branchId }) => callOf('cancel', { gid, branchId }));
    answers.push(...(await Promise.all(ends.map((call) => ask(world, call, draw)))));
    callCount += answers.length;
    const effects = await effectsOf(world, gids);
    for (const key of branchesOf(gids)) {
      const own = answers.filter(({ call }) => call.gid === key.gid && call.branchId === key.branchId);
      const fate = fateOf(`${key.gid}/${key.branchId}`, effects.get(`${key.gid}/${key.branchId}`) ?? [], own);
      sums[fate] += 1;
      if (fate !== 'tombstoneCount') sums.triedCount += 1;
    }
  }
  await checkSums(world, sums.confirmedCount);
  const deadlocks = await world.deadlockCount();
  const deadlockCount = deadlocks === null ? null : deadlocks - (deadlocksBefore ?? 0);
  return { callCount, ...sums, deadlockCount };
}

function randomCall(gids: readonly string[], draw: () => number): BarrierCall {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(draw() * values.length)]!;
  const op: Op = pick(['try', 'try', 'confirm', 'cancel']);
  // Most on one branch, the rest beside it.
  const gid = draw() < 0.7 ? gids[0]! : gids[1]!;
  return callOf(op, { gid, branchId: draw() < 0.5 ? 'a' : pick(BRANCHES) });
}

const branchesOf = (gids: readonly string[]) =>
  gids.flatMap((gid) => BRANCHES.map((branchId) => ({ gid, branchId })));

/** The caller of a participant sees the result, or one of the barrier's own refusals; anything else is a fault. */
async function ask(world: BarrierWorld, call: BarrierCall, draw: () => number): Promise<Answer> {
  const token = `${call.op}-${draw()}`;
  const first = Math.floor(draw() * ACCOUNTS.length);
  const second = (first + 1 + Math.floor(draw() * (ACCOUNTS.length - 1))) % ACCOUNTS.length;
  const accounts = pairOf(call, first, second);
  for (;;) {
    try {
      const passed = await world.barrier.run(call, (sqlTx) => {
        const written = world.write(sqlTx, { call, cents: 7, accounts });
        return written instanceof Promise ? written.then(() => token) : token;
      });
      return { call, passed, code: null };
    } catch (error) {
      if (error instanceof Refusal) return { call, passed: null, code: error.code };
      if (!(error instanceof InProgress))
        throw new Error(`${call.op} of ${call.branchId} saw: ${error}`, { cause: error });
    }
  }
}

/** All ops of a branch move the same two accounts; in which order they write them is chance. */
function pairOf(call: BarrierCall, first: number, second: number): readonly [string, string] {
  const start = Number.parseInt(call.gid.slice(-6), 16) + BRANCHES.indexOf(call.branchId as 'a');
  const pair = [ACCOUNTS[start % 4]!, ACCOUNTS[(start + 1) % 4]!] as const;
  return first < second ? pair : [pair[1], pair[0]];
}

async function effectsOf(world: BarrierWorld, gids: readonly string[]): Promise<Map<string, Op[]>> {
  const effects = new Map<string, Op[]>();
  const list = gids.map((gid) => `'${gid}'`).join();
  for (const row of await world.query(`SELECT gid, branch_id, op FROM effect WHERE gid IN (${list})`)) {
    const key = `${row.gid}/${row.branch_id}`;
    effects.set(key, [...(effects.get(key) ?? []), row.op as Op]);
  }
  return effects;
}

/** How a branch ended, by what took effect and by what its callers were told, which have to agree. */
function fateOf(
  key: string,
  effects: readonly Op[],
  answers: readonly Answer[],
): 'confirmedCount' | 'cancelledCount' | 'tombstoneCount' {
  const count = (op: Op) => effects.filter((one) => one === op).length;
  const broken = (rule: string): never => {
    const told = answers.map(({ call, passed, code }) => `${call.op} ${passed?.outcome ?? code}`);
    throw new Error(`${rule}: ${key} had [${effects}], and was told [${told.join(', ')}]`);
  };
  if (count('try') > 1 || count('confirm') > 1 || count('cancel') > 1) broken('I5');
  if (count('confirm') + count('cancel') > 1) broken('I1');
  if (count('try') === 1 && count('confirm') + count('cancel') === 0) broken('I6');
  if (count('try') === 0 && effects.length > 0) broken('I7');
  for (const op of ['try', 'confirm', 'cancel'] as const) {
    const passed = answers.filter(({ call }) => call.op === op).flatMap((answer) => answer.passed ?? []);
    const done = passed.filter(({ outcome }) => outcome === 'done');
    if (done.length !== count(op)) broken(`what was told of ${op} is not what happened`);
    const isNothing = op === 'cancel' && count('cancel') === 0;
    const first = isNothing ? null : done[0]?.result;
    if (passed.some(({ result }) => result !== first)) broken(`a repeated ${op} was told another result`);
  }
  if (count('confirm') === 1 && answers.some(({ call, passed }) => call.op === 'cancel' && passed))
    broken('I1');
  if (count('confirm') === 1) return 'confirmedCount';
  return count('cancel') === 1 ? 'cancelledCount' : 'tombstoneCount';
}

/** I11, and nothing left held (I6): each branch moved 7 cents of two accounts. */
async function checkSums(world: BarrierWorld, confirmedCount: number): Promise<void> {
  const { available, held, paid } = await totalsOf(world);
  const opening = ACCOUNTS.length * OPENING_CENTS;
  const expected = { available: opening - 14 * confirmedCount, held: 0, paid: 14 * confirmedCount };
  if (available !== expected.available || held !== 0 || paid !== expected.paid)
    throw new Error(
      `I11: ${JSON.stringify({ available, held, paid })} in place of ${JSON.stringify(expected)}`,
    );
}

/** Mulberry32. */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
