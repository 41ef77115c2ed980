/**
 * What a service implements of an activity, typed from the contract. The kind says which ops it has: `try`, `confirm` and
 * `cancel` for a tcc; `action` and `compensate` for a step; `action` alone for what nothing undoes.
 */
import type { Accepted } from '../accepted.ts';
import type { Call } from '../call.ts';
import type { Activities, Activity, KindOf, PayloadOf, ResultOf } from '../contract.ts';

type OfCall = { readonly call: Call };

/** What a try, confirm or cancel knows. */
type KnownOfBranch<TryResult> = OfCall & {
  /**
   * What the try of this branch returned; null in the try itself, and in a cancel where a try outside never came to its
   * end. Inside, a cancel is called only where the try was done, and so is every confirm.
   */
  readonly tryResult: TryResult;
};

/** What a compensate knows. */
type KnownOfStep<ActionResult> = OfCall & {
  /**
   * What the action of this step returned; null where an action outside never came to its end. Inside, a compensate is called
   * only where the action was done.
   */
  readonly actionResult: ActionResult;
};

type Inside<SqlTx> = {
  /**
   * The open SQL transaction: what is written with it stands or falls with the barrier's record of the call.
   */
  readonly sqlTx: SqlTx;
};

type WithSignal = {
  /** Aborted when the op may take no longer: the next call takes it for crashed. */
  readonly signal: AbortSignal;
};

/** What a try, confirm or cancel is given that works in the participant's own database. */
export type InsideContext<SqlTx, TryResult> = KnownOfBranch<TryResult> & Inside<SqlTx>;

/** What a try, confirm or cancel is given that works outside the database. */
export type OutsideContext<TryResult> = KnownOfBranch<TryResult> & WithSignal;

/** What an action is given: `InsideActionContext` in the participant's own database, else `OutsideActionContext`. */
export type InsideActionContext<SqlTx> = OfCall & Inside<SqlTx>;
export type OutsideActionContext = OfCall & WithSignal;

/** What a compensate is given: inside the participant's own database, or outside. */
export type InsideCompensateContext<SqlTx, ActionResult> = KnownOfStep<ActionResult> & Inside<SqlTx>;
export type OutsideCompensateContext<ActionResult> = KnownOfStep<ActionResult> & WithSignal;

/**
 * Work outside the database; `limitMs`: how long an op may take, in milliseconds, 30,000 when only true is
 * said.
 */
export type Outside = true | { readonly limitMs: number };

/**
 * Ops of the activity may return `accepted()`: their work is committed, and they are completed from outside, by `complete` or
 * `refuse` of the participant.
 */
export type Accepts = true;

/** Which of two contexts, by what is given as `outside`. */
type ByPlace<Where, WhenInside, WhenOutside> = Where extends Outside ? WhenOutside : WhenInside;

/**
 * One activity. Each op takes effect at most once for each branch, however often it is called. It refuses by
 * throwing a `Refusal`, and says "not yet" by throwing `InProgress`; whatever else it throws means that
 * the outcome is unknown, and it is called again. Whatever it throws, what it wrote with `sqlTx` is rolled back.
 *
 * Where the activity has `accepts: true`, an op may also return `accepted()`: what it wrote is committed, and the op is completed
 * from outside. A cancel or compensate then meets a try or action that was never completed, whose result is null.
 *
 * Inside, an op may be run several times before it is committed once, after a deadlock for example: it does
 * database work only. Each run is given the payload and the context as they came. With `sqliteBarrier` it is a synchronous function; outside it may be asynchronous there too.
 *
 * An activity that becomes one inside after it was one outside still meets steps of before, whose results may be null.
 */
export type ActivityOps<One extends Activity, SqlTx, Where = undefined, Accepting = undefined> = {
  readonly tcc: TccOps<One, SqlTx, Where, Accepting>;
  readonly step: StepOps<One, SqlTx, Where, Accepting>;
  readonly step_uncompensated: ActionOps<One, SqlTx, Where, Accepting>;
  readonly pivot: ActionOps<One, SqlTx, Where, Accepting>;
  readonly final: ActionOps<One, SqlTx, Where, Accepting>;
}[KindOf<One>];

/** For the branches of a tcc. */
export type TccOps<One extends Activity, SqlTx, Where = undefined, Accepting = undefined> = {
  /** Sets aside what the payload asks for, so that neither a confirm nor a cancel can fail. */
  readonly try: (
    payload: PayloadOf<One>,
    context: ByPlace<Where, InsideContext<SqlTx, null>, OutsideContext<null>>,
  ) => Answer<One, Accepting>;
  /** Makes use of what the try has set aside. Returns any JSON, or nothing. */
  readonly confirm: PhaseTwo<One, SqlTx, Where, ResultOf<One>, ResultOf<One>>;
  /** Gives back what the try has set aside; it is called only where there is something to give back. */
  readonly cancel: PhaseTwo<One, SqlTx, Where, EndedResult<One, Accepting>, ResultOf<One> | null>;
  readonly action?: never;
  readonly compensate?: never;
};

/** For a step of a saga that is undone when the saga is cancelled. */
export type StepOps<One extends Activity, SqlTx, Where = undefined, Accepting = undefined> = {
  /** Does what the payload asks for, at once and in full; others see it. */
  readonly action: Action<One, SqlTx, Where, Accepting>;
  /** Undoes what the action has done; it is called only where there is something to undo. */
  readonly compensate: (
    payload: PayloadOf<One>,
    context: ByPlace<
      Where,
      InsideCompensateContext<SqlTx, EndedResult<One, Accepting>>,
      OutsideCompensateContext<ResultOf<One> | null>
    >,
  ) => unknown;
} & NoTcc;

/**
 * For a step that nothing undoes: one with nothing to undo, the pivot, or one after it. What refuses a pivot is remembered, and
 * answered again for good.
 */
export type ActionOps<One extends Activity, SqlTx, Where = undefined, Accepting = undefined> = {
  readonly action: Action<One, SqlTx, Where, Accepting>;
  readonly compensate?: never;
} & NoTcc;

type NoTcc = { readonly try?: never; readonly confirm?: never; readonly cancel?: never };

/** What a cancel or compensate inside is given: where the op may have been accepted only, its result may be missing. */
type EndedResult<One extends Activity, Accepting> = Accepting extends Accepts
  ? ResultOf<One> | null
  : ResultOf<One>;

type OrAccepted<Result, Accepting> = Accepting extends Accepts ? Result | Accepted : Result;

type Answer<One extends Activity, Accepting> =
  | OrAccepted<ResultOf<One>, Accepting>
  | Promise<OrAccepted<ResultOf<One>, Accepting>>;

type PhaseTwo<One extends Activity, SqlTx, Where, ResultInside, ResultOutside> = (
  payload: PayloadOf<One>,
  context: ByPlace<Where, InsideContext<SqlTx, ResultInside>, OutsideContext<ResultOutside>>,
) => unknown;

type Action<One extends Activity, SqlTx, Where, Accepting> = (
  payload: PayloadOf<One>,
  context: ByPlace<Where, InsideActionContext<SqlTx>, OutsideActionContext>,
) => Answer<One, Accepting>;

/**
 * All activities of a contract. `Where` is inferred from what stands as `outside`, and `Accepting` from `accepts`, activity by
 * activity; the first two parts of the type are there for that alone. No constraint says what they may be, because a constraint
 * would take the place of what is inferred; the last part says it.
 */
export type AllOps<All extends Activities, SqlTx, Where, Accepting> = {
  readonly [Name in keyof Where]: { readonly outside?: Where[Name] };
} & {
  readonly [Name in keyof Accepting]: { readonly accepts?: Accepting[Name] };
} & {
  readonly [Name in keyof All]: { readonly outside?: Outside; readonly accepts?: Accepts } & ActivityOps<
    All[Name],
    SqlTx,
    Name extends keyof Where ? Where[Name] : undefined,
    Name extends keyof Accepting ? Accepting[Name] : undefined
  >;
};
