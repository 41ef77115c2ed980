/**
 * One activity as it is served: the service's three ops, checked when the participant is defined, and called
 * through the barrier.
 *
 * The payload is checked inside the barrier's work, so only when work is really to be done: a cancel whose
 * try was refused for its payload finds nothing to undo, and has to succeed. A try that is no pivot's is
 * checked before (`answer-call.ts`): its refusal leaves no trace, so there is no need to open a SQL
 * transaction for it.
 */
import type { TSchema } from 'typebox';
import type { Barrier, Passed } from '../barrier/barrier.ts';
import type { Call } from '../call.ts';
import type { Activity } from '../contract.ts';
import { Refusal } from '../refusal.ts';
import type { Op } from '../wire/index.ts';
import { duringCall } from './current-call.ts';
import { firstFault } from './first-fault.ts';

export type ServedActivity = {
  readonly payload: TSchema;
  readonly isPivot: boolean;
  /** @throws Refusal, InProgress, InvalidPayload, InvalidResult, and whatever the op and the barrier throw */
  pass(call: Call, payload: unknown): Promise<Passed<unknown>>;
};

/** At confirm and cancel: an error of the participant, which took the payload at the try. */
export class InvalidPayload extends Error {
  override readonly name = 'InvalidPayload';
}

/** What a try returned is not what the contract promises to initiators. */
export class InvalidResult extends Error {
  override readonly name = 'InvalidResult';
}

type CallOp = (payload: unknown, context: object) => unknown;
type Ops = Readonly<Record<Op, CallOp>>;

/** The longest time that a timer can run. */
const MAX_LIMIT_MS = 2_147_483_647;

/**
 * @param title `contract/activity`, for errors
 * @param given what the service gave for it
 * @throws TypeError that says what is missing or wrong
 */
export function servedActivity<SqlTx>(
  title: string,
  { payload: payloadSchema, result: resultSchema }: Activity,
  given: unknown,
  barrier: Barrier<SqlTx>,
): ServedActivity {
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`${title} is missing: give its try, confirm and cancel`);
  const ops: Ops = {
    try: opOf(title, given, 'try'),
    confirm: opOf(title, given, 'confirm'),
    cancel: opOf(title, given, 'cancel'),
  };
  const isPivot = isPivotOf(title, given);
  const outside = outsideOf(title, given);

  const work = (call: Call, payload: unknown, context: object): unknown => {
    checkPayload(payloadSchema, call, payload);
    const result = duringCall(call, () => ops[call.op](payload, context));
    return call.op === 'try' && resultSchema !== undefined ? checkResult(resultSchema, result) : result;
  };
  // Only the refusal of a try is final: a confirm or cancel that refuses is called again, as one that fails.
  const optionsOf = ({ op }: Call) => ({ isPivot: isPivot && op === 'try' });
  const passInside: ServedActivity['pass'] = (call, payload) =>
    // What the op returns goes on as it is: on SQLite it may not be a promise.
    barrier.run(
      call,
      (sqlTx, { tryResult }) => work(call, payload, { call, sqlTx, tryResult }),
      optionsOf(call),
    );
  const passOutside: ServedActivity['pass'] = (call, payload) =>
    barrier.outside(call, async ({ signal, tryResult }) => work(call, payload, { call, signal, tryResult }), {
      ...optionsOf(call),
      ...outside,
    });
  return { payload: payloadSchema, isPivot, pass: outside === null ? passInside : passOutside };
}

function opOf(title: string, given: object, op: Op): CallOp {
  const found: unknown = Reflect.get(given, op);
  if (typeof found !== 'function') throw new TypeError(`${title} has no ${op}: give a function`);
  return (payload, context) => Reflect.apply(found, given, [payload, context]);
}

function isPivotOf(title: string, given: object): boolean {
  const isPivot: unknown = Reflect.get(given, 'isPivot') ?? false;
  if (typeof isPivot !== 'boolean') throw new TypeError(`isPivot of ${title} is to be true or false`);
  return isPivot;
}

/** Null for work inside the SQL transaction. */
function outsideOf(title: string, given: object): { readonly limitMs?: number } | null {
  const outside: unknown = Reflect.get(given, 'outside');
  if (outside === undefined) return null;
  if (outside === true) return {};
  const limitMs: unknown =
    typeof outside === 'object' && outside !== null ? Reflect.get(outside, 'limitMs') : null;
  if (typeof limitMs !== 'number' || !Number.isInteger(limitMs) || limitMs < 1 || limitMs > MAX_LIMIT_MS)
    throw new TypeError(`outside of ${title} is to be true, or { limitMs } with whole milliseconds from 1`);
  return { limitMs };
}

/** A pivot's refusal is thrown inside the barrier, which remembers it. */
function checkPayload(schema: TSchema, { op }: Call, payload: unknown): void {
  const fault = firstFault(schema, payload);
  if (fault === null) return;
  throw op === 'try' ? new Refusal(fault, 'invalid_payload') : new InvalidPayload(fault);
}

/** The same result, or a promise of it. */
function checkResult(schema: TSchema, result: unknown): unknown {
  if (isThenable(result)) return Promise.resolve(result).then((awaited) => checkResult(schema, awaited));
  // Returned in place of thrown, it is not answered with success either.
  if (result instanceof Error) throw result;
  const fault = firstFault(schema, asJsonKeeps(result));
  if (fault !== null)
    throw new InvalidResult(`the try returned what its contract does not promise: ${fault}`);
  return result;
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';

/** The initiator is answered JSON: a date is text there, and what is undefined is absent. */
const asJsonKeeps = (value: unknown): unknown => JSON.parse(JSON.stringify(value) ?? 'null');
