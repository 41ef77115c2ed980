/**
 * A participant that has no service behind it. Every op that the kinds of its contract have succeeds unless the test says otherwise
 * (`script.ts`), and takes effect once for each branch, behind a barrier in memory. It receives callbacks, too.
 */
import { Value } from 'typebox/value';
import { Accepted } from '../accepted.ts';
import {
  type Activities,
  type Activity,
  type Contract,
  kindOf,
  type PayloadOf,
  type ResultOf,
} from '../contract.ts';
import { succeeded } from '../serving/answers.ts';
import { defineParticipant } from '../participant/define-participant.ts';
import { firstFault } from '../first-fault.ts';
import type { Participant } from '../participant/participant.ts';
import type { ParticipantAnswer, ParticipantRequest } from '../serving/mountable.ts';
import { Refusal } from '../refusal.ts';
import type { Kind } from '../../../src/wire/index.ts';
import { memoryBarrier } from '../barrier/memory.ts';

/**
 * What tries and actions answer, by activity: a result, or a function that makes it from the payload. `accepted()` in its place
 * is answered 202.
 */
export type ScriptedResults<All extends Activities> = {
  readonly [Name in keyof All]?:
    | ResultOf<All[Name]>
    | Accepted
    | ((payload: PayloadOf<All[Name]>) => ResultOf<All[Name]> | Accepted);
};

/** Says that a world is to have such a participant; the same one may be given to many worlds. */
export type Scripted<Of extends Contract = Contract> = {
  readonly contract: Of;
  readonly results: Readonly<Record<string, unknown>>;
};

/**
 * @param results what tries and actions answer; where nothing is said, any result that the contract allows
 * @throws TypeError for a result that the contract does not allow, or of an activity that it does not have
 */
export function scripted<const Of extends Contract>(
  contract: Of,
  results: ScriptedResults<Of['activities']> = {},
): Scripted<Of> {
  const given: Readonly<Record<string, unknown>> = { ...results };
  for (const [name, result] of Object.entries(given)) {
    const activity = contract.activities[name];
    if (activity === undefined) throw new TypeError(`the contract ${contract.name} has no activity ${name}`);
    const fault = typeof result === 'function' ? null : faultIn(activity, result);
    if (fault !== null) throw new TypeError(`the result for ${contract.name}/${name} does not fit: ${fault}`);
  }
  return { contract, results: given };
}

/** @param nowMs by which tries and actions are too late, in milliseconds since 1970 */
export function scriptedParticipant(
  { contract, results }: Scripted,
  { nowMs }: { readonly nowMs: () => number },
): Participant {
  const barrier = memoryBarrier({ nowMs });
  const first = (name: string, activity: Activity) => (payload: unknown) =>
    resultOf(`${contract.name}/${name}`, activity, results[name], payload);
  const activities = Object.fromEntries(
    Object.entries(contract.activities).map(([name, one]) => [name, opsOf(kindOf(one), first(name, one))]),
  );
  const defined = defineParticipant(contract, {
    barrier,
    activities: activities as never,
    // A test sees what was answered.
    onNotDone: () => {},
  });
  return {
    contract,
    routes: defined.routes,
    handle: async (request) => (await defined.handle(request)) ?? heardOfEnd(request),
  };
}

/** What an activity of this kind has to have; all of it succeeds. */
function opsOf(kind: Kind, work: (payload: unknown) => unknown): object {
  const accepts = true;
  if (kind === 'tcc') return { accepts, try: work, confirm: () => null, cancel: () => null };
  return kind === 'step' ? { accepts, action: work, compensate: () => null } : { accepts, action: work };
}

/** `notify`, of whatever activity: a callback names one of its own. */
const heardOfEnd = ({ method, path }: ParticipantRequest): ParticipantAnswer | null =>
  method === 'POST' && path.endsWith('/notify') ? succeeded(null) : null;

/**
 * @throws Refusal for a result that the contract does not allow: it ends the transaction at once, and its reason reaches the
 * test
 */
function resultOf(title: string, activity: Activity, given: unknown, payload: unknown): unknown {
  if (given === undefined) return anyResultOf(title, activity);
  const result: unknown = typeof given === 'function' ? given(payload) : given;
  const fault = faultIn(activity, result);
  if (fault === null) return result;
  throw new Refusal(`the scripted result for ${title} does not fit its contract: ${fault}`);
}

/** @throws Refusal */
function anyResultOf(title: string, activity: Activity): unknown {
  const result = madeUp(activity);
  const fault = faultIn(activity, result);
  if (fault === null) return result;
  throw new Refusal(
    `no result for ${title} can be made up from its contract (${fault}): give one to scripted()`,
  );
}

/** Null where the schema is too particular. */
function madeUp({ result }: Activity): unknown {
  try {
    return result === undefined ? null : Value.Create(result);
  } catch {
    return null;
  }
}

const faultIn = ({ result: schema }: Activity, result: unknown): string | null =>
  schema === undefined || result instanceof Accepted ? null : firstFault(schema, result ?? null);
