/**
 * A contract: what a participant can be asked, in one place for both sides. The participant implements it, and an
 * initiator calls it; payloads and results are checked by its schemas at run time, and by the compiler before.
 *
 *   export const inventory = defineContract('inventory', {
 *     reserve: {
 *       payload: Type.Object({ item: Type.String(), quantity: Type.Integer({ minimum: 1 }) }),
 *       result: Type.Object({ reservationId: Type.String() }),
 *     },
 *   });
 */
import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { ParticipantName } from './wire/index.ts';

/** One activity: the body of every call for it, and what its try answers to the initiator. */
export type Activity = {
  readonly payload: TSchema;
  /** What the try answers; when absent its answer is not looked at. */
  readonly result?: TSchema;
};

export type Activities = { readonly [activity: string]: Activity };

export type Contract<Name extends string = string, All extends Activities = Activities> = {
  /** The name under which the participant is registered with the coordinator. */
  readonly name: Name;
  readonly activities: All;
};

export type PayloadOf<One extends Activity> = Static<One['payload']>;
export type ResultOf<One extends Activity> = One extends { readonly result: infer Schema extends TSchema }
  ? Static<Schema>
  : unknown;

/** A word that no activity has: it may be `payload` misspelt, and then nothing would be checked. */
type Unknown<All extends Activities> = {
  readonly [Name in keyof All]: { readonly [Word in Exclude<keyof All[Name], keyof Activity>]: never };
};

/**
 * @throws TypeError when the name, or that of an activity, is not one to 64 of `A-Z a-z 0-9 _ -`, when an
 *   activity has no payload, and when it has anything but payload and result
 */
export function defineContract<const Name extends string, const All extends Activities>(
  name: Name,
  activities: All & Unknown<All>,
): Contract<Name, All> {
  for (const word of [name, ...Object.keys(activities)]) {
    if (!Value.Check(ParticipantName, word))
      throw new TypeError(
        `“${word}” is no name for a participant or an activity: use 1 to 64 of A-Z a-z 0-9 _ -`,
      );
  }
  if (Object.keys(activities).length === 0)
    throw new TypeError(`${name} has no activities: name at least one, such as reserve`);
  for (const [activity, given] of Object.entries(activities)) checkActivity(`${activity} of ${name}`, given);
  return { name, activities };
}

const WORDS: { readonly [Word in keyof Activity]-?: true } = { payload: true, result: true };

/** @throws TypeError */
function checkActivity(title: string, given: unknown): void {
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`${title} is no activity: give its payload, and its result`);
  const unknown = Object.keys(given).find((word) => !Object.hasOwn(WORDS, word));
  if (unknown !== undefined)
    throw new TypeError(`${title} has “${unknown}”: an activity has payload and result`);
  const { payload, result } = given as Partial<Activity>;
  checkSchema(`the payload of ${title}`, payload);
  if (result !== undefined) checkSchema(`the result of ${title}`, result);
}

function checkSchema(title: string, given: unknown): void {
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`${title} is no schema: give one, such as Type.Object({ … })`);
}
