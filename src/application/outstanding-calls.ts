/**
 * The calls of one transaction that this process has sent and not heard of: at most one for each branch, so that a
 * branch's cancel never overtakes this process's own try. A call ends by its time-out at the latest.
 *
 * A call that is held back, by the gate or because it could not leave this process, is no attempt; the branch is asked
 * for again when that may be over.
 */
import {
  branchReply,
  type GlobalTransaction,
  type Instant,
  type Pending,
  type PendingCall,
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

  constructor(given: { tools: CallTools; onReply: (heard: ReceivedReply) => void; onDeferred: () => void }) {
    this.#tools = given.tools;
    this.#onReply = given.onReply;
    this.#onDeferred = given.onDeferred;
  }

  get count(): number {
    return this.#branchIds.size;
  }

  /** Sends each call whose branch has none under way; answers when to check again, also for those held back. */
  send(tx: GlobalTransaction, { calls, ...check }: Pending): Check {
    const idle = calls.filter(({ branchId }) => !this.#branchIds.has(branchId));
    const now = this.#tools.time.now().latest;
    const heldUntil = Math.min(...idle.map((call) => this.#sendOrHold(tx, call, now) ?? Infinity));
    if (heldUntil >= (check.checkAgainAt ?? Infinity)) return check;
    return { checkAgainAt: heldUntil, checkAgainFor: 'call' };
  }

  #sendOrHold(tx: GlobalTransaction, call: PendingCall, now: Instant): Instant | null {
    const heldUntil = this.#heldUntil.get(call.branchId) ?? 0;
    if (heldUntil > now) return heldUntil;
    const entry = this.#tools.gate.enter(call);
    if (!entry.isAdmitted) return this.#hold(call.branchId, now + entry.againInMs);
    this.#heldUntil.delete(call.branchId);
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
    leave(resultOf(httpAnswer, call, durationMs));
    this.#receive(tx, call, httpAnswer, { durationMs, span, isProbe });
  }

  #receive(
    tx: GlobalTransaction,
    call: PendingCall,
    httpAnswer: HttpAnswer,
    { durationMs, span, isProbe }: { durationMs: number; span: CallSpan; isProbe: boolean },
  ): void {
    const { time, chance, observer } = this.#tools;
    const { branchId, op, participant } = call;
    const { httpStatus, retryAfterMs } = httpAnswer;
    const now = time.now();
    const { reply, answer, result, error } = replyTo(tx, call, httpAnswer, now.latest);
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
      },
    });
  }
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
