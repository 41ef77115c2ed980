/** What a service implements of an activity: its three ops, typed from the contract. */
import type { Call } from '../call.ts';
import type { Activities, Activity, PayloadOf, ResultOf } from '../contract.ts';

type Known<TryResult> = {
  readonly call: Call;
  /**
   * What the try of this branch returned; null in the try itself, and where a try outside never came to its
   * end.
   */
  readonly tryResult: TryResult;
};

/** What an op is given that works in the participant's own database. */
export type InsideContext<SqlTx, TryResult> = Known<TryResult> & {
  /**
   * The open SQL transaction: what is written with it stands or falls with the barrier's record of the call.
   */
  readonly sqlTx: SqlTx;
};

/** What an op is given that works outside the database. */
export type OutsideContext<TryResult> = Known<TryResult> & {
  /** Aborted when the op may take no longer: whoever comes next takes it for crashed. */
  readonly signal: AbortSignal;
};

/**
 * Work outside the database; `limitMs`: how long an op may take, in milliseconds, 30,000 when only true is
 * said.
 */
export type Outside = true | { readonly limitMs: number };

/** Which of the two contexts, by what is given as `outside`. */
export type ContextOf<Where, SqlTx, TryResult> = Where extends Outside
  ? OutsideContext<TryResult>
  : InsideContext<SqlTx, TryResult>;

/**
 * One activity. Each op takes effect at most once for each branch, however often it is called. It refuses by
 * throwing a `Refusal`, and says "not yet" by throwing `InProgress`; whatever else it throws means that
 * nobody knows, and it is called again. Whatever it throws, what it wrote with `sqlTx` is rolled back.
 *
 * Inside, an op may be run several times before it is committed once, after a deadlock for example: it does
 * database work only. On SQLite it is synchronous.
 */
export type ActivityOps<One extends Activity, SqlTx, Where = undefined> = {
  /** Sets aside what the payload asks for, so that neither a confirm nor a cancel can fail. */
  readonly try: (
    payload: PayloadOf<One>,
    context: ContextOf<Where, SqlTx, null>,
  ) => ResultOf<One> | Promise<ResultOf<One>>;
  /** Makes use of what the try has set aside. Returns any JSON, or nothing. */
  readonly confirm: PhaseTwo<One, SqlTx, Where>;
  /** Gives back what the try has set aside; it is called only where there is something to give back. */
  readonly cancel: PhaseTwo<One, SqlTx, Where>;
  /** The refusal of a try is remembered, and answered again for good. For the pivot of a saga. */
  readonly isPivot?: boolean;
};

type PhaseTwo<One extends Activity, SqlTx, Where> = (
  payload: PayloadOf<One>,
  context: ContextOf<Where, SqlTx, ResultOf<One> | null>,
) => unknown;

/**
 * All activities of a contract. `Where` is inferred from what stands as `outside`, activity by activity; the
 * first half of the type is there for that alone. No constraint says what it may be, because a constraint
 * would take the place of what is inferred; the second half says it.
 */
export type AllOps<All extends Activities, SqlTx, Where> = {
  readonly [Name in keyof Where]: { readonly outside?: Where[Name] };
} & {
  readonly [Name in keyof All]: { readonly outside?: Outside } & ActivityOps<
    All[Name],
    SqlTx,
    Name extends keyof Where ? Where[Name] : undefined
  >;
};
