/** Why `complete` or `refuse` recorded nothing: the branch is not in the state that it would end. */

/** Nothing was written, and nothing was sent to the coordinator. */
export class NotCompleted extends Error {
  override readonly name = 'NotCompleted';
  readonly code: NotCompletedCode;

  constructor(message: string, code: NotCompletedCode) {
    super(message);
    this.code = code;
  }
}

export type NotCompletedCode =
  /** The op was not accepted: it never came, was rolled back, or the record belongs to another op. */
  | 'not_accepted'
  /** The branch was cancelled or compensated meanwhile, or that has begun. */
  | 'cancelled'
  /** It was refused before and is to succeed now, or the other way round. The first record stands. */
  | 'completed_differently';
