/**
 * A global transaction as a value: what is known of it, and nothing that happens to it.
 *
 * Everything here is immutable, has no clock and does no I/O. What may happen next is in `transition.ts`; what
 * is left to do is in `pending-calls.ts`. The numbers I1 … I16 in comments are the invariants of docs/protocol.md.
 */

/** Milliseconds since 1970-01-01 UTC. */
export type Instant = number;

/**
 * The present, as an interval: the true time lies between both ends. What must not happen too late (a confirm)
 * is judged by `latest`, what must not happen too early (an expiry) by `earliest`.
 */
export type Now = { readonly earliest: Instant; readonly latest: Instant };

/** Which protocol the transaction follows. */
export type Pattern = 'tcc' | 'saga';
export const DEFAULT_PATTERN: Pattern = 'tcc';

/** Who runs phase one: the coordinator calls itself, or the initiator calls the tries and then asks to confirm. */
export type Mode = 'declared' | 'interactive';

/** What a participant is asked to do: with its branch, in a tcc or in a saga; or to hear of the end. */
export type Op = 'try' | 'confirm' | 'cancel' | 'action' | 'compensate' | 'notify';

export type Decision = 'confirm' | 'cancel';

/** trying → confirming → confirmed, trying → cancelling → cancelled; no other edge exists (I2). */
export type Status = 'trying' | 'confirming' | 'confirmed' | 'cancelling' | 'cancelled';

/** What a call came to; `branch-reply.ts` reads it off an HTTP answer. */
export type Reply = 'succeeded' | 'refused' | 'ongoing' | 'unknown';

/** Why the decision is what it is. */
export type DecisionReason =
  | 'all_tries_succeeded'
  | 'confirm_requested'
  | 'try_refused'
  | 'all_actions_succeeded'
  | 'pivot_succeeded'
  | 'action_refused'
  | 'cancel_requested'
  | 'deadline_passed';

/** A decision is taken once and never changes (I2). */
export type DecisionTaken = {
  readonly decision: Decision;
  readonly reason: DecisionReason;
  readonly at: Instant;
  /** The branch whose refusal led to it, where one did. */
  readonly branchId: string | null;
  /** What the request to cancel said of its cause, for operators; absent where it said nothing. */
  readonly note?: string;
};

/** Exponential delays: the n-th is drawn from [0, min(maxDelayMs, firstDelayMs · 2^(n−1))]. */
export type Backoff = {
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  /**
   * What must succeed is called so long before its branch is parked. In `retry` by `spentMs` of the call; in `poll` since it was
   * accepted.
   */
  readonly budgetMs: number;
};

/** How participants are called; fixed when the transaction begins, for all of it or for one branch. */
export type CallPolicy = {
  readonly callTimeoutMs: number;
  /** After `unknown`. */
  readonly retry: Backoff;
  /** After `ongoing`. */
  readonly poll: Backoff;
  /** A participant's Retry-After is honoured up to here. */
  readonly maxRetryAfterMs: number;
};

/** What a branch has of its own; the rest is as for its transaction. */
export type OwnPolicy = {
  readonly callTimeoutMs?: number;
  readonly retry?: Partial<Backoff>;
};

/** The calls made so far for one phase of a branch, or for the callback, as one record. */
export type Call = {
  /** The last settled or unknown reply; null before the first. */
  readonly reply: Exclude<Reply, 'ongoing'> | null;
  /** Replies, but for those of polling, since the first call or an operator's last retry. */
  readonly attemptCount: number;
  /** What unanswered attempts have spent of the retry budget (`retry-policy.ts`). */
  readonly spentMs: number;
  /** No call before this instant. */
  readonly dueAt: Instant;
  /** Set when the budget is spent: an operator should look. It is still called, about hourly. */
  readonly parkedAt: Instant | null;
  /** When the participant first answered that it is at work: it is polled, or completed from outside. Null once settled. */
  readonly acceptedAt: Instant | null;
  /** The last reply in the participant's or the network's own terms: `503`, `connect ECONNREFUSED`. */
  readonly answer: string | null;
  /** How long the last call took, where it left the branch waiting; null once it is settled. */
  readonly durationMs: number | null;
  /** Polling after `ongoing`: progress of this replica only, never stored. */
  readonly ongoing: { readonly count: number; readonly nextAt: Instant } | null;
};

/** The place of a branch in the plan of a saga: there it is a step. */
export type Step = {
  /** The steps whose actions have to succeed before its own is called. */
  readonly dependsOn: readonly string[];
  /** The point of no return: every other step comes before it or after it. */
  readonly isPivot: boolean;
  /** False where there is nothing to undo, and for the pivot and all after it. */
  readonly isCompensated: boolean;
  /** What its payload takes from the results of earlier steps: `reserve.id`. */
  readonly references: readonly string[];
};

/** What an initiator says of a branch. */
export type BranchSpec = {
  readonly branchId: string;
  readonly participant: string;
  readonly activity: string;
  /** The exact text that is sent, the same in every attempt; references in it are resolved as it is sent. */
  readonly payload: string;
  /** SHA-256 over the request that named the branch; tells a repeated registration from another one. */
  readonly bodyHash: string;
  /** How this branch is called, where that differs from the rest of the transaction; else null. */
  readonly policy: OwnPolicy | null;
  /** Null in a tcc. */
  readonly step: Step | null;
};

/**
 * One participant's share of the transaction. Phase one is the try or the action; phase two the confirm, the cancel or
 * the compensate.
 */
export type Branch = BranchSpec & {
  readonly phaseOne: Call;
  readonly phaseTwo: Call;
  /**
   * Since when it waits for a success that must come: of its confirm, cancel or compensate, or of the action of a started
   * pivot or of a step behind it. Neither a retry nor parking changes it. Null while the deadline bounds its calls, and
   * while it is accepted.
   */
  readonly waitingSince: Instant | null;
  /** Tries and actions that were heard to have succeeded after they were undone; each is undone once more. */
  readonly lateSuccessCount: number;
  /** What the action answered of what later steps refer to, as JSON; null where they refer to nothing. */
  readonly result: string | null;
};

/** Who is called, and what for. */
export type Addressee = { readonly participant: string; readonly activity: string };

/** Who hears of the end. */
export type Callback = Addressee & {
  /** Null for the transaction's own. */
  readonly callTimeoutMs: number | null;
};

export type GlobalTransaction = {
  readonly gid: string;
  readonly pattern: Pattern;
  readonly mode: Mode;
  readonly name: string | null;
  readonly businessKey: string | null;
  /** SHA-256 over the request that began it; tells a repeated begin from another one. */
  readonly bodyHash: string;
  /** W3C trace context of the span that began it, or of the initiator where none was made. */
  readonly traceparent: string | null;
  /** W3C tracestate that belongs to it, at most 512 bytes. */
  readonly tracestate: string | null;
  readonly policy: CallPolicy;
  readonly beganAt: Instant;
  readonly deadlineAt: Instant;
  readonly status: Status;
  readonly decision: DecisionTaken | null;
  readonly finishedAt: Instant | null;
  /** From here on only the answer of the pivot decides; null before, and where there is none. */
  readonly pivotStartedAt: Instant | null;
  /** When cancel was requested while only the pivot could decide; it changes nothing. */
  readonly cancelAskedAt: Instant | null;
  readonly callback: Callback | null;
  /** The calls of the callback; null where there is none. */
  readonly notification: Call | null;
  readonly branches: readonly Branch[];
};

/** A limit on everything: what one transaction may hold. */
export const MAX_BRANCHES = 100;
export const MAX_PAYLOAD_BYTES = 64 * 1024;
export const MAX_TRANSACTION_BYTES = 1024 * 1024;

/** The trace id in `00-<trace id>-<span id>-<flags>`; null when the initiator sent no context. */
export const traceIdOf = ({ traceparent }: Pick<GlobalTransaction, 'traceparent'>): string | null =>
  traceparent?.slice(3, 35) ?? null;

export const isPhaseOne = (op: Op): boolean => op === 'try' || op === 'action';

/** The deadline ends it, and bounds what is called: nothing is decided, and no pivot was started. */
export const isBounded = ({ decision, pivotStartedAt }: GlobalTransaction): boolean =>
  decision === null && pivotStartedAt === null;

export const isFinished = (tx: GlobalTransaction): boolean => tx.finishedAt !== null;

/** Settled calls owe nothing more; a refusal settles phase one only. */
export const isSettled = (call: Call): boolean => call.reply === 'succeeded' || call.reply === 'refused';

/** Its participant has accepted it, and it is completed when the business allows: no error, and no operator is needed. */
export const isAccepted = ({ reply, acceptedAt, parkedAt }: Call): boolean =>
  acceptedAt !== null && parkedAt === null && reply === null;

/** Since when the first of its branches waits for an operator; null when none does. */
export function parkedSince(tx: GlobalTransaction): Instant | null {
  const instants = tx.branches.flatMap(
    ({ phaseOne, phaseTwo }) => phaseOne.parkedAt ?? phaseTwo.parkedAt ?? [],
  );
  return instants.length > 0 ? Math.min(...instants) : null;
}

export const isParked = (tx: GlobalTransaction): boolean => parkedSince(tx) !== null;

/** Since when most waits last that only a success ends: since the end, the decision, or the start of the pivot. */
export const usualWaitSince = ({ finishedAt, decision, pivotStartedAt }: GlobalTransaction): Instant | null =>
  finishedAt ?? decision?.at ?? pivotStartedAt;

/** Since when the longest of its waits lasts that only a success ends, of a branch or of its callback; null without one. */
export function waitingSince({ branches, finishedAt, notification }: GlobalTransaction): Instant | null {
  const isNotified = notification === null || notification.reply === 'succeeded';
  const instants = [isNotified ? null : finishedAt, ...branches.map((branch) => branch.waitingSince)];
  return instants.reduce(
    (one, other) => (one === null || (other !== null && other < one) ? other : one),
    null,
  );
}

/** This replica asks again and again a participant that is still at work; nobody else knows how often. */
export const isPolling = (tx: GlobalTransaction): boolean =>
  tx.branches.some(({ phaseOne, phaseTwo }) => phaseOne.ongoing !== null || phaseTwo.ongoing !== null);

/** A phase of which no call was made yet, due from `dueAt` on. */
export const freshCall = (dueAt: Instant): Call => ({
  reply: null,
  attemptCount: 0,
  spentMs: 0,
  dueAt,
  parkedAt: null,
  acceptedAt: null,
  answer: null,
  durationMs: null,
  ongoing: null,
});

export const policyOf = ({ policy }: GlobalTransaction, { policy: own }: Branch): CallPolicy =>
  own === null ? policy : withOwn(policy, own);

export const withOwn = (policy: CallPolicy, own: OwnPolicy): CallPolicy => ({
  ...policy,
  ...own,
  retry: { ...policy.retry, ...own.retry },
});

/** The longest that any call of the transaction may take. */
export const longestCallMs = (tx: GlobalTransaction): number =>
  Math.max(
    tx.policy.callTimeoutMs,
    tx.callback?.callTimeoutMs ?? 0,
    ...tx.branches.map((branch) => policyOf(tx, branch).callTimeoutMs),
  );

/** Makes the compiler prove that every case of a union was handled. */
export function unreachable(value: never): never {
  throw new Error(`a case was not handled: ${JSON.stringify(value)}`);
}
