/** What an initiator gives and gets, typed by the contracts of those that take part. */
import type { Contract, KindOf, PayloadOf, ResultOf } from '../contract.ts';
import type { SagaDefinition } from './saga/saga.ts';
import type { Fetch } from './http-exchange.ts';
import type { Timing } from './timing.ts';

/** A contract, or what has one: a participant. */
export type Callable = Contract | { readonly contract: Contract };

export type ContractOf<One> = One extends { readonly contract: infer Of extends Contract }
  ? Of
  : One extends Contract
    ? One
    : never;

export type TercetOptions<All extends readonly Callable[]> = {
  /** The coordinator's address, or those of several replicas: when one does not answer, the next is asked. */
  readonly urls: string | readonly string[];
  /** One of the coordinator's API tokens, where it has some. */
  readonly token?: string;
  /** Those that transactions call. */
  readonly contracts: All;
  /**
   * By participant: the secrets that it is registered with, where it wants signed calls. The initiator's own
   * tries are then signed as the coordinator's calls are.
   */
  readonly secrets?: Readonly<Record<string, string | readonly string[]>>;
  /** The global one when absent. */
  readonly fetch?: Fetch;
  /** The clock and timers of the process when absent. */
  readonly timing?: Timing;
};

type AboutOptions = {
  /** The initiator's own key, such as an order number, for searching. */
  readonly businessKey?: string;
  /**
   * Names this beginning: the same again with the same key is the same transaction. 1 to 255 printable ASCII
   * characters. A random one when absent. A key answers its transaction as long as the coordinator has it, which is for
   * the retention after its end (`TERCET_RETENTION_DAYS`); also one that is cancelled.
   */
  readonly idempotencyKey?: string;
  /**
   * With `again`, a key whose transaction is found cancelled is followed by `KEY~2`, `KEY~3` … up to `KEY~20`: callers with the
   * same key come to the same transaction. What this call itself cancels is thrown, and so is a cancel with a parked branch.
   * Needs an idempotencyKey, of at most 252 characters. No key may end in `~2` to `~20`, with it or without.
   */
  readonly onCancelled?: 'again';
  /**
   * When it is cancelled if nothing was decided, in milliseconds after its beginning; the coordinator's default
   * when absent. It also bounds the call as a whole, with all waits and retries: the beginning is given up after it, and the last
   * request half a second later, which is to learn the decision.
   */
  readonly timeoutMs?: number;
  /**
   * How long to wait for the last branch after the decision, in milliseconds, at most 60,000; 10,000 when
   * absent, 0 for not at all. The decision stands either way. Never beyond `timeoutMs`.
   */
  readonly waitMs?: number;
  /**
   * W3C trace context; that of the participant's call we run in when absent. Not sent where OpenTelemetry sends
   * its own.
   */
  readonly traceparent?: string;
  /**
   * Receives the end, also when no caller waits for it any more: a registered participant, whose listener has this
   * activity (see `defineListener`).
   */
  readonly callback?: { readonly participant: string; readonly activity: string };
};

type Named = {
  /** What kind of transaction it is, for people and for searching. */
  readonly name: string;
};

export type RunOptions = AboutOptions &
  Named & {
    /**
     * What the transaction is about, as JSON. The function is not called again for what is decided, so only this
     * distinguishes another order from the same one: with the same idempotencyKey, another input is refused. Sent as a
     * hash.
     *
     * Any value that JSON holds: null, strings, booleans, finite numbers, arrays, plain objects, and what has a toJSON that
     * returns such a value. Members that are undefined are left out.
     */
    readonly input?: unknown;
    /** Stops the tries and cancels. Once a confirm was asked for it has no effect any more. */
    readonly signal?: AbortSignal;
  };

export type SubmitOptions = SubmitBranches | SubmitSaga;

type Abortable = {
  /** Ends the call. What was submitted is not cancelled by it: the coordinator goes on. */
  readonly signal?: AbortSignal;
};

export type SubmitBranches = AboutOptions &
  Named &
  Abortable & {
    /** Made by `branch()`. */
    readonly branches: readonly DeclaredBranch[];
    readonly saga?: never;
  };

export type SubmitSaga = AboutOptions &
  Abortable & {
    /** Built by `saga()`, which also names it. */
    readonly saga: { readonly definition: SagaDefinition };
    /** A saga has its own name and steps. Others next to them would be left out without notice. */
    readonly name?: never;
    readonly branches?: never;
  };

export type TryOptions = {
  /** One to 64 of `A-Z a-z 0-9 _ -`, unique in its transaction; `{participant}-{activity}-{n}` when absent. */
  readonly branchId?: string;
};

/** One branch of a transaction whose tries the coordinator calls. */
export type DeclaredBranch = {
  readonly participant: string;
  readonly activity: string;
  /** The payload as JSON. */
  readonly payload: string;
  readonly branchId: string | undefined;
};

/** The activities that can be a branch of a tcc. */
export type TccNames<Of extends Contract> = {
  readonly [Name in keyof Of['activities'] & string]: 'tcc' extends KindOf<Of['activities'][Name]>
    ? Name
    : never;
}[keyof Of['activities'] & string];

type Tries<Of extends Contract> = {
  readonly [Name in TccNames<Of>]: (
    payload: PayloadOf<Of['activities'][Name]>,
    options?: TryOptions,
  ) => Promise<ResultOf<Of['activities'][Name]>>;
};

/** What a transaction is besides its participants; no participant can have one of these names. */
export type OwnMembers = {
  readonly gid: string;
  /** By the coordinator's clock. */
  readonly deadlineAt: Date;
  /** Aborted at the deadline, and by the caller's signal. */
  readonly signal: AbortSignal;
};

/**
 * The transaction as the function of `run` gets it: `tx.inventory.reserve({ … })` registers a branch and calls
 * its try.
 */
export type Transaction<All extends readonly Callable[]> = OwnMembers & {
  readonly [Of in ContractOf<All[number]> as Of['name']]: Tries<Of>;
};

export type RunOutcome<Value> =
  | {
      readonly gid: string;
      /** `confirming`: decided, and some branch has not answered yet; it ends without us. */
      readonly status: 'confirmed' | 'confirming';
      readonly isRepeated: false;
      /** What the function returned. */
      readonly value: Value;
      /** What the coordinator says of it, in one sentence. */
      readonly explanation: string;
    }
  /** Another run with the same idempotencyKey confirmed it: its value is not known here. */
  | {
      readonly gid: string;
      readonly status: 'confirmed' | 'confirming';
      readonly isRepeated: true;
      readonly explanation: string;
    };

export type SubmitOutcome = {
  readonly gid: string;
  /** `trying`: not decided within the wait; the coordinator goes on. A saga is confirmed when its last step has succeeded. */
  readonly status: 'trying' | 'confirming' | 'confirmed';
  /** The same was submitted before with the same idempotencyKey. */
  readonly isRepeated: boolean;
  readonly explanation: string;
};
