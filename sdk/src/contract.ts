/**
 * A contract: what a participant can be asked, in one place for both sides. The participant implements it, and an
 * initiator calls it; payloads and results are checked by its schemas at run time, and by the compiler before. Its
 * activities are members of it, to be named where they are asked for: `inventory.reserve`.
 *
 *   export const inventory = defineContract('inventory', {
 *     reserve: {
 *       kind: 'tcc',
 *       payload: Type.Object({ item: Type.String(), quantity: Type.Integer({ minimum: 1 }) }),
 *       result: Type.Object({ reservationId: Type.String() }),
 *     },
 *   });
 *
 * The kind of an activity says what it can be part of. Both sides derive from it what they implement and where they may call it,
 * so they cannot disagree on what a step is.
 */
import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { Kind, ParticipantName } from '../../src/wire/index.ts';

/** One activity: the body of every call for it, and what its try answers to the initiator, or its action to later steps. */
export type Activity = {
  /**
   * - `tcc`, which is the default: a branch of a tcc, with try, confirm and cancel.
   * - `step`: a step of a saga, with action and compensate.
   * - `step_uncompensated`: a step whose action has nothing to undo.
   * - `pivot`: the step whose answer decides. The barrier remembers its refusal.
   * - `final`: a step after the pivot only, such as a mail; it is called until it succeeds.
   */
  readonly kind?: Kind;
  readonly payload: TSchema;
  /** What the try or the action answers; when absent its answer is not looked at. */
  readonly result?: TSchema;
};

export type Activities = { readonly [activity: string]: Activity };

export type Contract<Name extends string = string, All extends Activities = Activities> = {
  /** The name under which the participant is registered with the coordinator. */
  readonly name: Name;
  readonly activities: All;
};

/** One activity and whose it is: what a step of a saga is given. */
export type ActivityHandle<One extends Activity = Activity> = {
  /** The name under which the participant is registered. */
  readonly participant: string;
  readonly activity: string;
  readonly schemas: One;
};

/** What `defineContract` returns: the contract, and its activities by their names. */
export type DefinedContract<Name extends string, All extends Activities> = Contract<Name, All> & {
  readonly [Word in keyof All & string]: ActivityHandle<All[Word]>;
};

/** Of an activity whose type says nothing of its kind, any. */
export type KindOf<One extends Activity> = One extends { readonly kind: infer Given extends Kind }
  ? Given
  : Activity extends One
    ? Kind
    : 'tcc';

export const kindOf = ({ kind = 'tcc' }: Pick<Activity, 'kind'>): Kind => kind;

/** As registered with the coordinator: the kind of each activity, by its name. */
export const kindsOf = ({ activities }: Contract): Record<string, Kind> =>
  Object.fromEntries(Object.entries(activities).map(([word, one]) => [word, kindOf(one)]));

export type PayloadOf<One extends Activity> = Static<One['payload']>;
export type ResultOf<One extends Activity> = One extends { readonly result: infer Schema extends TSchema }
  ? Static<Schema>
  : unknown;

/** A word that no activity has: it may be `payload` misspelt, and then nothing would be checked. */
type Unknown<All extends Activities> = {
  readonly [Name in keyof All]: { readonly [Word in Exclude<keyof All[Name], keyof Activity>]: never };
};

/**
 * Members of a contract, and the member that distinguishes a participant from it: an activity of that name would hide
 * them.
 */
const OWN_MEMBERS = ['name', 'activities', 'contract'] as const;

/** Says in the compiler's error what the TypeError says. */
type Hiding<All extends Activities> = {
  readonly [Word in keyof All & (typeof OWN_MEMBERS)[number]]: `no activity can be named “${Word}”`;
};

/**
 * @throws TypeError when the name, or that of an activity, is not one to 64 of `A-Z a-z 0-9 _ -`, when an
 *   activity is named `name`, `activities` or `contract`, when one has no payload or a kind that is none, and when it has
 *   anything but kind, payload and result
 */
export function defineContract<const Name extends string, const All extends Activities>(
  name: Name,
  activities: All & Unknown<All> & Hiding<All>,
): DefinedContract<Name, All> {
  for (const word of [name, ...Object.keys(activities)]) {
    if (!Value.Check(ParticipantName, word))
      throw new TypeError(
        `“${word}” is no name for a participant or an activity: use 1 to 64 of A-Z a-z 0-9 _ -`,
      );
  }
  if (Object.keys(activities).length === 0)
    throw new TypeError(`${name} has no activities: name at least one, such as reserve`);
  for (const word of OWN_MEMBERS) {
    if (Object.hasOwn(activities, word))
      throw new TypeError(
        `${name} cannot have an activity “${word}”, which contracts have themselves: rename it`,
      );
  }
  for (const [activity, given] of Object.entries(activities)) checkActivity(`${activity} of ${name}`, given);
  const handles = Object.entries<Activity>(activities).map(([activity, schemas]) => [
    activity,
    Object.freeze({ participant: name, activity, schemas }),
  ]);
  // One member for each activity, by its name: what the type says.
  return { ...Object.fromEntries(handles), name, activities } as DefinedContract<Name, All>;
}

const ACTIVITY_KEYS: { readonly [Word in keyof Activity]-?: true } = {
  kind: true,
  payload: true,
  result: true,
};

/** @throws TypeError */
function checkActivity(title: string, given: unknown): void {
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`${title} is no activity: give its payload, and its result`);
  const unknown = Object.keys(given).find((word) => !Object.hasOwn(ACTIVITY_KEYS, word));
  if (unknown !== undefined)
    throw new TypeError(`${title} has “${unknown}”: an activity has kind, payload and result`);
  const { kind, payload, result } = given as Partial<Activity>;
  if (kind !== undefined && !Value.Check(Kind, kind))
    throw new TypeError(`${title} is of kind “${kind}”: the kinds are ${Kind.enum.join(', ')}`);
  checkSchema(`the payload of ${title}`, payload);
  if (result !== undefined) checkSchema(`the result of ${title}`, result);
}

function checkSchema(title: string, given: unknown): void {
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`${title} is no schema: give one, such as Type.Object({ … })`);
}
