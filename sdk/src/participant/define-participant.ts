/**
 * A participant from its contract, its barrier and its business code:
 *
 *   const participant = defineParticipant(inventory, {
 *     barrier: mysql2Barrier({ pool }),
 *     activities: {
 *       reserve: {
 *         async try({ item, quantity }, { sqlTx }) { …; return { reservationId }; },
 *         async confirm({ item, quantity }, { sqlTx, tryResult }) { … },
 *         async cancel({ item, quantity }, { sqlTx }) { … },
 *       },
 *     },
 *   });
 *   app.register(fastifyParticipant(participant), { prefix: '/tcc' });
 *
 * Which ops an activity has follows from its kind: a `step` of a saga has `action` and `compensate` in their place.
 *
 * The barrier sees to calls that come twice, too late or in the wrong order; payloads are checked by the
 * contract; what is thrown becomes the right answer.
 */
import { types } from 'node:util';
import type { Barrier } from '../barrier/barrier.ts';
import type { Call } from '../call.ts';
import type { Contract } from '../contract.ts';
import { errorLine } from '../../../src/wire/error-fields/fields.ts';
import { Op } from '../../../src/wire/index.ts';
import type { AllOps } from './activity-ops.ts';
import { answerCall, type Serving } from './answer-call.ts';
import { completeCall, type CompletionRequest, type DefinedParticipant } from './completion.ts';
import { isPhaseOne } from '../../../src/wire/reply.ts';
import { isInstanceOf } from '../caught-error.ts';
import { type InProgress, Refusal, retryAfterMsOf, shownCodeOf } from '../refusal.ts';
import { systemTiming } from '../initiator/timing.ts';
import { routeOf } from '../serving/route.ts';
import { checkedSecrets, reporting } from '../serving/options.ts';
import { type ServedActivity, servedActivity } from './served-activity.ts';

export type ParticipantOptions<Of extends Contract, SqlTx, Where, Accepting = object> = {
  readonly barrier: Barrier<SqlTx>;
  /** Each activity of the contract, and no other. */
  readonly activities: AllOps<Of['activities'], SqlTx, Where, Accepting>;
  /**
   * Only calls that one of these signed are served: `whsec_` and 24 to 64 bytes in base64, see `newSecret`.
   * Two of them while the secret is changed. Absent: calls need not be signed.
   */
  readonly secrets?: readonly string[];
  /**
   * Is given every error that is answered 500 or 503, and every refusal of a confirm, cancel or compensate, complete: its caller
   * asks again until it succeeds. When absent, it is one line on the standard error, without
   * values that the error may carry (`errorLine` of `@tercet/sdk/error-fields`); and so it is when this throws or rejects. The
   * answer does not wait for it.
   */
  readonly onError?: (error: unknown, call: Call) => void | Promise<void>;
  /**
   * Is given every other refusal, and every `InProgress`: normal business, for a log. When absent, it is one line on the standard
   * error with the code of the refusal, and without its words. As `onError` otherwise.
   */
  readonly onNotDone?: (answer: Refusal | InProgress, call: Call) => void | Promise<void>;
  /** Posts completions; `globalThis.fetch` when absent. */
  readonly fetch?: typeof globalThis.fetch;
};

/**
 * @throws TypeError when the barrier, an activity or one of its ops is missing, when an activity has an op that its kind
 *   does not have, when the contract does not know an activity, when an op is a generator function, or an async
 *   function that the barrier cannot await, or when a secret is none. An empty list of secrets is
 *   refused too: it would look like protection
 */
export function defineParticipant<
  const Of extends Contract,
  SqlTx,
  Where extends { readonly [Name in keyof Of['activities']]?: unknown },
  Accepting extends { readonly [Name in keyof Of['activities']]?: unknown },
>(contract: Of, given: ParticipantOptions<Of, SqlTx, Where, Accepting>): DefinedParticipant<Of, SqlTx> {
  const { barrier, activities, secrets, onError = logTo(contract), onNotDone = logNotDone(contract) } = given;
  const { fetch = (...request) => globalThis.fetch(...request) } = given;
  checkBarrier(contract, barrier);
  const served = servedActivities(contract, activities ?? {}, barrier);
  checkNoGenerator(contract, activities);
  if (barrier.isSynchronous === true) checkSynchronous(contract, activities);
  const serving: Serving = {
    secrets: checkedSecrets(contract.name, secrets),
    onError: reporting(onError, logTo(contract)),
    onNotDone: reporting<Call, Refusal | InProgress>(onNotDone, logTo(contract)),
  };
  const complete = (request: CompletionRequest) =>
    completeCall(contract, served, request, { fetch, timing: systemTiming });
  const routes = [...served.keys()].flatMap((activity) => Op.enum.map((op) => ({ activity, op })));
  return {
    contract,
    routes,
    handle: async (request) => {
      const route = routeOf({ routes }, request);
      const activity = route === null ? undefined : served.get(route.activity);
      if (route === null || activity === undefined) return null;
      return answerCall(activity, route.op, request, serving);
    },
    complete: async (call, given, options) => complete({ call, as: 'succeeded', given, options }),
    refuse: async (call, given, options) => complete({ call, as: 'refused', given, options }),
  };
}

/** @throws TypeError */
function checkBarrier({ name }: Contract, given: unknown): void {
  const isBarrier =
    typeof given === 'object' &&
    given !== null &&
    ['run', 'outside'].every((method) => typeof Reflect.get(given, method) === 'function');
  if (!isBarrier) throw new TypeError(`${name} has no barrier: give one, such as mysql2Barrier({ pool })`);
}

/**
 * A call of a generator function runs nothing of it, and would be answered as done.
 * @throws TypeError
 */
function checkNoGenerator({ name }: Contract, activities: object): void {
  for (const [activity, ops] of Object.entries(activities) as [string, object][]) {
    const found = Op.enum.find((op) => types.isGeneratorFunction(Reflect.get(ops, op)));
    if (found !== undefined)
      throw new TypeError(
        `${name}/${activity}: its ${found} is a generator function, whose body would never run: make it a plain or an ` +
          'async function',
      );
  }
}

/**
 * Each attempt of an async function would leave what it does after its first `await`.
 * @throws TypeError
 */
function checkSynchronous({ name }: Contract, activities: object): void {
  for (const [activity, ops] of Object.entries(activities) as [string, object][]) {
    if (Reflect.get(ops, 'outside') !== undefined) continue;
    const found = Op.enum.find((op) => types.isAsyncFunction(Reflect.get(ops, op)));
    if (found !== undefined)
      throw new TypeError(
        `${name}/${activity}: its ${found} is an async function, which this barrier cannot await: make it synchronous, ` +
          'or mark the activity outside: true',
      );
  }
}

/** @throws TypeError */
function servedActivities<SqlTx>(
  { name, activities }: Contract,
  given: object,
  barrier: Barrier<SqlTx>,
): ReadonlyMap<string, ServedActivity> {
  for (const key of Object.keys(given)) {
    if (!Object.hasOwn(activities, key)) throw new TypeError(`the contract ${name} has no activity ${key}`);
  }
  return new Map(
    Object.entries(activities).map(([key, activity]) => [
      key,
      servedActivity({ name, activity: key }, activity, Reflect.get(given, key), barrier),
    ]),
  );
}

type OnError = Serving['onError'];
type OnNotDone = Serving['onNotDone'];

const logNotDone =
  ({ name }: Contract): OnNotDone =>
  (answer, { gid, branchId, op }) => {
    const words =
      'code' in answer ? refusalWords(answer, op) : `not yet: InProgress, ${retryAfterMsOf(answer)} ms`;
    console.error(`participant ${name}: ${gid}/${branchId}/${op}: ${words}`);
  };

const logTo =
  ({ name }: Contract): OnError =>
  (error, { gid, branchId, op }) =>
    console.error(`participant ${name}: ${gid}/${branchId}/${op}: ${errorWords(error, op)}`);

/** The code of the barrier says all of its refusal. What the business refuses where it must not is a bug, and has a place. */
const errorWords = (error: unknown, op: Op): string =>
  isInstanceOf(Refusal, error) && (isPhaseOne(op) || shownCodeOf(error) !== 'refused')
    ? refusalWords(error, op)
    : errorLine(error);

const refusalWords = (refusal: Refusal, op: Op): string =>
  `refused, ${shownCodeOf(refusal)}${isPhaseOne(op) ? '' : ': this op must not be refused, see docs/participants.md'}`;
