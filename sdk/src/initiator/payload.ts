/** Payloads of a tcc as they are sent: JSON, and what the contract of both sides takes. */
import { type Contract, kindOf } from '../contract.ts';
import { firstFault } from '../first-fault.ts';
import { asJson } from '../lossless-json.ts';

/**
 * The payload as the JSON that is sent, which fits the contract.
 * @throws TypeError when it does not, or is no JSON, and for an activity that is not of kind tcc
 */
export function payloadAsJson({ name, activities }: Contract, activity: string, payload: unknown): string {
  const what = `The payload of ${activity} of ${name}`;
  const one = Object.hasOwn(activities, activity) ? activities[activity] : undefined;
  if (one === undefined) throw new TypeError(`${name} has no activity “${activity}”`);
  const kind = kindOf(one);
  if (kind !== 'tcc')
    throw new TypeError(
      `${activity} of ${name} is of kind ${kind}: only saga(…) can use it; a branch of a tcc is of kind tcc`,
    );
  const json = asJson(payload, what);
  // What is checked is what is sent, and what the participant will check.
  const fault = firstFault(one.payload, JSON.parse(json), { showsNames: true });
  if (fault !== null) throw new TypeError(`${what} does not fit its contract: ${fault}`);
  return json;
}
