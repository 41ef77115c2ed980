/**
 * The two answers of a participant that are neither success nor failure. Everything else that is thrown is answered 503:
 * not known, ask again.
 */

/**
 * “No”, for good reasons: 409. Whatever was written with it is rolled back. Thrown by a try or an action, it cancels the
 * transaction; an action after the pivot of its saga is asked again, since the saga only goes forward.
 *
 * Confirm, cancel and compensate have no business reasons to refuse: what the try set aside is there, and what the action
 * did can be undone. When they are refused, then because the call contradicts what was done before (`no_try`,
 * `already_confirmed`, `already_cancelled`, `another_pattern`); a coordinator takes it for "not done" and goes on asking.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  /** For programs; `refused` where the business gave the reason. */
  readonly code: RefusalCode;

  /** @param message the reason, in a few words for people; it reaches the initiator and operators */
  constructor(message: string, code: RefusalCode = 'refused') {
    super(message);
    this.code = code;
  }
}

export type RefusalCode =
  /** The business said no. */
  | 'refused'
  /** The payload is not what the activity takes. */
  | 'invalid_payload'
  /** A try or an action of another kind than the activity serves: initiator and participant disagree on its contract. */
  | 'kind_mismatch'
  /** A try or an action that comes after its deadline. */
  | 'deadline_passed'
  /** A try that comes after its cancel, or an action that comes after its compensate (hanging, 悬挂). */
  | 'cancelled_before'
  /** A confirm for a branch that was never tried. */
  | 'no_try'
  /** A cancel after the confirm. */
  | 'already_confirmed'
  /** A confirm after the cancel. */
  | 'already_cancelled'
  /** An op of a tcc for a step of a saga, or the other way round. */
  | 'another_pattern';

const CODES: { readonly [Code in RefusalCode]: true } = {
  refused: true,
  invalid_payload: true,
  kind_mismatch: true,
  deadline_passed: true,
  cancelled_before: true,
  no_try: true,
  already_confirmed: true,
  already_cancelled: true,
  another_pattern: true,
};

/**
 * The code as it may be answered and printed. As plain JavaScript may write it, anything stands in its place, such as
 * `{ cause: error }` with the statement of a driver: then it is `refused`.
 */
export const shownCodeOf = ({ code }: { readonly code: unknown }): RefusalCode =>
  typeof code === 'string' && Object.hasOwn(CODES, code) ? (code as RefusalCode) : 'refused';

/**
 * Not yet: 425 with Retry-After. Nothing is kept: what was written is rolled back, and the work runs anew when the coordinator asks
 * again, which spends none of its retry budget. Work that goes on outside returns `accepted()` instead.
 */
export class InProgress extends Error {
  override readonly name = 'InProgress';
  /** When to ask again, in milliseconds. */
  readonly retryAfterMs: number;

  constructor(message: string, { retryAfterMs = 1000 }: { readonly retryAfterMs?: number } = {}) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

/** As it may be answered and printed: 0 for what is no number. */
export const retryAfterMsOf = ({ retryAfterMs }: InProgress): number =>
  Number.isFinite(retryAfterMs) ? retryAfterMs : 0;
