/**
 * One activity as it is served: the service's ops, checked against the kind of the contract when the participant is defined, and
 * called through the barrier.
 *
 * - Every activity answers every op. A branch whose try or action was refused for its kind is still cancelled or compensated,
 *   and that must succeed: the barrier answers it by its record.
 * - The payload is checked inside the barrier's work, so only when work is really to be done: a cancel whose
 *   try was refused for its payload finds nothing to undo, and has to succeed. A try or action that is no
 *   pivot's is checked before (`answer-call.ts`): its refusal leaves no trace, so there is no need to open a
 *   SQL transaction for it.
 */
import { types } from 'node:util';
import type { TSchema } from 'typebox';
import { Accepted } from '../accepted.ts';
import type { Barrier, Known, Passed } from '../barrier/barrier.ts';
import type { CompletedAs } from '../barrier/barrier.ts';
import { resultJson } from '../barrier/recorded-outcome.ts';
import { isPhaseOne } from '../../../src/wire/reply.ts';
import type { AcceptedCall, Call } from '../call.ts';
import { type Activity, kindOf } from '../contract.ts';
import { isThenable } from '../lossless-json.ts';
import { InProgress, Refusal } from '../refusal.ts';
import { inSpan, type SpanOptions } from '../spans.ts';
import { isServed, type Kind, Op } from '../../../src/wire/index.ts';
import { duringCall } from '../current-call.ts';
import { firstFault } from '../first-fault.ts';
import { isInstanceOf } from '../caught-error.ts';

export type ServedActivity = {
  readonly name: string;
  /** `contract/activity`. */
  readonly title: string;
  readonly payload: TSchema;
  readonly kind: Kind;
  /**
   * @param payloadOfRun a payload of its own for each run of the op: after a conflict the barrier runs it again, and it may have
   *   changed the one that it was given
   * @throws Refusal, InProgress, InvalidPayload, InvalidResult, and whatever the op and the barrier throw
   */
  pass(call: Call, payloadOfRun: () => unknown): Promise<Passed<unknown>>;
  /**
   * Records the end of an accepted op.
   * @param work what is done with that, in the same SQL transaction; returns the result, or the reason of a refusal
   * @throws NotCompleted, InProgress, InvalidResult, and whatever the work and the barrier throw
   * @throws TypeError for an async function that the barrier cannot await
   */
  complete(call: AcceptedCall, as: CompletedAs, work: CompletionWork): Promise<Passed<unknown>>;
};

export type CompletionWork = (sqlTx: unknown, known: Known) => unknown;

/** At confirm, cancel, compensate and a pivot that was started: an error of the participant, which took the payload before. */
export class InvalidPayload extends Error {
  override readonly name = 'InvalidPayload';
}

/** What a try or an action returned is not what the contract promises. */
export class InvalidResult extends Error {
  override readonly name = 'InvalidResult';
}

type CallOp = (payload: unknown, context: object) => unknown;
type Ops = ReadonlyMap<Op, CallOp>;

const SPAN_OF_BARRIER: SpanOptions<Passed<unknown>> = {
  attributesOf: ({ outcome }) => ({ 'tcc.barrier.outcome': outcome }),
  // What was refused, or is under way elsewhere, is no failure.
  isFailure: (result) =>
    'error' in result && !isInstanceOf(Refusal, result.error) && !isInstanceOf(InProgress, result.error),
};

/** The longest time that a timer can run. */
const MAX_LIMIT_MS = 2_147_483_647;

/**
 * @param given what the service gave for it
 * @throws TypeError that says what is missing or wrong
 */
export function servedActivity<SqlTx>(
  { name: owner, activity: name }: { readonly name: string; readonly activity: string },
  contract: Activity,
  given: unknown,
  barrier: Barrier<SqlTx>,
): ServedActivity {
  const title = `${owner}/${name}`;
  const { payload: payloadSchema, result: resultSchema } = contract;
  const declared = kindOf(contract);
  const ops = opsOf(title, declared, given);
  const outside = outsideOf(title, given as object);
  const accepts = acceptsOf(title, given as object);
  const isPromiseRefused = outside === null && barrier.isSynchronous === true;

  const work = (call: Call, payload: unknown, known: Known, given: object): unknown => {
    const op = ops.get(call.op);
    if (op === undefined)
      throw new Error(`${title} is of kind ${declared} and has no ${call.op}, but has work for it`);
    checkPayload(payloadSchema, call, payload, known);
    // A copy, too: the barrier goes by the call when it records the outcome.
    const own = { ...call };
    const result = duringCall(own, () => op(payload, { call: own, ...given, ...knownTo(call, known) }));
    // Such a barrier refuses it. Awaited here, a query that waits to be awaited would begin, outside of the SQL transaction.
    if (isPromiseRefused && isThenable(result)) return result;
    const checked =
      isPhaseOne(call.op) && resultSchema !== undefined ? checkResult(resultSchema, call, result) : result;
    return accepts ? checked : withoutAccepted(title, checked);
  };
  // By what the caller takes it for: only a caller that compensates nothing needs the refusal to be remembered.
  const optionsOf = ({ op, kind }: Call) => ({ isPivot: kind === 'pivot' && op === 'action' });
  const passInside: ServedActivity['pass'] = (call, payloadOfRun) =>
    // What the op returns goes on as it is: on SQLite it may not be a promise.
    barrier.run(call, (sqlTx, known) => work(call, payloadOfRun(), known, { sqlTx }), optionsOf(call));
  const passOutside: ServedActivity['pass'] = (call, payloadOfRun) =>
    barrier.outside(call, async ({ signal, ...known }) => work(call, payloadOfRun(), known, { signal }), {
      ...optionsOf(call),
      ...outside,
    });
  const passKind = outside === null ? passInside : passOutside;
  return {
    name,
    title,
    payload: payloadSchema,
    kind: declared,
    pass(call, payloadOfRun) {
      const isMismatch = isPhaseOne(call.op) && !(isServed(declared, call.kind) && ops.has(call.op));
      if (!isMismatch) return inSpan('tercet barrier', SPAN_OF_BARRIER, () => passKind(call, payloadOfRun));
      return barrier.run(call, (_sqlTx, known) => refuseKind(title, declared, call, known), optionsOf(call));
    },
    async complete(call, as, work) {
      const { gid, branchId, op } = call;
      // Before it is called: what it does after its first `await` would stand, without a record.
      if (barrier.isSynchronous === true && types.isAsyncFunction(work))
        throw new TypeError(
          `the work that completes ${title} is an async function, which this barrier cannot await: it has to be synchronous`,
        );
      const checked = (sqlTx: unknown, known: Known): unknown => {
        const result = work(sqlTx, known);
        if (barrier.isSynchronous === true && isThenable(result)) return result;
        const isChecked = as === 'succeeded' && isPhaseOne(op) && resultSchema !== undefined;
        return isChecked ? checkResult(resultSchema, call, result) : result;
      };
      return inSpan(
        `tercet complete ${title} ${op}`,
        {
          attributes: { 'tcc.transaction.id': gid, 'tcc.branch.id': branchId, 'tcc.op': op },
          ...SPAN_OF_BARRIER,
        },
        () => barrier.run(call, checked, { completes: as }),
      );
    },
  };
}

/**
 * Inside the barrier's work: what was done before is answered as it was, and a pivot's refusal is remembered.
 * @throws Refusal; of a pivot that was started outside, an Error: it may have taken effect, and cannot be refused any more
 */
function refuseKind(title: string, declared: Kind, { op, kind }: Call, { isStarted }: Known): never {
  const detail = `${title} is of kind ${declared}, and was called as ${kind} to ${op}`;
  if (kind === 'pivot' && isStarted) throw new Error(`${detail}, but it was started as a pivot before`);
  throw new Refusal(`${detail}: correct the contract on one side`, 'kind_mismatch');
}

/** The results that an op of its pattern is given. */
function knownTo({ op }: Call, { tryResult, actionResult }: Known): object {
  if (op === 'action') return {};
  return op === 'compensate' ? { actionResult } : { tryResult };
}

const OPS: Readonly<Record<Kind, readonly Op[]>> = {
  tcc: ['try', 'confirm', 'cancel'],
  step: ['action', 'compensate'],
  step_uncompensated: ['action'],
  pivot: ['action'],
  final: ['action'],
};

/** @throws TypeError where one is missing that the kind has, or is given that it does not have */
function opsOf(title: string, kind: Kind, given: unknown): Ops {
  const owed = OPS[kind];
  const advice = `it is of kind ${kind}, which has ${owed.join(', ')}`;
  if (typeof given !== 'object' || given === null) throw new TypeError(`${title} is missing: ${advice}`);
  if (Reflect.get(given, 'isPivot') !== undefined)
    throw new TypeError(`${title} has isPivot: say kind: 'pivot' in the contract instead`);
  const extra = Op.enum.find((op) => Reflect.get(given, op) !== undefined && !owed.includes(op));
  if (extra !== undefined)
    throw new TypeError(`${title} has ${extra}: ${advice}. Leave it out, or change the kind in the contract`);
  return new Map(owed.map((op) => [op, opOf(title, given, op, advice)]));
}

function opOf(title: string, given: object, op: Op, advice: string): CallOp {
  const found: unknown = Reflect.get(given, op);
  if (typeof found !== 'function') throw new TypeError(`${title} has no ${op}: ${advice}. Give a function`);
  return (payload, context) => Reflect.apply(found, given, [payload, context]);
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

function acceptsOf(title: string, given: object): boolean {
  const accepts: unknown = Reflect.get(given, 'accepts');
  if (accepts === undefined || accepts === true) return accepts === true;
  throw new TypeError(`accepts of ${title} is to be true: its ops may then return accepted()`);
}

/** @throws InvalidResult, or its promise rejects with it */
function withoutAccepted(title: string, result: unknown): unknown {
  if (isThenable(result)) return Promise.resolve(result).then((awaited) => withoutAccepted(title, awaited));
  if (!(result instanceof Accepted)) return result;
  throw new InvalidResult(
    `${title} returned accepted(), and does not declare it: give the activity accepts: true`,
  );
}

/**
 * A pivot's refusal is thrown inside the barrier, which remembers it. A pivot that was started outside may have taken effect: it
 * cannot be refused any more, since its caller compensates nothing.
 */
function checkPayload(schema: TSchema, call: Call, payload: unknown, { isStarted }: Known): void {
  const fault = firstFault(schema, payload);
  if (fault === null) return;
  const mayRefuse = isPhaseOne(call.op) && !(call.kind === 'pivot' && isStarted);
  throw mayRefuse ? new Refusal(fault, 'invalid_payload') : new InvalidPayload(fault);
}

/** The result as JSON keeps it, or a promise of it: a `toJSON` of it is work, too, and is not to run twice. */
function checkResult(schema: TSchema, call: Pick<Call, 'op'>, result: unknown): unknown {
  if (isThenable(result))
    return Promise.resolve(result).then((awaited) => checkResult(schema, call, awaited));
  if (result instanceof Accepted) return result;
  // Returned in place of thrown, it is not answered with success either.
  if (result instanceof Error) throw result;
  const json = resultJson(result);
  if (json === undefined && result !== undefined)
    throw new InvalidResult(`the ${call.op} returned what JSON cannot hold: return plain values`);
  // What is answered is JSON: a date is text there, and what is undefined is absent.
  const kept: unknown = JSON.parse(json ?? 'null');
  const fault = firstFault(schema, kept);
  if (fault !== null)
    throw new InvalidResult(`the ${call.op} returned what its contract does not promise: ${fault}`);
  return kept;
}
