/**
 * What can go wrong for an initiator, a class each. What a class says is certain; what is not known says so.
 *
 *   TransactionCancelled    decided: cancel. Nothing of it takes effect
 *     TransactionTimedOut   … because its deadline passed
 *   TransactionDiverged     a branch waits for an operator; decided, unless it is the pivot of a saga
 *   OutcomeUnknown          it may be decided either way: ask again, and take it for neither
 *   CoordinatorUnavailable  nothing was tried; run it again with the same key
 *   RequestRejected         the request is at fault
 *   TryRefused, TryUnknown, TryNotSent   one try, inside of `run`: the transaction can then only be cancelled
 *   ActionRefused           the step whose refusal cancelled a saga, as the `refusal` of its TransactionCancelled
 *
 * Messages quote with “ and ” what others say: a log keeps a message up to its first quote, and so none of their values.
 */
import type { Decision, Status, TransactionView } from '../../../src/wire/index.ts';

type ErrorParts = {
  readonly code: string;
  readonly gid: string | null;
  readonly advice: string;
  readonly cause?: unknown;
};

export abstract class TercetError extends Error {
  /**
   * Stable, for programs: one for each class; in `RequestRejected` and `TryRefused` the code of the problem
   * document that was answered.
   */
  readonly code: string;
  /** The transaction; null where none is known. */
  readonly gid: string | null;
  /** What happened, without the advice that ends the message. */
  readonly summary: string;
  /** What to do, in one sentence. */
  readonly advice: string;

  constructor(summary: string, { code, gid, advice, cause }: ErrorParts) {
    super(`${summary} ${advice}`, cause === undefined ? {} : { cause });
    this.code = code;
    this.gid = gid;
    this.summary = summary;
    this.advice = advice;
  }
}

// ── One try, or one action ───────────────────────────────────────────────────────────────────────────────────

/** Which branch it is about. */
export type TryOf = {
  readonly gid: string | null;
  readonly participant: string;
  readonly activity: string;
  readonly branchId: string;
};

const named = ({ participant, activity, branchId }: Omit<TryOf, 'gid'>): string =>
  `${activity} of ${participant} (branch “${branchId}”)`;

/** The participant said no: 409 or 422. */
export abstract class BranchRefused extends TercetError {
  readonly participant: string;
  readonly activity: string;
  readonly branchId: string;
  /** The participant's reason, in its own words; null when it gave none. */
  readonly detail: string | null;

  /** @param problem.code `refused` when the participant gave none */
  constructor(of: TryOf, problem: { readonly code: string | null; readonly detail: string | null }) {
    const { code, detail } = problem;
    super(`${named(of)} was refused${detail === null ? '' : `: “${detail}”`}.`, {
      code: code ?? 'refused',
      gid: of.gid,
      advice: 'The transaction is cancelled; begin a new one when the reason is gone.',
    });
    ({ participant: this.participant, activity: this.activity, branchId: this.branchId } = of);
    this.detail = detail;
  }
}

/** A try was refused. */
export class TryRefused extends BranchRefused {
  override readonly name = 'TryRefused';
}

/** The action of a step of a saga was refused; its `branchId` is the name of the step. */
export class ActionRefused extends BranchRefused {
  override readonly name = 'ActionRefused';
}

type Unheard = { readonly answer: string; readonly isOutOfTime?: boolean; readonly cause?: unknown };

/**
 * The participant gave no clear answer in time: its try may have had effect or not, and its cancel takes it
 * back.
 */
export class TryUnknown extends TercetError {
  override readonly name = 'TryUnknown';
  readonly participant: string;
  readonly activity: string;
  readonly branchId: string;
  /** What came last, in a few words, such as `503`. */
  readonly answer: string;
  /** It was given up because no other attempt fitted before the deadline. */
  readonly isOutOfTime: boolean;

  constructor(of: TryOf, { answer, isOutOfTime = false, cause }: Unheard) {
    super(`What ${named(of)} came to is not known: ${answer}.`, {
      code: 'try_unknown',
      gid: of.gid,
      cause,
      advice: 'The transaction is cancelled, this branch too; begin a new one later.',
    });
    ({ participant: this.participant, activity: this.activity, branchId: this.branchId } = of);
    this.answer = answer;
    this.isOutOfTime = isOutOfTime;
  }
}

const NOT_SENT = {
  invalid_payload: 'Correct the payload.',
  invalid_branch_id: 'Give each branch a branchId of its own.',
  run_is_over: 'Await every try inside of the function.',
  stopped: 'Begin a new transaction; with a longer timeoutMs if the deadline was the reason.',
  transaction_decided: 'Begin a new transaction.',
} as const;

/** The try was not called. */
export class TryNotSent extends TercetError {
  override readonly name = 'TryNotSent';
  declare readonly code: keyof typeof NOT_SENT;

  constructor(code: keyof typeof NOT_SENT, gid: string, summary: string, cause?: unknown) {
    super(`${summary}.`, { code, gid, cause, advice: NOT_SENT[code] });
  }
}

// ── The whole ────────────────────────────────────────────────────────────────────────────────────────────────

export type Cancelled = {
  readonly gid: string;
  readonly status: Status;
  readonly reason: string;
  readonly refusal: TryRefused | ActionRefused | null;
  /** The function of the transaction threw `cause`, or a part of it did, which is no error of ours. */
  readonly isFunctionAtFault: boolean;
  readonly cause?: unknown;
};

const BEGIN_ANEW = "Begin a new transaction, with another idempotencyKey or with onCancelled: 'again'";

/** Decided: cancel. What the tries set aside is given back; what the steps of a saga did is compensated. */
export class TransactionCancelled extends TercetError {
  override readonly name: string = 'TransactionCancelled';
  declare readonly gid: string;
  /** `cancelling` while some branch has not answered yet; it ends without us. */
  readonly status: Status;
  /** Why, in words. */
  readonly reason: string;
  /** The refusal that led to it, where one did. `cause` is what the function threw. */
  readonly refusal: TryRefused | ActionRefused | null;

  constructor(
    { gid, status, reason, refusal, isFunctionAtFault, cause }: Cancelled,
    { code = 'transaction_cancelled', again = `${BEGIN_ANEW}.` } = {},
  ) {
    // An error of the program is met again in every new transaction.
    const advice = isFunctionAtFault
      ? `Look at \`cause\` first: it is what the function threw. ${again}`
      : again;
    super(`Transaction ${gid} is cancelled: ${asSentence(reason)}`, { code, gid, advice, cause });
    this.status = status;
    this.reason = reason;
    this.refusal = refusal;
  }
}

/** Decided: cancel, because the deadline had passed, or left no time for another attempt. */
export class TransactionTimedOut extends TransactionCancelled {
  override readonly name = 'TransactionTimedOut';

  constructor(cancelled: Cancelled) {
    super(cancelled, {
      code: 'transaction_timed_out',
      again: `${BEGIN_ANEW}; with a longer timeoutMs if it needs one.`,
    });
  }
}

/**
 * A branch is parked: its retry or poll budget is spent, and it waits for an operator. A decision that was taken stands. In a saga whose
 * pivot is parked there is none yet: only the answer of the pivot decides.
 */
export class TransactionDiverged extends TercetError {
  override readonly name = 'TransactionDiverged';
  declare readonly gid: string;
  /** Null where the pivot of a saga waits. */
  readonly decision: Decision | null;
  readonly status: Status;
  readonly isParked = true;
  /** What the coordinator says of it. */
  readonly explanation: string;

  /** @param given.cause of a cancel: the `TransactionCancelled` that says why */
  constructor(given: {
    readonly gid: string;
    readonly decision: Decision | null;
    readonly status: Status;
    readonly explanation: string;
    readonly cause?: unknown;
  }) {
    const { gid, decision, status, explanation, cause } = given;
    const stands = decision === null ? 'is not decided' : `is decided, ${decision}`;
    const take = decision === null ? 'Take it for neither, and' : `Take the ${decision} for granted and`;
    super(`Transaction ${gid} ${stands}, and a branch is parked: ${asSentence(explanation)}`, {
      code: 'transaction_diverged',
      gid,
      cause,
      advice: `${take} repeat nothing; fix the participant, then POST /v1/transactions/${gid}/retry.`,
    });
    this.decision = decision;
    this.status = status;
    this.explanation = explanation;
  }
}

/**
 * The coordinator did not acknowledge what it was asked. Neither success nor failure: the transaction may end
 * either way.
 */
export class OutcomeUnknown extends TercetError {
  override readonly name = 'OutcomeUnknown';
  /** With which the same is asked again. */
  readonly idempotencyKey: string | null;
  readonly #find: ((gid: string) => Promise<TransactionView | null>) | null;

  constructor(given: {
    readonly gid: string | null;
    readonly idempotencyKey: string | null;
    readonly summary: string;
    readonly find: ((gid: string) => Promise<TransactionView | null>) | null;
    readonly cause?: unknown;
  }) {
    const { gid, idempotencyKey, summary, find, cause } = given;
    super(summary, {
      code: 'outcome_unknown',
      gid,
      cause,
      advice:
        gid === null
          ? 'Do not take it for failed: submit the same again with the idempotencyKey of this error, which answers the truth.'
          : 'Do not take it for failed: ask with check(), or run it again with the idempotencyKey of this error.',
    });
    this.idempotencyKey = idempotencyKey;
    this.#find = find;
  }

  /**
   * Asks what became of the transaction, now or later; null when the coordinator has no such transaction.
   * @throws CoordinatorUnavailable
   * @throws OutcomeUnknown this one, where the gid is not known
   */
  async check(): Promise<TransactionView | null> {
    if (this.gid === null || this.#find === null) throw this;
    return this.#find(this.gid);
  }
}

/**
 * No coordinator answered. What was asked may be asked again; a transaction that was begun is cancelled at its
 * deadline.
 */
export class CoordinatorUnavailable extends TercetError {
  override readonly name = 'CoordinatorUnavailable';
  /** With which to run again, so that nothing is begun twice; null for questions. */
  readonly idempotencyKey: string | null;

  constructor(summary: string, idempotencyKey: string | null, cause?: unknown) {
    super(summary, {
      code: 'coordinator_unavailable',
      gid: null,
      cause,
      advice:
        idempotencyKey === null
          ? 'Ask again later.'
          : 'Nothing was tried; run it again, with the idempotencyKey if one was given.',
    });
    this.idempotencyKey = idempotencyKey;
  }
}

/** The coordinator refused the request, or it was not even sent. The program is at fault, or its settings. */
export class RequestRejected extends TercetError {
  override readonly name = 'RequestRejected';
  /** What is wrong this time, and what to do. */
  readonly detail: string;

  /** @param problem.code one of docs/errors.md */
  constructor(
    what: string,
    { code, detail }: { readonly code: string; readonly detail: string },
    gid: string | null = null,
  ) {
    super(`${what} was rejected (${code}): ${asSentence(withPlaceQuoted(detail))}`, {
      code,
      gid,
      advice: 'Nothing was changed by it; sent again as it is, it is rejected again.',
    });
    this.detail = detail;
  }
}

/** A place below a payload is made of its keys, which are values. */
const withPlaceQuoted = (detail: string): string =>
  detail.replace(/#\/(?:branches\/\d+\/)?payload\/[^\s:]+/, '“$&”');

export const asSentence = (words: string): string => (/[.!?]$/.test(words) ? words : `${words}.`);
