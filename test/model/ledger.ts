/**
 * Every state of the transaction that an exploration meets, each once, with what the real `transition` and
 * `pendingCalls` say of it. Two states are one here when nothing that can still happen tells them apart.
 *
 * Left out of that comparison: instants, but for "not yet due when written" (jitter is 0, so all else is due at
 * once); how often a call was made, where the retry budget is out of reach of the faults; texts that only people
 * read; whether an unsettled call of a decided transaction was ever answered; and polling, which is not stored.
 */
import { branchReply } from '../../src/domain/branch-reply.ts';
import {
  type Branch,
  type Call as BranchCall,
  type GlobalTransaction,
  type Instant,
  isFinished,
  isParked,
  isPhaseOne,
  isSettled,
  type Mode,
} from '../../src/domain/global-transaction.ts';
import { pendingCalls } from '../../src/domain/pending-calls.ts';
import { MIN_ATTEMPTS } from '../../src/domain/retry-policy.ts';
import { type SaveNeed, saveNeed } from '../../src/domain/save-need.ts';
import { type Event, type Rejection, transition } from '../../src/domain/transition.ts';
import { checkLater, checkPending, checkTransition } from './invariants.ts';
import type { Completion } from './participant.ts';
import { interchangeable, mayHaveRun, type Plan, resultOf } from './saga-plan.ts';
import { CALLS_TO_PARK } from '../support/transactions.ts';
import { at, type BranchOp, type Call, nowAt, TIMEOUT_MS, type Time } from './world.ts';

/** Where a call is: on its way, lost, or coming back with an HTTP status. */
export type Stage = 'request' | 'lost' | 200 | 202 | 404 | 409 | 503;

/** A state of the transaction, with what was worked out of it. */
export type Snapshot = {
  readonly tx: GlobalTransaction;
  /** For canonical keys: one small number for the head, one for each branch (0 where it is not registered). */
  readonly head: number;
  readonly branchCodes: readonly number[];
  /** The same for a decided transaction of which no try can be heard any more: late ones cannot matter. */
  readonly triesOverCodes: readonly number[];
  /** The same for a replica that knows no better: each of its saves is lost, so only what it would send matters. */
  readonly staleCodes: readonly number[];
  /** By branch: phase two succeeded. */
  readonly settled: readonly boolean[];
  readonly lateSuccessCounts: readonly number[];
  readonly isFinished: boolean;
  readonly isParked: boolean;
  /** By time: the op that is due of each branch, or null. */
  readonly due: (readonly (BranchOp | null)[] | undefined)[];
  readonly answers: (Judgement | undefined)[];
  isTimeless?: boolean;
  isDueLater?: boolean;
};

/** A durable state: the snapshot in journal row `seq`. */
export type StoredTransaction = { readonly seq: number; readonly of: Snapshot };

/** An event but for its moment. */
export type Ask = {
  readonly number: number;
  readonly branch: number | null;
  readonly words: string;
  readonly event: (time: Time) => Event;
};

export type Judgement =
  | {
      readonly accepted: true;
      /** Of the state that it leads to, where the one before it is durable. */
      readonly need: SaveNeed;
      readonly of: Snapshot;
    }
  | {
      readonly accepted: false;
      readonly code: Rejection;
      /** The state with the wish that was refused; null where there is nothing to keep. */
      readonly noted: { readonly need: SaveNeed; readonly of: Snapshot } | null;
    };

/** What a call was sent as. */
type Sent = Pick<Call, 'op' | 'lateSuccessCount'>;

const BRANCH_IDS = ['a', 'b', 'c'];
const OPS = {
  tcc: { one: 'try', two: ['confirm', 'cancel'] },
  saga: { one: 'action', two: ['compensate'] },
} as const;
const ANSWERS = ['lost', 200, 202, 404, 409, 503] as const;

/** No exploration has faults enough to park a branch, and none lasts as long as the poll budget. */
export const OUT_OF_REACH = CALLS_TO_PARK;
const NEVER_SPENT_MS = 10 ** 9;
/** All that is not parked is due at once, and each attempt but the first spends 1 ms. */
const DELAYS = { firstDelayMs: 1, maxDelayMs: 1 };

export type LedgerRules = {
  readonly mode: Mode;
  readonly branchCount: number;
  /** So many calls without an answer park a branch: those before them, which parking takes as well, are taken as made. */
  readonly retryBudget: number;
  /** Of a saga; null in a tcc. */
  readonly plan: Plan | null;
  /** A replica that was overtaken and learns it drives on beside the other; else it lets go, as it does unless told so. */
  readonly bothDrive?: boolean;
};

export class Ledger {
  readonly rules: LedgerRules;
  readonly branchIds: readonly string[];
  /** Of a saga: groups of steps that may change places. */
  readonly alike: readonly (readonly number[])[] | null;
  readonly asks: {
    readonly begin: Ask;
    readonly confirm: Ask;
    readonly cancel: Ask;
    readonly expire: Ask;
    readonly retry: Ask;
    readonly register: readonly Ask[];
    /** Each that a participant may send, and each that it must not. */
    readonly completions: readonly Ask[];
    readonly strange: readonly Ask[];
  };
  /** What was met: rejections, and the edges of the state graph. */
  readonly rejections = new Set<Rejection>();
  readonly edges = new Set<string>();
  readonly #replies = new Map<string, Ask>();
  readonly #completions = new Map<string, Ask>();
  readonly #snapshots = new Map<string, Snapshot>();
  readonly #codes = new Map<string, number>();
  #askCount = 0;

  constructor(rules: LedgerRules) {
    this.rules = rules;
    this.branchIds =
      rules.plan?.steps.map(({ branchId }) => branchId) ?? BRANCH_IDS.slice(0, rules.branchCount);
    this.alike = rules.plan && interchangeable(rules.plan);
    this.asks = this.#clientAsks();
  }

  get #ops() {
    return OPS[this.rules.plan === null ? 'tcc' : 'saga'];
  }

  get #allOps(): readonly BranchOp[] {
    return [this.#ops.one, ...this.#ops.two];
  }

  /** What the sender of a call makes of its end. */
  reply(branch: number, { op, lateSuccessCount }: Sent, stage: Stage): Ask {
    // What was sent first makes a difference in phase two only.
    const sent = { op, lateSuccessCount: isPhaseOne(op) ? 0 : lateSuccessCount };
    const key = `${branch}${op}${sent.lateSuccessCount}${stage}`;
    const known = this.#replies.get(key);
    if (known) return known;
    const ask = this.#reply(branch, sent, stage);
    this.#replies.set(key, ask);
    return ask;
  }

  /** What a participant tells of work that it had accepted. */
  completion(branch: number, { op, reply }: Completion): Ask {
    const key = `${branch}${op}${reply}`;
    const known = this.#completions.get(key);
    if (known) return known;
    const ask = this.#complete(branch, { op, reply });
    this.#completions.set(key, ask);
    return ask;
  }

  /** Of a saga that is cancelled. */
  isLateSuccess({ tx }: Snapshot, ask: Ask): boolean {
    if (this.rules.plan === null || tx.decision?.decision !== 'cancel' || ask.branch === null) return false;
    return ask === this.reply(ask.branch, { op: 'action', lateSuccessCount: 0 }, 200);
  }

  begin(): Judgement {
    return this.#answer(null, this.asks.begin, 0);
  }

  /** A confirm of a transaction that never began. */
  askNothing(): Judgement {
    return this.#answer(null, this.asks.confirm, 0);
  }

  answer(snapshot: Snapshot, ask: Ask, time: Time): Judgement {
    const slot = ask.number * 4 + time;
    const known = snapshot.answers[slot];
    if (known) return known;
    const answer = this.#answer(snapshot, ask, time);
    snapshot.answers[slot] = answer;
    return answer;
  }

  /** Whether each question gets the same answer before the deadline and after it, as `transition` gives them. */
  isTimeless(snapshot: Snapshot): boolean {
    snapshot.isTimeless ??= this.#questions(snapshot.tx).every((ask) => {
      const before = this.answer(snapshot, ask, 0);
      const after = this.answer(snapshot, ask, 2);
      if (!before.accepted || !after.accepted)
        return !before.accepted && !after.accepted && before.code === after.code;
      return before.of === after.of && before.need === after.need;
    });
    return snapshot.isTimeless;
  }

  /** All that clients ask, and every reply that a decided transaction can get. */
  #questions(tx: GlobalTransaction): readonly Ask[] {
    const { confirm, cancel, expire, retry, register, completions, strange } = this.asks;
    const replies = tx.branches.flatMap(({ branchId, lateSuccessCount }) => {
      const b = this.branchIds.indexOf(branchId);
      return this.#requestedBranchOf(tx, b).flatMap((op) =>
        ANSWERS.map((stage) => this.reply(b, { op, lateSuccessCount }, stage)),
      );
    });
    return [confirm, cancel, expire, retry, ...register, ...completions, ...strange, ...replies];
  }

  /** The ops of a branch that somebody may have sent. */
  #requestedBranchOf({ decision, branches }: GlobalTransaction, b: number): readonly BranchOp[] {
    const { plan } = this.rules;
    if (plan === null) return decision ? ['try', decision.decision] : ['try'];
    if (!mayHaveRun(plan, branches)[b]) return [];
    return decision?.decision === 'cancel' && at(plan.steps, b).isCompensated
      ? ['action', 'compensate']
      : ['action'];
  }

  due(snapshot: Snapshot, time: Time): readonly (BranchOp | null)[] {
    const known = snapshot.due[time];
    if (known) return known;
    const pending = pendingCalls(snapshot.tx, nowAt(time));
    checkPending(this.rules.plan, snapshot.tx, pending, nowAt(time));
    const opOf = (id: string) => pending.calls.find(({ branchId }) => branchId === id)?.op ?? null;
    const due = this.branchIds.map(opOf).filter((op) => op !== 'notify');
    snapshot.due[time] = due;
    return due;
  }

  /** Something will be due that is not due yet: what is parked is called about hourly. */
  isDueLater(snapshot: Snapshot): boolean {
    const now = nowAt(2);
    snapshot.isDueLater ??= (pendingCalls(snapshot.tx, now).checkAgainAt ?? 0) > now.latest;
    return snapshot.isDueLater;
  }

  /** A small number for a text, the same one each time: canonical keys are made of these. */
  code(text: string): number {
    const known = this.#codes.get(text);
    if (known !== undefined) return known;
    const code = this.#codes.size + 1;
    this.#codes.set(text, code);
    return code;
  }

  #answer(before: Snapshot | null, ask: Ask, time: Time): Judgement {
    const event = ask.event(time);
    const verdict = transition(before?.tx ?? null, event);
    checkTransition(this.rules.plan, before?.tx ?? null, event, verdict);
    if (!verdict.accepted) {
      const { accepted, code, noted } = verdict;
      this.rejections.add(code);
      if (noted === undefined) return { accepted, code, noted: null };
      const kept = this.#stored(noted);
      const need = saveNeed(before?.tx ?? null, kept);
      return { accepted, code, noted: { need, of: this.#snapshot(kept) } };
    }
    if (before) this.edges.add(`${before.tx.status} → ${verdict.tx.status}`);
    if (verdict.tx === before?.tx) return { accepted: true, need: 'none', of: before };
    const tx = this.#stored(verdict.tx);
    const need = saveNeed(before?.tx ?? null, tx);
    if (before && need === 'later') checkLater(this.rules.plan, before.tx, tx);
    return { accepted: true, need, of: this.#snapshot(tx) };
  }

  /**
   * As another replica reads it: polling is stored nowhere. Where parking is in reach, most attempts were made before; else so many
   * that the next one with the same answer is only counted.
   */
  #stored(tx: GlobalTransaction): GlobalTransaction {
    const fewestOf = ({ reply }: BranchCall) =>
      this.#counts ? CALLS_TO_PARK - this.rules.retryBudget : reply === 'unknown' ? MIN_ATTEMPTS : 0;
    const stored = (call: BranchCall): BranchCall => ({
      ...call,
      ongoing: null,
      dueAt: sameWhenever(call.dueAt),
      attemptCount: isSettled(call) ? call.attemptCount : Math.max(call.attemptCount, fewestOf(call)),
    });
    const branches = tx.branches.map((branch) => ({
      ...branch,
      phaseOne: stored(branch.phaseOne),
      phaseTwo: stored(branch.phaseTwo),
    }));
    return { ...tx, branches };
  }

  get #counts(): boolean {
    return this.rules.retryBudget < OUT_OF_REACH;
  }

  #snapshot(tx: GlobalTransaction): Snapshot {
    const head = this.code(`${tx.status} ${tx.finishedAt !== null}${pivotText(tx)}`);
    const codes = this.branchIds.map((id) => {
      const branch = tx.branches.find(({ branchId }) => branchId === id);
      if (!branch) return { whole: 0, triesOver: 0, stale: 0 };
      return branch.step === null ? this.#branchCodes(tx, branch) : this.#stepCodes(tx, branch);
    });
    const branchCodes = codes.map(({ whole }) => whole);
    const key = `${head} ${branchCodes.join(' ')}`;
    const known = this.#snapshots.get(key);
    if (known) return known;
    const snapshot: Snapshot = {
      tx,
      head,
      branchCodes,
      triesOverCodes: codes.map(({ triesOver }) => triesOver),
      staleCodes: codes.map(({ stale }) => stale),
      settled: this.branchIds.map((id) => isDone(tx, id)),
      lateSuccessCounts: this.branchIds.map((id) => lateSuccessCountOf(tx, id)),
      isFinished: isFinished(tx),
      isParked: isParked(tx),
      due: [],
      answers: [],
    };
    this.#snapshots.set(key, snapshot);
    return snapshot;
  }

  #branchCodes(tx: GlobalTransaction, { phaseOne, phaseTwo, lateSuccessCount }: Branch) {
    const two = this.#callText(phaseTwo);
    const one = tx.decision ? phaseOne.reply : callText(phaseOne);
    return {
      whole: this.code(`${one === 'unknown' ? null : one} ${two} ${lateSuccessCount}`),
      triesOver: this.code(`${one === 'refused' ? one : null} ${two.replace(' waits', '')}`),
      stale: this.code(tx.decision ? `stale ${two}` : `stale ${one}`),
    };
  }

  /** Whether an action succeeded says what else may have run, so it matters as long as the transaction does. */
  #stepCodes({ decision }: GlobalTransaction, { phaseOne, phaseTwo, lateSuccessCount, result }: Branch) {
    const one = phaseOne.reply === 'succeeded' ? `succeeded ${result}` : this.#callText(phaseOne);
    const isCancelled = decision?.decision === 'cancel';
    const text = isCancelled
      ? `${phaseOne.reply === 'succeeded' ? one : null} ${this.#callText(phaseTwo)} ${lateSuccessCount}`
      : one;
    const whole = this.code(text.replace(/unknown(?! accepted)/, 'null'));
    return { whole, triesOver: whole, stale: whole };
  }

  /** Where budgets are in reach: how much of them is spent, too. */
  #callText(call: BranchCall): string {
    if (!this.#counts) return callText(call);
    return `${callText(call)} ${Math.min(call.attemptCount, CALLS_TO_PARK)} ${call.acceptedAt}`;
  }

  // ── What can be asked ──────────────────────────────────────────────────────────────────────────────────────

  #clientAsks() {
    const { mode, plan } = this.rules;
    const budgetMs = this.#counts ? 1 : NEVER_SPENT_MS;
    const spec = (branchId: string, bodyHash = branchId) => ({
      branchId,
      participant: 'stock',
      activity: 'reserve',
      payload: '{}',
      bodyHash,
      policy: null,
      step: plan?.steps.find((step) => step.branchId === branchId) ?? null,
    });
    const begun = (bodyHash: string) => (time: Time) => ({
      type: 'begun' as const,
      gid: 'g',
      pattern: plan === null ? ('tcc' as const) : ('saga' as const),
      mode,
      name: null,
      businessKey: null,
      bodyHash,
      traceparent: null,
      tracestate: null,
      timeoutMs: TIMEOUT_MS,
      policy: {
        callTimeoutMs: 10,
        retry: { ...DELAYS, budgetMs },
        poll: { ...DELAYS, budgetMs },
        maxRetryAfterMs: 0,
      },
      callback: null,
      branches: mode === 'declared' ? this.branchIds.map((id) => spec(id)) : [],
      now: nowAt(time),
    });
    const confirm = (words: string, branchIds: readonly string[] | null) =>
      this.#ask(words, null, (time) => ({ type: 'confirmRequested', branchIds, now: nowAt(time) }));
    const plain = (type: 'cancelRequested' | 'deadlinePassed') =>
      this.#ask(type, null, (time) => ({ type, now: nowAt(time) }));
    const register = (id: string, b: number, bodyHash = id) =>
      this.#ask(`branch ${id} is registered`, b, (time) => ({
        type: 'branchRegistered',
        branch: spec(id, bodyHash),
        now: nowAt(time),
      }));
    return {
      begin: this.#ask('begun', null, begun('same')),
      confirm: confirm('confirmRequested', null),
      cancel: plain('cancelRequested'),
      expire: plain('deadlinePassed'),
      retry: this.#ask('retryRequested', null, (time) => ({
        type: 'retryRequested',
        participant: null,
        now: nowAt(time),
      })),
      register: this.branchIds.map((id, b) => register(id, b)),
      completions: this.branchIds.flatMap((_id, b) =>
        this.#allOps.flatMap((op) =>
          (['succeeded', 'refused'] as const).map((reply) => this.completion(b, { op, reply })),
        ),
      ),
      strange: [
        this.#ask('begun with another body', null, begun('other')),
        register(at(this.branchIds, 0), 0, 'other'),
        confirm('confirmRequested for other branches', ['another']),
        this.#complete(this.branchIds.length, { op: this.#ops.one, reply: 'succeeded' }),
      ],
    };
  }

  #reply(branch: number, { op, lateSuccessCount }: Sent, stage: Stage): Ask {
    const branchId = at(this.branchIds, branch);
    const reply = branchReply(op, typeof stage === 'number' ? stage : null);
    return this.#ask(`${op} ${branchId} → ${stage === 'lost' ? 'timed out' : stage}`, branch, (time) => ({
      type: 'replied',
      branchId,
      op,
      reply,
      result: isPhaseOne(op) && reply === 'succeeded' ? resultOf(branchId) : null,
      answer: String(stage),
      durationMs: 0,
      retryAfterMs: null,
      ...(!isPhaseOne(op) && { lateSuccessCount }),
      chance: 0,
      now: nowAt(time),
    }));
  }

  #complete(branch: number, { op, reply }: Completion): Ask {
    const branchId = this.branchIds[branch] ?? 'unknown';
    const result = op === 'action' && reply === 'succeeded' ? resultOf(branchId) : null;
    return this.#ask(`${op} ${branchId} is completed: ${reply}`, branch, (time) => ({
      type: 'completed',
      branchId,
      op,
      reply,
      result,
      answer: 'completed',
      now: nowAt(time),
    }));
  }

  #ask(words: string, branch: number | null, event: (time: Time) => Event): Ask {
    return { number: this.#askCount++, branch, words, event };
  }
}

const lateSuccessCountOf = ({ branches }: GlobalTransaction, id: string): number =>
  branches.find(({ branchId }) => branchId === id)?.lateSuccessCount ?? 0;

const isDone = (tx: GlobalTransaction, id: string): boolean =>
  tx.branches.some(({ branchId, phaseTwo }) => branchId === id && phaseTwo.reply === 'succeeded');

/** Empty in a tcc. A wish to cancel is checked as it is asked, and while only the pivot can decide. */
const pivotText = ({ decision, pivotStartedAt, cancelAskedAt }: GlobalTransaction): string =>
  `${pivotStartedAt === null ? '' : ' pivot'}${decision === null && cancelAskedAt !== null ? ' wished' : ''}`;

/** The same whenever it was written: due at once, due once the doubtful moment is over, due hours later. */
function sameWhenever(dueAt: Instant): Instant {
  if (dueAt === nowAt(1).latest || dueAt > nowAt(3).latest) return dueAt;
  return dueAt > nowAt(2).latest && dueAt !== nowAt(3).latest ? nowAt(3).earliest - 1 : nowAt(0).latest;
}

/** Not yet due when written: the doubtful moment around the deadline writes such calls, and so does parking. */
function callText({ reply, dueAt, parkedAt, acceptedAt }: BranchCall): string {
  const waits = reply !== 'succeeded' && dueAt === nowAt(1).latest;
  const isLater = reply !== 'succeeded' && dueAt > nowAt(2).latest;
  const later = isLater ? (dueAt > nowAt(3).latest ? ' much later' : ' later') : '';
  const accepted = acceptedAt === null ? '' : ' accepted';
  return `${reply}${accepted}${waits ? ' waits' : ''}${later}${parkedAt === null ? '' : ' parked'}`;
}
