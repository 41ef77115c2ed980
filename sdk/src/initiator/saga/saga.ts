/**
 * A saga, built step by step, each typed by the contract of its participant:
 *
 *   const fulfil = saga('fulfil-order')
 *     .step('reserve', inventory.reserve, { item: 'mug', quantity: 2 })
 *     .parallel(
 *       (chain) => chain.step('pay', payment.authorise, { account: 'ada', cents: 2500 }),
 *       (chain) => chain.step('book', shipping.book, { to: 'ada' }).step('label', shipping.label, …),
 *     )
 *     .pivot('charge', payment.capture, ({ pay }) => ({ holdId: pay.holdId }))
 *     .step('send', shipping.send, ({ book }) => ({ bookingId: book.bookingId }));
 *   await tercet.submit({ saga: fulfil, idempotencyKey: orderId });
 *
 * A step waits for all that stand before it, and may refer to what they answer; with `dependsOn`, for those alone. The
 * functions of `parallel` each continue what stands before it by a chain of their own, and know nothing of each other.
 *
 * Nothing of it is ever changed: each call returns another saga, which may be kept, submitted often, and continued in
 * several ways. It runs when it is submitted; the coordinator calls the steps.
 */
import { Value } from 'typebox/value';
import {
  type Activity,
  type ActivityHandle,
  type KindOf,
  kindOf,
  type PayloadOf,
  type ResultOf,
} from '../../contract.ts';
import { BeginRequest, BranchId, type DeclaredBranchRequest, type Kind } from '../../../../src/wire/index.ts';
// biome-ignore lint/correctness/noUnusedImports: KNOWN is the name of a member of the class, which the rule does not see.
import type { Earlier, KNOWN, KnownSteps, NamesOf, NewName, UpstreamOf, WithStep } from './known-steps.ts';
import type { AnySaga, Distinct, InBranch, Joined, PivotName, Stage } from './parallel.ts';
import type { WithReferences } from './reference.ts';
import { stepPayload } from './step-payload.ts';
import {
  checkedSettings,
  type GivenSettings,
  type PivotSettings,
  type StepSettings,
} from './step-settings.ts';

/** What the coordinator is given; the steps stand in the order in which they were named, each with what it waits for. */
export type SagaDefinition = {
  readonly pattern: 'saga';
  readonly name: string;
  readonly branches: readonly DeclaredBranchRequest[];
};

/** The payload, or a function that makes it of references to what earlier steps answer. */
export type StepPayload<Payload, Before> =
  | (unknown extends Payload ? Json : Payload)
  | ((earlier: Before) => WithReferences<Payload>);

/** What is known of a payload whose schema takes anything: that it is no function. */
type Json = string | number | boolean | null | readonly unknown[] | { readonly [member: string]: unknown };

/** The kinds of activities that a step can have: one that is called only after the pivot cannot stand before it. */
type StepKind<At extends Stage> = At extends 'past_pivot'
  ? 'step' | 'step_uncompensated' | 'final'
  : 'step' | 'step_uncompensated';

/** Intersected with an activity: anything where its kind can stand here, else words for the compiler's error. */
type OfKind<One extends Activity, Allowed extends Kind> = [Extract<KindOf<One>, Allowed>] extends [never]
  ? `an activity of kind ${KindOf<One>} cannot stand here`
  : unknown;

/** @throws TypeError when the name is not 1 to 128 characters without control characters */
export function saga(name: string): Saga<Record<never, never>, 'open'> {
  if (!Value.Check(BeginRequest.properties.name, name))
    throw new TypeError(`“${name}” is no name for a saga: use 1 to 128 characters, no control characters`);
  return new Saga({ name, steps: [], isBranch: false });
}

type Step = DeclaredBranchRequest & { readonly dependsOn: string[] };

type Built = { readonly name: string; readonly steps: readonly Step[]; readonly isBranch: boolean };

/** For the compiler alone: where it can infer how far a saga is built. */
declare const STAGE: unique symbol;

/** A function that is given to `parallel`, and continues the saga by a chain. */
type Branch<Known extends KnownSteps, At extends Stage> = (chain: Saga<Known, At>) => AnySaga;

export class Saga<Known extends KnownSteps, At extends Stage> {
  declare readonly [KNOWN]?: Known;
  declare readonly [STAGE]?: At;
  readonly #built: Built;

  /** Use `saga(name)`. */
  constructor(built: Built) {
    this.#built = built;
  }

  /**
   * Adds a step.
   *
   * @param name one to 64 of `A-Z a-z 0-9 _ -`, unique in the saga; the branchId of the step
   * @param activity a member of its contract, such as `inventory.reserve`, of kind `step` or `step_uncompensated`; after the
   *   pivot also of kind `final`
   * @param payload or a function that makes it of references to earlier results: `({ reserve }) => ({ id: reserve.id })`
   * @throws TypeError when the name is none or taken, the activity is of another kind, the payload does not fit, or a setting
   *   is wrong
   */
  step<Name extends string, One extends Activity, Names extends NamesOf<Known> = NamesOf<Known>>(
    name: NewName<Name, Known>,
    activity: ActivityHandle<One> & OfKind<One, StepKind<At>>,
    payload: NoInfer<StepPayload<PayloadOf<One>, Earlier<Known, UpstreamOf<Known, Names>>>>,
    settings?: StepSettings<Names>,
  ): Saga<WithStep<Known, Name, ResultOf<One>, UpstreamOf<Known, Names>>, At> {
    const given = checkedSettings(this.#titleOf(name), settings ?? {});
    return new Saga(this.#with(name, activity, payload, given));
  }

  /**
   * Adds the point of no return, which waits for all that stand before it. Until it is called, the saga can be cancelled, and
   * what has run is compensated. From then on only its answer decides: a success confirms, and whatever is added after
   * it is called until it succeeds; a refusal cancels, which its participant has to remember for good.
   *
   * @param activity of kind `pivot`
   * @param settings without `dependsOn`, since it waits for all
   * @throws TypeError as `step`; and when there is a pivot
   */
  pivot<Name extends string, One extends Activity>(
    name: PivotName<Name, Known, At>,
    activity: ActivityHandle<One> & OfKind<One, 'pivot'>,
    payload: NoInfer<StepPayload<PayloadOf<One>, Earlier<Known, NamesOf<Known>>>>,
    settings?: PivotSettings,
  ): Saga<WithStep<Known, Name, ResultOf<One>, NamesOf<Known>>, 'past_pivot'> {
    const title = this.#titleOf(name);
    const other = this.#pivot;
    if (other !== undefined) throw new TypeError(`${title} cannot be the pivot: “${other}” is`);
    if (this.#built.isBranch)
      throw new TypeError(
        `${title} cannot be the pivot: add it after the parallel chains, which it has to wait for`,
      );
    const given = checkedSettings(title, settings ?? {});
    if (given.dependsOn !== undefined)
      throw new TypeError(`${title} cannot have dependsOn: a pivot waits for all that stand before it`);
    return new Saga(this.#with(name, activity, payload, given, true));
  }

  /**
   * Adds chains of steps that run in parallel: each function continues the saga so far, and returns that. What is
   * added after them waits for all of them, and may refer to all their steps.
   *
   * @throws TypeError when a function adds no step, returns another saga, or when two name a step alike
   */
  parallel<const Branches extends readonly Branch<Known, InBranch<At>>[]>(
    ...branches: Distinct<Branches, Known>
  ): Saga<Joined<Branches>, At> {
    const { name, steps } = this.#built;
    const chains = (branches as readonly Branch<Known, InBranch<At>>[]).map((branch) =>
      this.#addedBy(branch),
    );
    if (chains.length === 0)
      throw new TypeError(`Saga “${name}” has a parallel without chains: give a function for each`);
    return new Saga({ ...this.#built, steps: chains.flat().reduce(withNew(name), steps) });
  }

  /** What a begin says of it, as a plain object of its own. @throws TypeError when it has no step */
  get definition(): SagaDefinition {
    const { name, steps } = this.#built;
    if (steps.length === 0) throw new TypeError(`Saga “${name}” has no step: add one by .step(…)`);
    return structuredClone({ pattern: 'saga', name, branches: steps });
  }

  toJSON(): SagaDefinition {
    return this.definition;
  }

  get #pivot(): string | undefined {
    return this.#built.steps.find(({ isPivot }) => isPivot)?.branchId;
  }

  #titleOf(step: string): string {
    return `Saga “${this.#built.name}”, step “${step}”`;
  }

  #with(
    name: string,
    activity: ActivityHandle,
    payload: unknown,
    settings: GivenSettings,
    isPivot = false,
  ): Built {
    const title = this.#titleOf(name);
    const { steps } = this.#built;
    if (!Value.Check(BranchId, name))
      throw new TypeError(`${title} has a name that is none: use 1 to 64 of A-Z a-z 0-9 _ -`);
    checkHandle(title, activity);
    const dependsOn = settings.dependsOn ?? lastOf(steps);
    const unknown = dependsOn.find((one) => steps.every(({ branchId }) => branchId !== one));
    if (unknown !== undefined)
      throw new TypeError(`${title} depends on “${unknown}”, which does not stand before it`);
    const upstream = upstreamOf(steps, dependsOn);
    this.#checkPlace(title, activity, upstream, isPivot);
    const isUncompensated = this.#pivot === undefined && kindOf(activity.schemas) === 'step_uncompensated';
    const step: Step = {
      branchId: name,
      participant: activity.participant,
      activity: activity.activity,
      payload: stepPayload(title, activity, payload, upstream),
      ...settings,
      dependsOn,
      ...(isPivot && { isPivot }),
      ...(isUncompensated && { isCompensated: false }),
    };
    return { ...this.#built, steps: withNew(this.#built.name)(steps, step) };
  }

  #checkPlace(title: string, activity: ActivityHandle, upstream: readonly string[], isPivot: boolean): void {
    const pivot = this.#pivot;
    const kind = kindOf(activity.schemas);
    const allowed = isPivot ? PIVOT : pivot === undefined ? BEFORE_PIVOT : AFTER_PIVOT;
    if (!allowed.includes(kind))
      throw new TypeError(
        `${title} cannot be ${activity.activity} of ${activity.participant}, which is of kind ${kind}: here stands ` +
          `an activity of kind ${allowed.join(' or ')}`,
      );
    if (pivot !== undefined && !upstream.includes(pivot))
      throw new TypeError(`${title} has to come after the pivot “${pivot}”: name it in dependsOn`);
  }

  #addedBy(branch: Branch<Known, InBranch<At>>): readonly Step[] {
    const { name, steps } = this.#built;
    const end: unknown = branch(new Saga({ ...this.#built, isBranch: true }));
    if (!(end instanceof Saga) || steps.some((step, at) => end.#built.steps[at] !== step))
      throw new TypeError(
        `Saga “${name}”: a function of parallel is to return what it was given, continued by its steps`,
      );
    const added = end.#built.steps.slice(steps.length);
    if (added.length === 0)
      throw new TypeError(`Saga “${name}”: a function of parallel adds no step: leave it out, or add one`);
    return added;
  }
}

const PIVOT: readonly Kind[] = ['pivot'];
const BEFORE_PIVOT: readonly Kind[] = ['step', 'step_uncompensated'];
const AFTER_PIVOT: readonly Kind[] = [...BEFORE_PIVOT, 'final'];

/** @throws TypeError */
const withNew =
  (saga: string) =>
  (steps: readonly Step[], step: Step): readonly Step[] => {
    if (steps.some(({ branchId }) => branchId === step.branchId))
      throw new TypeError(`Saga “${saga}” has two steps “${step.branchId}”: give each a name of its own`);
    return [...steps, step];
  };

/** As plain JavaScript may call it. @throws TypeError */
function checkHandle(title: string, given: unknown): void {
  const isHandle =
    typeof given === 'object' && given !== null && 'participant' in given && 'schemas' in given;
  if (!isHandle)
    throw new TypeError(`${title} has no activity: give one of a contract, such as inventory.reserve`);
}

/** Those that no other waits for. */
const lastOf = (steps: readonly Step[]): string[] =>
  steps
    .map(({ branchId }) => branchId)
    .filter((branchId) => steps.every(({ dependsOn }) => !dependsOn.includes(branchId)));

/** These and all before them, in the order of the steps: what a step depends on stands before it. */
function upstreamOf(steps: readonly Step[], branchIds: readonly string[]): readonly string[] {
  const found = new Set(branchIds);
  for (const { branchId, dependsOn } of steps.toReversed()) {
    if (found.has(branchId)) for (const one of dependsOn) found.add(one);
  }
  return steps.flatMap(({ branchId }) => (found.has(branchId) ? [branchId] : []));
}
