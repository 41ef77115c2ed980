/** The types of `parallel`: functions that each continue one saga, and what they make of it together. */
import type { KNOWN, KnownSteps, NewName } from './known-steps.ts';

/**
 * How far a saga is built: it may have a pivot yet; it is continued by a function of `parallel`, where no pivot can stand; or
 * it has one.
 */
export type Stage = 'open' | 'branch' | 'past_pivot';

export type InBranch<At extends Stage> = At extends 'past_pivot' ? 'past_pivot' : 'branch';

/** In place of a pivot's name where no pivot can stand, words that no name is, for the compiler's error. */
export type PivotName<Name extends string, Known, At extends Stage> = At extends 'open'
  ? NewName<Name, Known>
  : At extends 'branch'
    ? 'no pivot inside of parallel: add it after the chains, which it has to wait for'
    : 'no second pivot: this saga has one already';

export type AnySaga = { readonly [KNOWN]?: KnownSteps };

/** The functions, unless two of them name a step alike: then words that no function is, for the compiler's error. */
export type Distinct<Branches extends readonly unknown[], Before> = [NamedTwice<Branches, Before>] extends [
  never,
]
  ? Branches
  : { readonly [At in keyof Branches]: `“${NamedTwice<Branches, Before>}” names two steps` };

type NamedTwice<Branches extends readonly unknown[], Before> = Branches extends readonly [
  infer First,
  ...infer Rest,
]
  ? (AddedBy<First, Before> & AddedBy<Rest[number], Before>) | NamedTwice<Rest, Before>
  : never;

type AddedBy<One, Before> = One extends unknown
  ? Exclude<keyof KnownAfter<One>, keyof Before> & string
  : never;

type KnownAfter<One> = One extends (...given: never) => { readonly [KNOWN]?: infer Known } ? Known : never;

/** All that one of them knows. */
export type Joined<Branches extends readonly unknown[]> =
  AllOf<KnownAfter<Branches[number]>> extends infer All extends KnownSteps ? All : never;

type AllOf<Each> = (Each extends unknown ? (one: Each) => void : never) extends (all: infer All) => void
  ? All
  : never;
