/**
 * What clients ask for: the initiator, and a person. Each may fall silent at any moment, so nothing that is
 * left to them keeps a world from being quiescent.
 */
import type { Decision } from '../../src/domain/global-transaction.ts';
import { askAndSave } from './journal.ts';
import type { Judgement, Ask, StoredTransaction, Ledger } from './ledger.ts';
import { canExpire, settled, stalledSave } from './replica.ts';
import type { Take } from './world-steps.ts';
import { demand } from './violation.ts';
import {
  at,
  type Call,
  DRIVER,
  type Initiator,
  isIdle,
  put,
  type Registered,
  STRAGGLER,
  spend,
  type World,
} from './world.ts';

export function initiatorSteps(ledger: Ledger, world: World, take: Take): void {
  const { durable } = world;
  if (durable === null) {
    takeBegin(ledger, world, take);
    return;
  }
  if (ledger.rules.mode === 'interactive') takePhaseOne(ledger, world, durable, take);
  takeDecision(ledger, world, durable, take);
  if (durable.of.isParked && world.left.retries > 0) {
    const retried = spend(world, 'retries');
    takeRequest(ledger, retried, durable, ledger.asks.retry, take, (next) => next);
  }
  // Questions whose answer changes nothing; they are asked for the refusals, and checked by the ledger.
  for (const ask of ledger.asks.strange) ledger.answer(durable.of, ask, world.time);
  for (const ask of ledger.asks.completions) ledger.answer(durable.of, ask, world.time);
  if (!canExpire(ledger, world, durable)) ledger.answer(durable.of, ledger.asks.expire, world.time);
  if (durable.of.isFinished) ledger.answer(durable.of, ledger.asks.retry, world.time);
}

/** In declared transactions the replica that began it also drives it. */
function takeBegin(ledger: Ledger, world: World, take: Take): void {
  ledger.askNothing();
  const answer = ledger.begin();
  if (!answer.accepted) throw new Error(`begin was refused: ${answer.code}`);
  const known = { seq: 1, of: answer.of };
  take('free', settled(ledger, { ...world, durable: known }, 0, { known }), 'the transaction begins');
}

// ── Phase one, interactive ───────────────────────────────────────────────────────────────────────────────────

function takePhaseOne(ledger: Ledger, world: World, durable: StoredTransaction, take: Take): void {
  const { branches, calls } = world.initiator;
  branches.forEach((registered, b) => {
    const call = calls[b] ?? null;
    if (call) takeTryEnd(world, b, call, take);
    else if (registered === 'yes') {
      demand('I9', durable.of.branchCodes[b] !== 0, 'a try is sent before its registration is durable');
      const sent = put(calls, b, { op: 'try', stage: 'request', lateSuccessCount: 0 } as const);
      take('client', withInitiator(world, { calls: sent }), 'the initiator sends try', b);
    } else if (registered === 'no')
      takeRequest(ledger, world, durable, at(ledger.asks.register, b), take, (next, answer) =>
        answer.accepted ? withBranch(next, b, 'yes') : next,
      );
  });
}

/** A try without a clear answer may be sent again. */
function takeTryEnd(world: World, b: number, call: Call, take: Take): void {
  const ended = withInitiator(world, { calls: put(world.initiator.calls, b, null) });
  const outcome: Registered = call.stage === 200 ? 'tried' : call.stage === 409 ? 'refused' : 'yes';
  if (call.stage !== 'request')
    take('client', withBranch(ended, b, outcome), 'the initiator hears try', b, call.stage);
}

// ── The decision ─────────────────────────────────────────────────────────────────────────────────────────────

/** Confirm when every try succeeded; cancel at any time. SavedRequest again, or the opposite, the truth is answered. */
function takeDecision(ledger: Ledger, world: World, durable: StoredTransaction, take: Take): void {
  const isDeclared = ledger.rules.mode === 'declared';
  const isDecided = durable.of.tx.decision !== null;
  const mayConfirm =
    isDeclared || isDecided || world.initiator.branches.every((branch) => branch === 'tried');
  if (mayConfirm) takeRequest(ledger, world, durable, ledger.asks.confirm, take, (next) => next);
  takeRequest(ledger, world, durable, ledger.asks.cancel, take, (next) => next);
}

// ── Requests ─────────────────────────────────────────────────────────────────────────────────────────────────

type Hear = (world: World, answer: Judgement) => World;

/**
 * Any replica may be asked: the driver or the straggler, who answer from what they know, or a third that looks
 * at the newest row and drives only where nobody does. The answer is heard, or it is lost.
 */
export function takeRequest(
  ledger: Ledger,
  world: World,
  durable: StoredTransaction,
  ask: Ask,
  take: Take,
  hear: Hear,
): void {
  const isDriven = !isIdle(world.replicas[DRIVER]);
  const guest = { base: durable, r: isDriven ? null : DRIVER };
  const askedOnes: { base: StoredTransaction; r: number | null }[] = [guest];
  world.replicas.forEach(({ known, kept }, r) => {
    if (known !== null && kept.length === 0) askedOnes.push({ base: known, r });
  });
  for (const { base, r } of askedOnes) {
    const after = askAndSave(ledger, durable, base, [ask], world.time);
    checkAnswer(after.durable, after.last);
    const saved = after.durable === durable ? world : { ...world, durable: after.durable };
    const isNews = after.known !== base;
    const answered = isNews && r !== null ? settled(ledger, saved, r, { known: after.known }) : saved;
    const heard = hear(answered, after.last);
    if (heard !== world) take('client', heard, 'a replica answers', ask.words);
    if (heard !== answered && world.left.losses > 0)
      take('fault', spend(answered, 'losses'), 'the answer to', ask.words, 'is lost');
  }
  // The client of a stalled save hears nothing.
  const stalled = stalledSave(ledger, world, durable, ask, world.replicas[STRAGGLER].calls);
  if (stalled) take('fault', stalled, 'a replica stalls as it saves', ask.words);
}

/** A decision that an answer names is the durable one; an answer from an older state may name none. */
function checkAnswer(durable: StoredTransaction, answer: Judgement): void {
  const decision = durable.of.tx.decision?.decision ?? null;
  const named = decisionNamedBy(answer);
  demand(
    'I3',
    named === null || named === decision,
    `told ${named}, but the durable decision is ${decision}`,
  );
  const isWished = decision !== null || durable.of.tx.cancelAskedAt !== null;
  demand(
    'I3',
    answer.accepted || answer.code !== 'pivot_in_flight' || isWished,
    'a wish to cancel was not kept',
  );
}

function decisionNamedBy(answer: Judgement): Decision | null {
  if (answer.accepted) return answer.of.tx.decision?.decision ?? null;
  if (answer.code === 'decided_confirm') return 'confirm';
  return answer.code === 'decided_cancel' ? 'cancel' : null;
}

// ── Pieces ───────────────────────────────────────────────────────────────────────────────────────────────────

const withInitiator = (world: World, change: Partial<Initiator>): World => ({
  ...world,
  initiator: { ...world.initiator, ...change },
});

const withBranch = (world: World, b: number, registered: Registered): World =>
  withInitiator(world, { branches: put(world.initiator.branches, b, registered) });
