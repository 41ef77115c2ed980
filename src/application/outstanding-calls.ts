/**
 * The calls of one transaction that this process has sent and not heard of: at most one for each branch, so that a
 * branch's cancel never overtakes this process's own try. A call ends by its time-out at the latest.
 *
 * A call that is held back, by the gate or because it could not leave this process, is no attempt; the branch is asked
 * for again when that may be over.
 *
 * A branch whose participant has recovered is resumed: it is called once, whatever its date. This is known to this process
 * only, and no row says so.
 */
import {
  branchReply,
  type GlobalTransaction,
  type Instant,
  isGivenUp,
  openCalls,
  type OpenCall,
  type Pending,
  type PendingCall,
  policyOf,
  type Replied,
} from '../domain/index.ts';
import { resolved } from '../definition/references.ts';
import type { CallGate, CallResult, Entered } from './call-gate.ts';
import type { Attempt } from './journal.ts';
import { endingNotice } from './ending-notice.ts';
import type { Chance, Observer, HttpAnswer, ParticipantClient, Time } from './ports.ts';
import { clockFault, refusalReason, withReason } from './refusal-reason.ts';
import { resultFault } from './results.ts';
import type { BaggageMemory } from './trace-context.ts';
import type { CallSpan, Tracer } from './tracing.ts';

/** A reply, and the attempt that it is the outcome of. */
export type ReceivedReply = { readonly reply: Replied; readonly attempt: Attempt };

/** When a transaction has something to do again; null for never. */
export type Check = Omit<Pending, 'calls'>;

export type CallTools = {
  readonly participants: ParticipantClient;
  readonly gate: CallGate;
  readonly time: Time;
  readonly chance: Chance;
  readonly observer: Observer;
  readonly tracer: Tracer;
  readonly baggage: BaggageMemory;
};

type Sent = {
  readonly durationMs: number;
  readonly span: CallSpan;
  readonly isProbe: boolean;
  /** Of its branch, as the call was sent. */
  readonly lateSuccessCount: number;
};

/** After this long a call that could not leave this process is tried again. */
const UNSENT_PAUSE_MS = 1000;

export class OutstandingCalls {
  readonly #tools: CallTools;
  readonly #onReply: (heard: ReceivedReply) => void;
  readonly #onDeferred: () => void;
  /** Null is the callback. */
  readonly #branchIds = new Set<string | null>();
  /** Branches whose call is not to be asked for again before. */
  readonly #heldUntil = new Map<string | null, Instant>();
  /** Participants that have recovered since calls were last sent. */
  readonly #recovered = new Set<string>();
  /** Branches that are called once more, whatever their dates. */
  readonly #resumed = new Set<string | null>();

  constructor(given: { tools: CallTools; onReply: (heard: ReceivedReply) => void; onDeferred: () => void }) {
    this.#tools = given.tools;
    this.#onReply = given.onReply;
    this.#onDeferred = given.onDeferred;
  }

  get count(): number {
    return this.#branchIds.size;
  }

  get isResuming(): boolean {
    return this.#resumed.size > 0;
  }

  /** Something waits for this participant, and this process knows of no call of it that may still succeed. */
  isWaitingFor(tx: GlobalTransaction, participant: string): boolean {
    return this.#waitingFor(tx, participant).length > 0;
  }

  /** The participant has recovered. A call that is under way may have been sent before: if it fails, it is repeated once. */
  resume(participant: string): void {
    this.#recovered.add(participant);
  }

  /** The branches that are due whatever their dates, for `pendingCalls`. */
  resumedIn(tx: GlobalTransaction): ReadonlySet<string | null> {
    if (this.#recovered.size === 0) return this.#resumed;
    const branchIds = [...this.#recovered].flatMap((participant) => this.#waitingFor(tx, participant));
    this.#recovered.clear();
    for (const branchId of branchIds) {
      this.#resumed.add(branchId);
      this.#heldUntil.delete(branchId);
    }
    return this.#resumed;
  }

  #waitingFor(tx: GlobalTransaction, participant: string): (string | null)[] {
    return openCalls(tx)
      .filter(({ to, call, branch }) => {
        const isUnderWay = this.#branchIds.has(idOf(branch));
        // What is accepted waits for the business, not for its participant.
        const isAtWork = call.acceptedAt !== null && call.reply === null;
        return to.participant === participant && !isAtWork && (call.reply === 'unknown' || !isUnderWay);
      })
      .map(({ branch }) => idOf(branch));
  }

  /** Sends each call whose branch has none under way; answers when to check again, also for those held back. */
  send(tx: GlobalTransaction, { calls, ...check }: Pending): Check {
    const idle = calls.filter(({ branchId }) => !this.#branchIds.has(branchId));
    for (const branchId of this.#resumed)
      if (!calls.some((call) => call.branchId === branchId)) this.#resumed.delete(branchId);
    const now = this.#tools.time.now().latest;
    const heldUntil = Math.min(...idle.map((call) => this.#sendOrHold(tx, call, now) ?? Infinity));
    if (heldUntil >= (check.checkAgainAt ?? Infinity)) return check;
    return { checkAgainAt: heldUntil, checkAgainFor: 'call' };
  }

  #sendOrHold(tx: GlobalTransaction, call: PendingCall, now: Instant): Instant | null {
    const heldUntil = this.#heldUntil.get(call.branchId) ?? 0;
    if (heldUntil > now) return heldUntil;
    const entry = this.#tools.gate.enter(call, this.#resumed.has(call.branchId));
    if (!entry.isAdmitted) {
      // It fails again: its next recovery resumes what waits.
      if (entry.why === 'circuit_open') this.#resumed.delete(call.branchId);
      return this.#hold(call.branchId, now + entry.againInMs);
    }
    this.#heldUntil.delete(call.branchId);
    this.#resumed.delete(call.branchId);
    void this.#send(tx, call, entry, now);
    return null;
  }

  #hold(branchId: string | null, until: Instant): Instant {
    this.#heldUntil.set(branchId, until);
    return until;
  }

  async #send(
    tx: GlobalTransaction,
    call: PendingCall,
    { leave, isProbe }: Entered,
    now: Instant,
  ): Promise<void> {
    const { time, participants, tracer } = this.#tools;
    const { gid } = tx;
    const { results, wanted, ...asked } = call;
    const sentAtMs = time.elapsedMs();
    const baggage = this.#tools.baggage.of(gid, now);
    const span = tracer.call(tx, call, { baggage, now });
    this.#branchIds.add(call.branchId);
    const httpAnswer = await span.run(() =>
      participants.call({
        ...asked,
        gid,
        ...span.context,
        payload: payloadOf(tx, call),
        isResultWanted: wanted.length > 0,
      }),
    );
    this.#branchIds.delete(call.branchId);
    if (httpAnswer.isUnsent) {
      span.end(null);
      leave('silent');
      this.#hold(call.branchId, time.now().latest + UNSENT_PAUSE_MS);
      this.#onDeferred();
      return;
    }
    const durationMs = Math.round(time.elapsedMs() - sentAtMs);
    const said = replyTo(tx, call, httpAnswer, time.now().latest);
    const isRecovered = said.reply !== 'unknown' && wasGivenUp(tx, call);
    leave(isRecovered ? 'recovered' : resultOf(httpAnswer, call, durationMs), httpAnswer);
    const lateSuccessCount = lateSuccessCountOf(tx, call);
    this.#receive(call, httpAnswer, said, { durationMs, span, isProbe, lateSuccessCount });
  }

  #receive(
    call: PendingCall,
    { httpStatus, retryAfterMs, errorBody }: HttpAnswer,
    { reply, answer, result, error }: ReturnType<typeof replyTo>,
    { durationMs, span, isProbe, lateSuccessCount }: Sent,
  ): void {
    const { time, chance, observer } = this.#tools;
    const { branchId, op, participant } = call;
    const now = time.now();
    span.end({ reply, httpStatus, error: httpStatus === null ? answer : null });
    observer.called({ participant, op, reply, durationMs, sampledTraceId: span.sampledTraceId });
    this.#onReply({
      reply: {
        type: 'replied',
        branchId,
        op,
        reply,
        result,
        answer,
        durationMs,
        retryAfterMs,
        ...(isProbe && { isProbe }),
        lateSuccessCount,
        chance: chance.draw(),
        now,
      },
      attempt: {
        branchId,
        op,
        at: now.latest,
        durationMs,
        httpStatus,
        reply,
        ...(error !== null && { error }),
        ...(errorBody !== undefined && { errorBody }),
      },
    });
  }
}

const lateSuccessCountOf = ({ branches }: GlobalTransaction, call: PendingCall): number =>
  branches.find(({ branchId }) => branchId === call.branchId)?.lateSuccessCount ?? 0;

const idOf = (branch: OpenCall['branch']): string | null => branch?.branchId ?? null;

/** The call was made about hourly when it was sent, for want of an answer. */
function wasGivenUp(tx: GlobalTransaction, { branchId, attempt }: PendingCall): boolean {
  if (attempt === 1) return false;
  const open = openCalls(tx).find(({ branch }) => idOf(branch) === branchId);
  return open !== undefined && isGivenUp(open.call, open.branch ? policyOf(tx, open.branch) : tx.policy);
}

/** References are resolved as the payload is sent: what they are to is durable then, and never changes. */
const payloadOf = (tx: GlobalTransaction, { payload, results }: PendingCall): string => {
  if (payload === null) return endingNotice(tx);
  return results === null ? payload : resolved(payload, results);
};

/** The reply that an HTTP answer means. A success whose result cannot be used is unknown, and the call is repeated. */
function replyTo(
  { decision }: GlobalTransaction,
  { op, wanted, deadlineAt }: PendingCall,
  { httpStatus, answer, body, isText }: HttpAnswer,
  now: Instant,
) {
  const said = branchReply(op, httpStatus);
  // What is called after the decision has no reason to refuse.
  const reply = said === 'refused' && decision !== null ? 'unknown' : said;
  const why = said === 'refused' && body !== undefined ? body : null;
  const wrongClock = why === null ? null : clockFault(why, deadlineAt - now);
  if (wrongClock !== null)
    return { reply, answer: `${answer}, ${wrongClock}`, result: null, error: wrongClock };
  const reason = why === null ? null : refusalReason(why, isText);
  if (reason !== null) return { reply, answer: withReason(answer, reason), result: null, error: reason };
  const error = httpStatus === null ? answer : null;
  if (reply !== 'succeeded' || wanted.length === 0) return { reply, answer, result: null, error };
  const fault = resultFault(body ?? null, wanted);
  if (fault === null) return { reply, answer, result: body ?? null, error };
  return { reply: 'unknown', answer: `${answer}, but ${fault}`, result: null, error: fault } as const;
}

/** Statuses of a participant, or of a proxy before it, that cannot serve anybody now. */
const UNABLE: readonly number[] = [429, 502, 503, 504];
/** A call that was given less time than this, and took all of it, says more of its caller than of the participant. */
const TELLING_MS = 1000;

/**
 * What a call says of its participant as a whole. A refusal is work done, and so is an error of its own: it may come of
 * this one branch.
 */
function resultOf({ httpStatus }: HttpAnswer, { timeoutMs }: PendingCall, durationMs: number): CallResult {
  if (httpStatus !== null) return UNABLE.includes(httpStatus) ? 'failed' : 'answered';
  const hadNoTime = timeoutMs < TELLING_MS && durationMs >= timeoutMs;
  return hadNoTime ? 'silent' : 'failed';
}
