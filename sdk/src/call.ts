/** One call of a participant: which branch of which transaction it is for, and what is asked. */
import type { Kind, Op } from '../../src/wire/index.ts';

export type Call = {
  /** The global transaction, a UUIDv7. */
  readonly gid: string;
  /** Unique in its transaction. */
  readonly branchId: string;
  /** Of the contract: what is asked of the branch. */
  readonly activity: string;
  readonly op: Op;
  /** What its caller takes the activity for; the kind of the contract where the caller does not say. */
  readonly kind: Kind;
  /** 1 for the first call of this op for this branch. */
  readonly attempt: number;
  /** Milliseconds since 1970. A try or an action that comes later is refused; it never bounds confirm, cancel and compensate. */
  readonly deadlineAt: number;
  /** W3C trace context, as it came; null when none did. */
  readonly traceparent: string | null;
  /**
   * Where the end of an accepted op is posted, which `complete` and `refuse` of the participant do; null where the coordinator
   * has no public URL. Keep it secret: whoever knows it can complete the op without the participant's record.
   */
  readonly completionUrl: string | null;
};

/** What is kept of a call whose op was accepted, as JSON for example, to complete it later and from any process. */
export type AcceptedCall = Pick<
  Call,
  'gid' | 'branchId' | 'activity' | 'op' | 'kind' | 'deadlineAt' | 'completionUrl'
>;
