/**
 * One activity as it is served: the service's ops, checked when the participant is defined, and called through
 * the barrier. They are those of one pattern: of a tcc, or of a saga.
 *
 * The payload is checked inside the barrier's work, so only when work is really to be done: a cancel whose
 * try was refused for its payload finds nothing to undo, and has to succeed. A try or action that is no
 * pivot's is checked before (`answer-call.ts`): its refusal leaves no trace, so there is no need to open a
 * SQL transaction for it.
 */
import type { TSchema } from 'typebox';
import type { Barrier, Known, Passed } from '../barrier/barrier.ts';
import { type Call, isPhaseOne } from '../call.ts';
import type { Activity } from '../contract.ts';
import { Refusal } from '../refusal.ts';
import { Op } from '../wire/index.ts';
import { duringCall } from './current-call.ts';
import { firstFault } from './first-fault.ts';

export type ServedActivity = {
  readonly payload: TSchema;
  readonly isPivot: boolean;
  /** Those it has; any other is no call. */
  readonly ops: readonly Op[];
  /** @throws Refusal, InProgress, InvalidPayload, InvalidResult, and whatever the op and the barrier throw */
  pass(call: Call, payload: unknown): Promise<Passed<unknown>>;
};

/** At confirm, cancel and compensate: an error of the participant, which took the payload before. */
export class InvalidPayload extends Error {
  override readonly name = 'InvalidPayload';
}

/** What a try or an action returned is not what the contract promises. */
export class InvalidResult extends Error {
  override readonly name = 'InvalidResult';
}

type CallOp = (payload: unknown, context: object) => unknown;
type Ops = ReadonlyMap<Op, CallOp>;

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
  if (typeof given !== 'object' || given === null) throw missing(title);
  const ops = opsOf(title, given);
  const isPivot = isPivotOf(title, given, ops);
  const outside = outsideOf(title, given);

  const work = (call: Call, payload: unknown, known: object): unknown => {
    const op = ops.get(call.op);
    if (op === undefined) throw new Error(`${title} has no ${call.op}, and was called for it`);
    checkPayload(payloadSchema, call, payload);
    const result = duringCall(call, () => op(payload, { call, ...known }));
    return isPhaseOne(call.op) && resultSchema !== undefined
      ? checkResult(resultSchema, call, result)
      : result;
  };
  const optionsOf = ({ op }: Call) => ({ isPivot: isPivot && op === 'action' });
  const passInside: ServedActivity['pass'] = (call, payload) =>
    // What the op returns goes on as it is: on SQLite it may not be a promise.
    barrier.run(
      call,
      (sqlTx, known) => work(call, payload, { sqlTx, ...knownTo(call, known) }),
      optionsOf(call),
    );
  const passOutside: ServedActivity['pass'] = (call, payload) =>
    barrier.outside(
      call,
      async ({ signal, ...known }) => work(call, payload, { signal, ...knownTo(call, known) }),
      { ...optionsOf(call), ...outside },
    );
  const pass = outside === null ? passInside : passOutside;
  return { payload: payloadSchema, isPivot, ops: [...ops.keys()], pass };
}

/** The results that an op of its pattern is given. */
function knownTo({ op }: Call, { tryResult, actionResult }: Known): object {
  if (op === 'action') return {};
  return op === 'compensate' ? { actionResult } : { tryResult };
}

const TCC: readonly Op[] = ['try', 'confirm', 'cancel'];

const missing = (title: string) =>
  new TypeError(`${title} is missing: give its try, confirm and cancel, or its action and compensate`);

/** @throws TypeError for none, for some of both patterns, and where one is missing that has to be there */
function opsOf(title: string, given: object): Ops {
  const named = Op.enum.filter((op) => Reflect.get(given, op) !== undefined);
  const [first] = named;
  if (first === undefined) throw missing(title);
  const isTcc = TCC.includes(first);
  const stranger = named.find((op) => TCC.includes(op) !== isTcc);
  if (stranger !== undefined)
    throw new TypeError(
      `${title} has ${first} and ${stranger}: give try, confirm and cancel for a tcc, or action and compensate ` +
        'for a saga; an activity that serves both is two activities',
    );
  const owed: readonly Op[] = isTcc ? TCC : ['action'];
  return new Map([...new Set([...owed, ...named])].map((op) => [op, opOf(title, given, op)]));
}

function opOf(title: string, given: object, op: Op): CallOp {
  const found: unknown = Reflect.get(given, op);
  if (typeof found !== 'function') throw new TypeError(`${title} has no ${op}: give a function`);
  return (payload, context) => Reflect.apply(found, given, [payload, context]);
}

/** @throws TypeError also for a pivot of a tcc, which has none, and for one with a compensate that would never be called */
function isPivotOf(title: string, given: object, ops: Ops): boolean {
  const isPivot: unknown = Reflect.get(given, 'isPivot') ?? false;
  if (typeof isPivot !== 'boolean') throw new TypeError(`isPivot of ${title} is to be true or false`);
  if (isPivot && !ops.has('action'))
    throw new TypeError(`${title} has isPivot, and no action: only a saga has a pivot`);
  if (isPivot && ops.has('compensate'))
    throw new TypeError(
      `${title} has isPivot and compensate: a pivot is never compensated, leave one of them out`,
    );
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
  throw isPhaseOne(op) ? new Refusal(fault, 'invalid_payload') : new InvalidPayload(fault);
}

/** The same result, or a promise of it. */
function checkResult(schema: TSchema, call: Call, result: unknown): unknown {
  if (isThenable(result))
    return Promise.resolve(result).then((awaited) => checkResult(schema, call, awaited));
  // Returned in place of thrown, it is not answered with success either.
  if (result instanceof Error) throw result;
  const fault = firstFault(schema, asJsonKeeps(result));
  if (fault !== null)
    throw new InvalidResult(`the ${call.op} returned what its contract does not promise: ${fault}`);
  return result;
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';

/** What is answered is JSON: a date is text there, and what is undefined is absent. */
const asJsonKeeps = (value: unknown): unknown => JSON.parse(JSON.stringify(value) ?? 'null');
