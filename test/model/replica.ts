/**
 * What a replica does by itself, by the rules of a drive: calls only from a state that was durable, one
 * outstanding call a branch, no cancel of a branch while its own try is outstanding, and a refused save throws
 * its calls away and feeds only the replies on.
 *
 * One replica drives. Another takes over when it crashed, or when it stands still: then the first is the
 * straggler, which acts later on what it knew, until it learns that it was overtaken and lets go; or, where the bounds
 * say so, drives on beside the other.
 */
import { askAll, askAndSave, save } from './journal.ts';
import type { Ask, StoredTransaction, Ledger } from './ledger.ts';
import { checkSentBySaga } from './saga-invariants.ts';
import type { Take } from './world-steps.ts';
import { demand } from './violation.ts';
import {
  at,
  DRIVER,
  idleReplica,
  isIdle,
  put,
  type Replica,
  STRAGGLER,
  spend,
  type World,
  withReplica,
  withStray,
} from './world.ts';

const NAMES = ['the driver', 'the straggler'];

export function replicaSteps(ledger: Ledger, world: World, take: Take): void {
  const { durable } = world;
  if (durable === null) return;
  takeLoad(ledger, world, durable, take);
  world.replicas.forEach((replica, r) => {
    if (replica.held) takeHeld(ledger, world, durable, r, take);
    else {
      if (replica.known) takeDriving(ledger, world, durable, replica.known, r, take);
      takeHearing(ledger, world, durable, replica.known ?? durable, r, take);
    }
    if (!isIdle(replica)) takeCrash(world, r, take);
  });
}

/** Taking over from a replica that still drives means that it stands still: that is the stall. */
function takeLoad(ledger: Ledger, world: World, durable: StoredTransaction, take: Take): void {
  if (!hasWork(ledger, world, durable)) return;
  const [driver, straggler] = world.replicas;
  if (isIdle(driver))
    take('free', withReplica(world, DRIVER, { known: durable }), 'a replica loads and drives');
  else if (isIdle(straggler) && world.left.stalls > 0) {
    const loaded = { ...idleReplica(driver.calls.length), known: durable };
    take(
      'fault',
      { ...spend(world, 'stalls'), replicas: [loaded, driver] },
      'the driver stalls, another takes over',
    );
  }
}

/** The deadline has passed, and that means something. */
export function canExpire(ledger: Ledger, world: World, known: StoredTransaction): boolean {
  if (world.time < 2 || known.of.tx.decision !== null) return false;
  const answer = ledger.answer(known.of, ledger.asks.expire, world.time);
  return answer.accepted && answer.need !== 'none';
}

const hasWork = (ledger: Ledger, world: World, known: StoredTransaction): boolean =>
  canExpire(ledger, world, known) || ledger.due(known.of, world.time).some((op) => op !== null);

function takeDriving(
  ledger: Ledger,
  world: World,
  durable: StoredTransaction,
  known: StoredTransaction,
  r: number,
  take: Take,
): void {
  const { calls } = at(world.replicas, r);
  const isStale = known.seq < durable.seq;
  if (isStale) take('free', looked(ledger, world, durable, r), at(NAMES, r), 'looks at the newest row');
  // A straggler that is not yet overtaken sends nothing that it could not have sent before it stalled.
  if (isStale || r === DRIVER || ledger.rules.bothDrive) takeSend(ledger, world, durable, known, r, take);
  if (canExpire(ledger, world, known))
    takeAsk(ledger, world, durable, known, r, ledger.asks.expire, calls, take);
}

function looked(ledger: Ledger, world: World, durable: StoredTransaction, r: number): World {
  const { calls, kept } = at(world.replicas, r);
  if (kept.length === 0) return settled(ledger, world, r, { known: durable });
  return asked(ledger, withReplica(world, r, { kept: [] }), durable, durable, r, kept, calls);
}

/** A straggler that knows that it was overtaken still hears what it asked for, on top of the newest row. */
function takeHearing(
  ledger: Ledger,
  world: World,
  durable: StoredTransaction,
  known: StoredTransaction,
  r: number,
  take: Take,
): void {
  const { calls } = at(world.replicas, r);
  const replies: Ask[] = [];
  let unheard = calls;
  for (let b = 0; b < calls.length; b++) {
    const call = at(calls, b);
    if (call === null || call.stage === 'request') continue;
    const reply = ledger.reply(b, call, call.stage);
    takeAsk(ledger, world, durable, known, r, reply, put(calls, b, null), take);
    replies.push(reply);
    unheard = put(unheard, b, null);
  }
  if (replies.length < 2) return;
  // Several replies in one save, in either order.
  for (const asks of [replies, replies.toReversed()]) {
    const words = asks.map((ask) => ask.words);
    take(
      'free',
      asked(ledger, world, durable, known, r, asks, unheard),
      at(NAMES, r),
      'hears at once',
      ...words,
    );
  }
}

// ── Sending ──────────────────────────────────────────────────────────────────────────────────────────────────

/** A try is judged again as it leaves: `due` is asked with the present time, however old the state is. */
function takeSend(
  ledger: Ledger,
  world: World,
  durable: StoredTransaction,
  known: StoredTransaction,
  r: number,
  take: Take,
): void {
  const before = at(world.replicas, r).calls;
  let calls = before;
  const due = ledger.due(known.of, world.time);
  for (let b = 0; b < due.length; b++) {
    const op = at(due, b);
    if (op === null || calls[b]) continue;
    demand('I9', durable.of.branchCodes[b] !== 0, `${op} is sent to a branch that is not durable`);
    const decision = durable.of.tx.decision?.decision ?? null;
    const { plan } = ledger.rules;
    if (plan !== null) checkSentBySaga(plan, world, b, op);
    else
      demand('I9', op === 'try' || decision === op, `${op} is sent, but the durable decision is ${decision}`);
    calls = put(calls, b, { op, stage: 'request', lateSuccessCount: at(known.of.lateSuccessCounts, b) });
  }
  if (calls !== before) take('free', withReplica(world, r, { calls }), at(NAMES, r), 'sends what is due');
}

// ── Hearing and saving ───────────────────────────────────────────────────────────────────────────────────────

/** One event is applied and saved; or the replica stalls between the two. */
function takeAsk(
  ledger: Ledger,
  world: World,
  durable: StoredTransaction,
  known: StoredTransaction,
  r: number,
  ask: Ask,
  calls: Replica['calls'],
  take: Take,
): void {
  take('free', asked(ledger, world, durable, known, r, [ask], calls), at(NAMES, r), 'hears', ask.words);
  if (r !== DRIVER) return;
  const stalled = stalledSave(ledger, world, known, ask, calls);
  if (!stalled) return;
  const next: World = { ...stalled, replicas: [idleReplica(calls.length), stalled.replicas[STRAGGLER]] };
  take('fault', next, 'the driver stalls as it saves', ask.words);
}

/** Someone computed a row from `known` and stands still before it is saved; null where there is none to stall. */
export function stalledSave(
  ledger: Ledger,
  world: World,
  known: StoredTransaction,
  ask: Ask,
  calls: Replica['calls'],
): World | null {
  if (world.left.stalls === 0 || !isIdle(world.replicas[STRAGGLER])) return null;
  const { need, of } = askAll(ledger, known.of, [ask], world.time);
  if (need === 'none') return null;
  const held = { base: known, saving: { seq: known.seq + 1, of }, ask };
  return withReplica(spend(world, 'stalls'), STRAGGLER, { known: null, calls, held });
}

function asked(
  ledger: Ledger,
  world: World,
  durable: StoredTransaction,
  known: StoredTransaction,
  r: number,
  asks: readonly Ask[],
  calls: Replica['calls'],
): World {
  const { kept } = at(world.replicas, r);
  const after = askAndSave(ledger, durable, known, asks, world.time);
  // Of the older state that it knows this changes nothing: it is kept, and heard again of the newer one.
  const late = asks.filter((ask) => ledger.isLateSuccess(known.of, ask));
  if (late.length > 0 && after.known.seq < durable.seq)
    return withReplica(world, r, { calls, kept: [...kept, ...late] });
  if (kept.length > 0 && after.known.seq !== known.seq)
    return asked(ledger, withReplica(world, r, { kept: [] }), durable, durable, r, [...kept, ...asks], calls);
  let owing = world;
  for (const ask of asks) owing = withOwedCancel(ledger, owing, durable, ask);
  const saved = after.durable === durable ? owing : { ...owing, durable: after.durable };
  return settled(ledger, saved, r, { known: after.known, calls });
}

function takeHeld(ledger: Ledger, world: World, durable: StoredTransaction, r: number, take: Take): void {
  const { held, calls } = at(world.replicas, r);
  if (!held) return;
  const free = withReplica(world, r, { held: null });
  const saved = save(durable, held.base, held.saving.of);
  const next = saved
    ? settled(ledger, withOwedCancel(ledger, { ...free, durable: saved }, durable, held.ask), r, {
        known: saved,
      })
    : asked(ledger, free, durable, durable, r, [held.ask], calls);
  const outcome = saved ? 'is accepted' : 'is refused, so it asks again';
  take('free', next, 'the held save for', held.ask.words, outcome);
}

/** A try or action heard to have succeeded when it was already undone: the participant is owed one more cancel. */
function withOwedCancel(ledger: Ledger, world: World, durable: StoredTransaction, ask: Ask): World {
  const { branch: b } = ask;
  const { decision, branches } = durable.of.tx;
  const one = ledger.rules.plan === null ? 'try' : 'action';
  if (
    b === null ||
    decision?.decision !== 'cancel' ||
    ask !== ledger.reply(b, { op: one, lateSuccessCount: 0 }, 200)
  )
    return world;
  const branch = branches.find(({ branchId }) => branchId === ledger.branchIds[b]);
  if (branch?.phaseTwo.reply !== 'succeeded' || branch.phaseOne.reply === 'succeeded') return world;
  const participant = { ...at(world.participants, b), owedCancel: true };
  return { ...world, participants: put(world.participants, b, participant) };
}

/** Who has no call outstanding and nothing to do lets go of the transaction; so does a straggler who knows all. */
export function settled(ledger: Ledger, world: World, r: number, change: Partial<Replica>): World {
  const replica = { ...at(world.replicas, r), ...change };
  const { known, calls } = replica;
  if (known === null) return withReplica(world, r, replica);
  const { bothDrive = false } = ledger.rules;
  const isOvertaken = r === STRAGGLER && known.seq === world.durable?.seq && !bothDrive;
  const isDone = calls.every((call) => call === null) && !hasWork(ledger, world, known);
  return withReplica(world, r, isOvertaken || isDone ? { ...replica, known: null } : replica);
}

// ── Crashing ─────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * It forgets everything, and what it had sent goes on without it. A crash that keeps some requests from leaving
 * is a crash and as many losses.
 */
function takeCrash(world: World, r: number, take: Take): void {
  if (world.left.crashes === 0) return;
  const { calls } = at(world.replicas, r);
  let crashed = withReplica(spend(world, 'crashes'), r, idleReplica(calls.length));
  calls.forEach((call, b) => {
    if (call?.stage === 'request') crashed = withStray(crashed, b, call);
  });
  take('fault', crashed, at(NAMES, r), 'crashes');
}
