/**
 * What the application needs from the outside, in the domain's words. Adapters implement these; `main.ts` hands
 * them in. Each port has one contract suite, which its memory adapter and its real ones both pass.
 */
import type {
  GlobalTransaction,
  Instant,
  Kind,
  WakeReason,
  Now,
  Op,
  PendingCall,
  Reply,
  Status,
} from '../domain/index.ts';
import type { Entries } from './journal.ts';
import type { CarriedTrace } from './trace-context.ts';

/** A transaction as it is durable: the state after its `seq`-th journal row. */
export type Saved = { readonly tx: GlobalTransaction; readonly seq: number };

/** `wakeAt` is when somebody else looks, by the row as it was read. */
export type Loaded = Saved & { readonly wakeAt: Instant | null };

/** One journal row to be: the compare-and-set that makes `after` durable only if `seq − 1` is the newest row. */
export type Save = {
  readonly gid: string;
  readonly seq: number;
  readonly before: GlobalTransaction | null;
  readonly after: GlobalTransaction;
  readonly entries: Entries;
  /** Of the format of `entries`. */
  readonly version: number;
  readonly at: Instant;
  /** This run of this process; tells our own row from another's after an unknown COMMIT. */
  readonly writer: string;
  /** When another replica must look; null once nothing is owed. */
  readonly wakeAt: Instant | null;
  /** The initiator's Idempotency-Key, on the first row only. */
  readonly beginKey: string | null;
};

export type JournalRow = {
  readonly gid: string;
  readonly seq: number;
  readonly at: Instant;
  readonly writer: string;
  readonly entries: Entries;
};

/** The first `limit` rows after row `after`. */
export type JournalPage = { readonly after: number; readonly limit: number };

/**
 * What became of a batch.
 * - `written`: all of it is durable.
 * - `taken`: nothing of this attempt was written, because rows of it exist already: `ours` from an earlier attempt
 *   of this writer, `lost` to another writer or to a removal. The rest may be sent again.
 * - `unknown`: the COMMIT was sent and its answer never came; it may still appear.
 * - `rejected`: nothing was written. `because` tells what may help: a `row` that is rejected on its own account never
 *   will; a row that somebody else has `locked` may when sent later; the `store` itself may when asked again; a store
 *   that is `behind` has lost what it had acknowledged, and nothing may be built on it.
 */
export type BatchOutcome =
  | { readonly outcome: 'written' }
  | { readonly outcome: 'taken'; readonly ours: ReadonlySet<string>; readonly lost: ReadonlySet<string> }
  | { readonly outcome: 'unknown'; readonly error: Error }
  | { readonly outcome: 'rejected'; readonly because: 'row' | 'store' | 'behind'; readonly error: Error }
  /** `locked` names the gids whose rows are locked, as far as that can be told. */
  | {
      readonly outcome: 'rejected';
      readonly because: 'lock';
      readonly locked: ReadonlySet<string>;
      readonly error: Error;
    };

export interface BatchWriter {
  /** At most one save per gid. Never called again before the last call has answered. */
  writeBatch(saves: readonly Save[]): Promise<BatchOutcome>;
}

/** Rows to take over: what was due at `now` is re-dated, marked with `waker`, and given to this caller alone. */
export type Claim = {
  readonly now: Instant;
  readonly limit: number;
  readonly waker: string;
  /** A claimed row is due again after this long, doubled for each time it was claimed without being saved. */
  readonly againAfterMs: number;
};

/** A new date for a row that nobody changes: a hint, which is lost when the row has moved on. */
export type Redate = { readonly gid: string; readonly seq: number; readonly wakeAt: Instant };

/** Which transactions to list; what is null is not asked for. */
export type TransactionFilter = {
  readonly status: Status | null;
  readonly isParked: boolean | null;
  readonly isQuarantined: boolean | null;
  /** Whether it has waited since then, or earlier, for a success that must come. */
  readonly attention: { readonly isNeeded: boolean; readonly since: Instant } | null;
  readonly participant: string | null;
  readonly name: string | null;
  readonly businessKey: string | null;
  readonly beganAfter: Instant | null;
  /** Only gids that sort before this one: where the last page ended. */
  readonly before: string | null;
  /** Only gids that sort at or after this one; all without it. */
  readonly from?: string;
  readonly limit: number;
};

/** The unfinished transactions in numbers. */
export type Unfinished = {
  readonly countByStatus: Readonly<Partial<Record<Status, number>>>;
  readonly parkedCount: number;
  /** Those that have waited too long for a success that must come. */
  readonly attentionCount: number;
  /** Those whose rows do not add up, finished ones too. */
  readonly quarantinedCount: number;
  readonly oldestBeganAt: Instant | null;
  /** When the most overdue of them should have been looked at by somebody. */
  readonly oldestWakeAt: Instant | null;
};

/** A transaction whose rows do not add up: no call of it is made, nothing of it is saved, and it is not removed. */
export type QuarantinedTransaction = {
  readonly gid: string;
  /** What does not add up, as a sentence without its end. */
  readonly fault: string;
  /** Null where it was found just now and is not marked. */
  readonly quarantinedAt: Instant | null;
};

export const isQuarantined = (
  one: GlobalTransaction | QuarantinedTransaction,
): one is QuarantinedTransaction => 'fault' in one;

/** How a transaction stands at its end. */
export type TransactionEnd = {
  readonly gid: string;
  /** It is finished, and nothing is owed for it any more: no further call of it is made. */
  readonly isFinal: boolean;
  readonly deadlineAt: Instant;
  readonly finishedAt: Instant | null;
};

/** When transactions ended: from `from` on, and before `to`. */
export type Ended = { readonly from: Instant; readonly to: Instant };

export interface TransactionStore {
  /**
   * One consistent snapshot; null when there is no such transaction.
   * @throws Quarantined when its rows do not add up; they are marked so
   */
  load(gid: string): Promise<Loaded | null>;
  /**
   * Ends the quarantine of a transaction whose rows add up again; null when there is no such transaction.
   * @param dateOf when somebody must look at it, null when nothing is owed
   * @throws Quarantined when its rows still do not add up
   */
  release(gid: string, dateOf: (tx: GlobalTransaction) => Instant | null): Promise<Saved | null>;
  /** By gid, the last first; their payloads are left empty. What is in quarantine cannot be shown as it stands. */
  list(filter: TransactionFilter): Promise<readonly (GlobalTransaction | QuarantinedTransaction)[]>;
  /**
   * The gid at which one page of this list stops to search, found or not; null where it searches all. A search has to end in
   * bounded time where few among very many match.
   */
  searchEnd(filter: TransactionFilter): Promise<string | null>;
  /**
   * What is under way with a branch of this participant that may be waited for, or has ended and this participant is still
   * to be told; by gid, from `after` on.
   */
  gidsWaitingFor(participant: string, after: string, limit: number): Promise<readonly string[]>;
  /** @param attentionSince what has waited since then, or earlier, needs attention */
  countUnfinished(attentionSince: Instant): Promise<Unfinished>;
  /** By gid; those that it does not have are left out. */
  findEnds(gids: readonly string[]): Promise<readonly TransactionEnd[]>;
  redate(rows: readonly Redate[]): Promise<void>;
  /**
   * Oldest first; empty when there is no such transaction.
   * @param page all rows when absent
   * @throws Quarantined when a row cannot be read
   */
  journalOf(gid: string, page?: JournalPage): Promise<readonly JournalRow[]>;
  gidOfBeginKey(beginKey: string): Promise<string | null>;
  /**
   * Binds a key durably to a transaction that stands, unless it is bound already.
   * @returns the gid that the key stands for now; null when the transaction is gone, and nothing was bound
   */
  bindBeginKey(beginKey: string, gid: string): Promise<string | null>;
  claimDue(claim: Claim): Promise<readonly string[]>;
  /**
   * Removes up to `limit` transactions whole, with their journal and their begin keys: those whose end and deadline are both
   * before `before`, the longest ago first, and never one for which something is still owed. What somebody else has locked
   * is left for another time.
   * @param ended only those that ended from `from` on and before `to`; all when absent
   * @returns how many were removed
   */
  removeFinished(before: Instant, limit: number, ended?: Ended): Promise<number>;
  /** When the next one ended after the first `count` that ended within `ended`; null when there are no more. */
  endOfPage(ended: Ended, count: number): Promise<Instant | null>;
  /** Rejects when the database cannot be reached or its schema is not ours. */
  check(): Promise<void>;
}

/** How much one replica calls a participant; absent or null for no limit but that of the settings. */
export type CallLimits = {
  readonly maxConcurrentCalls?: number | null;
  readonly maxCallsPerSecond?: number | null;
};

export type Participant = CallLimits & {
  readonly name: string;
  /** One address or more, up to 16; each call goes to one of them. */
  readonly baseUrls: readonly string[];
  /** Paths that differ from `/{activity}/{op}`, by `activity/op`. */
  readonly paths: Readonly<Record<string, string>>;
  /** The kind of each activity, by its name; absent where the participant declared none. */
  readonly activities?: Readonly<Record<string, Kind>>;
  /** How long one call may take, for transactions that begin from now on; null for the coordinator's own time. */
  readonly callTimeoutMs: number | null;
  /** What its calls are signed with, up to two; absent or empty for calls that are not signed. Shown to nobody. */
  readonly secrets?: readonly string[];
};

/** What a registration gives of a participant. What is absent is kept as it is stored. */
export type Registration = Pick<Participant, 'name' | 'baseUrls'> & Partial<Participant>;

/** The first `limit` participants whose names sort after `after`. */
export type ParticipantPage = { readonly after: string; readonly limit: number };

export interface ParticipantRegistry {
  find(name: string): Promise<Participant | null>;
  /**
   * By name.
   * @param page all participants when absent
   */
  list(page?: ParticipantPage): Promise<readonly Participant[]>;
  /** What the registration leaves out is kept, in the same step. */
  put(registration: Registration): Promise<{ readonly isNew: boolean }>;
  /** @returns whether it was registered */
  remove(name: string): Promise<boolean>;
}

/** What waits for a participant, and is not being called: it is dated beyond `datedAfter`. By gid, from `after` on. */
export type WaitingQuery = {
  readonly participant: string;
  readonly datedAfter: Instant;
  readonly after: string;
  readonly limit: number;
};

/** Transactions to resume for one participant, by one claimant. */
export type ResumptionClaim = {
  readonly participant: string;
  readonly gids: readonly string[];
  readonly now: Instant;
  /** What was claimed since then is another's; but not from as long after `now`: the clock of the database was wrong then. */
  readonly expiredAt: Instant;
  /** A new id for each claim. */
  readonly claimant: string;
};

/**
 * Which participants have recovered, and which replica resumes what waited for them. All of it is hints, next to the journal:
 * what is lost is called at its own date. A transaction waits for a participant with each branch of it, and with its callback.
 */
export interface Resumptions {
  /**
   * Notes that a participant has recovered, unless that was noted since `notedAfter`. A note from as long after `now` does not
   * count: the clock of the database was wrong then.
   * @returns whether it was noted now
   */
  note(participant: string, now: Instant, notedAfter: Instant): Promise<boolean>;
  /** When each participant was last noted, by its name; those that never were are left out. */
  notes(): Promise<ReadonlyMap<string, Instant>>;
  /** What is accepted and was not failed since is left out: it waits for the business. */
  waitingFor(query: WaitingQuery): Promise<readonly string[]>;
  /**
   * Of several replicas that claim a transaction for a participant, one gets it.
   * @returns what this claimant got, by gid
   */
  claim(claim: ResumptionClaim): Promise<readonly string[]>;
  /**
   * Removes up to `limit` claims from before `expiredAt`.
   * @returns how many it found
   */
  forgetClaims(expiredAt: Instant, limit: number): Promise<number>;
  /** For which participants branches are parked, or callbacks wait with a spent budget, for want of an answer. */
  givenUpParticipants(): Promise<readonly string[]>;
  /** The first `limit` of those transactions that sort after `after`, in the order of their gids. */
  givenUp(participant: string, after: string, limit: number): Promise<readonly string[]>;
}

export type ParticipantCall = Omit<PendingCall, 'results' | 'wanted'> & {
  /** What is sent. */
  readonly payload: string;
  /** Whether the body of the answer is to be told, up to 4 KiB. */
  readonly isResultWanted: boolean;
  readonly gid: string;
} & CarriedTrace;

/** `httpStatus` is null when no complete answer came; `answer` says in a few words what did. */
export type HttpAnswer = {
  readonly httpStatus: number | null;
  readonly answer: string;
  readonly retryAfterMs: number | null;
  /** Where it is wanted, and of a 409 or 422; absent when it was over 4 KiB, or no UTF-8. */
  readonly body?: string;
  /** The body is declared as text/plain. */
  readonly isText?: true;
  /** The beginning of the body of a 5xx, up to 1 KiB, for operators; absent unless it is kept, and where it is no UTF-8. */
  readonly errorBody?: string;
  /** The origin that was called; absent where it answered with success, or nothing was sent. */
  readonly origin?: string;
  /** The call never left this process, for a reason of its own: it was no attempt, and spends no budget. */
  readonly isUnsent?: true;
};

export interface ParticipantClient {
  /** Never rejects: whatever goes wrong is an answer without a status. */
  call(call: ParticipantCall): Promise<HttpAnswer>;
}

export interface WakeQueue {
  /** Look at this gid at `when`, for its deadline or a call. A hint: losing it costs time, never correctness. */
  wakeAt(gid: string, seq: number, when: Instant, reason: WakeReason): void;
  /** False while wakes reach fewer than they should, though none is lost that this process can carry itself. */
  readonly isUp: boolean;
  /** Why it is not up and what follows, for operators; null while it is. */
  readonly whyDown?: string | null;
  /** Takes and gives no more wakes. */
  close(): Promise<void>;
}

export interface Time {
  now(): Now;
  /** Milliseconds from some moment on, which no setting of a clock moves: what durations are measured by. */
  elapsedMs(): number;
  /**
   * Null while `now` can be trusted; else ends when it can again.
   * @throws StoreUnavailable when the clock that counts cannot be read
   */
  settle(): Promise<void> | null;
  /** Runs `fn` once after `delayMs`; answers what cancels it. */
  after(delayMs: number, fn: () => void): () => void;
}

export interface Chance {
  /** Uniform in [0, 1). */
  draw(): number;
  /** A new UUIDv7. */
  newId(): string;
}

export interface Log {
  error(what: string, error: unknown): void;
}

export type CircuitState = 'closed' | 'half-open' | 'open';

/** The failed call that opened a circuit: where it went, and what came of it in a few words. */
export type CallFailure = Pick<HttpAnswer, 'origin' | 'answer'>;

/** How an op of a branch was completed from outside. */
export type CompletedCall = {
  readonly branchId: string;
  readonly op: Op;
  readonly reply: Reply;
  readonly at: Instant;
};

/** Is told what happens, for logs and metrics. It must not throw, and nothing depends on it. */
export interface Observer {
  /** A change is durable; `before` is null when it is the first. */
  saved(before: GlobalTransaction | null, after: GlobalTransaction): void;
  called(call: {
    participant: string;
    op: Op;
    reply: Reply;
    durationMs: number;
    /** The trace of the call; null if it is not sampled. */
    sampledTraceId: string | null;
  }): void;
  /** A branch was completed from outside, which is durable; `saved` follows. */
  completed(tx: GlobalTransaction, completed: CompletedCall): void;
  /** @param failure where the circuit opens */
  circuitChanged(participant: string, state: CircuitState, failure?: CallFailure): void;
  /** It was noted here that a participant has recovered. */
  participantRecovered(participant: string): void;
  /** So many transactions that waited for a participant that has recovered were resumed here. */
  resumed(participant: string, count: number): void;
  /** `former` is what the registration replaced; null for a new participant. */
  participantRegistered(participant: Participant, former: Participant | null): void;
  participantRemoved(participant: string): void;
  /** A commit was acknowledged, with this many saves. */
  committed(saveCount: number): void;
  /** So many finished transactions were removed, since their retention is over. */
  removed(count: number): void;
}

/** More is under way than this process may hold. Nothing of the request was begun; it may be sent again. */
export class Overloaded extends Error {
  override readonly name = 'Overloaded';
}

/** The store cannot be used now. Nothing of the request was made durable; it may be sent again. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/** The rows of the transaction do not add up. An operator repairs them, and releases it. */
export class Quarantined extends Error {
  override readonly name = 'Quarantined';
  readonly gid: string;
  readonly fault: string;

  constructor({ gid, fault }: Pick<QuarantinedTransaction, 'gid' | 'fault'>) {
    super(`transaction ${gid} is in quarantine: ${fault}`);
    this.gid = gid;
    this.fault = fault;
  }
}
