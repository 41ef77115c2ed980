/** What the compiler knows of the steps of a saga while it is built: what each answers, and which come before it. */
import type { Reference } from './reference.ts';

export type KnownStep = { readonly result: unknown; readonly upstream: string };
export type KnownSteps = { readonly [name: string]: KnownStep };

/** For the compiler alone: where it can infer what is known of a saga. */
export declare const KNOWN: unique symbol;

export type NamesOf<Known extends KnownSteps> = keyof Known & string;

/** These, and all that come before them. All are known to be all, so that a long saga is not looked through at each step. */
export type UpstreamOf<Known extends KnownSteps, Names extends string> = [NamesOf<Known>] extends [Names]
  ? Names
  : Names | Known[Names]['upstream'];

/** What the payload of a step may be made of: the results of the steps before it. */
export type Earlier<Known extends KnownSteps, Names extends string> = {
  readonly [Name in Names]: Reference<Known[Name]['result']>;
};

/** In place of a name that is taken, words that no name is, for the compiler's error. Names made at run time are let pass. */
export type NewName<Name extends string, Known> = string extends keyof Known
  ? Name
  : Name extends keyof Known
    ? `“${Name}” names a step already`
    : Name;

/** An intersection, which the compiler keeps flat: a mapped type over another would be nested as deep as there are steps. */
export type WithStep<
  Known extends KnownSteps,
  Name extends string,
  Result,
  Upstream extends string,
> = Known & { readonly [One in Name]: { readonly result: Result; readonly upstream: Upstream } };
