/**
 * The connection as the work of one pass is given it: an object of its own, which passes everything on until the work has
 * settled. The connection itself serves others afterwards, so it cannot be closed in its place.
 */
import { EventEmitter } from 'node:events';
import { type StatementGate, isThenable, opEnded } from './statement-gate.ts';

export type HandleKind = {
  /** Methods that an object may have as its own, in addition to those of its class. */
  readonly own: readonly PropertyKey[];
  /** Methods that answer without a promise. */
  readonly atOnce: readonly PropertyKey[];
  /** Methods that ask nothing of the server, and may be called later, too. */
  readonly free: readonly PropertyKey[];
  /** Methods whose answer is an object that asks the server: it is closed with the handle. */
  readonly makers?: { readonly [method: string]: HandleKind };
};

const BENEATH = new WeakMap<object, object>();
const GATES = new WeakMap<object, StatementGate>();

/** That of the pass whose work was given this handle; null for what is no handle. */
export const gateOf = (handle: object): StatementGate | null => GATES.get(handle) ?? null;

/** The connection beneath a handle, or beneath a handle of a handle. */
export function connectionBeneath<Target>(handle: Target): Target {
  for (let found = handle; ; ) {
    const next = BENEATH.get(found as object);
    if (next === undefined) return found;
    found = next as Target;
  }
}

type Method = (...args: unknown[]) => unknown;

export function handleOn<Target extends object>(
  target: Target,
  gate: StatementGate,
  kind: HandleKind,
): Target {
  // What the work puts in the place of a method is the work's own, and ends with it.
  const replaced = new Map<PropertyKey, unknown>();
  const made = new Map<PropertyKey, { readonly original: Method; readonly method: Method }>();

  const isMethod = (key: PropertyKey, value: unknown): value is Method =>
    typeof value === 'function' &&
    key !== 'constructor' &&
    (kind.own.includes(key) || key in Object.getPrototypeOf(target));

  const methodOf = (key: PropertyKey, original: Method): Method => {
    const before = made.get(key);
    if (before?.original === original) return before.method;
    const isFree = kind.free.includes(key) || key in EventEmitter.prototype;
    const method = function (this: unknown, ...args: unknown[]): unknown {
      if (gate.isClosed && !isFree) return rejectLateCall(gate, target, args, kind.atOnce.includes(key));
      const answer = Reflect.apply(original, this === handle ? target : this, args);
      const maker = kind.makers?.[String(key)];
      if (maker !== undefined && isThenable(answer))
        return answer.then((one) => statementHandle(one as object, gate, maker));
      return answer === target ? handle : answer;
    };
    made.set(key, { original, method });
    return method;
  };

  const handle = new Proxy(target, {
    get(_target, key) {
      if (replaced.has(key)) return replaced.get(key);
      const value: unknown = Reflect.get(target, key, target);
      return isMethod(key, value) ? methodOf(key, value) : value;
    },
    set(_target, key, value) {
      if (!isMethod(key, Reflect.get(target, key, target))) return Reflect.set(target, key, value, target);
      replaced.set(key, value);
      return true;
    },
  });
  BENEATH.set(handle, target);
  GATES.set(handle, gate);
  return handle;
}

/** What a method made: its statements do not pass the connection's methods, so they are sent here. */
function statementHandle(made: object, gate: StatementGate, kind: HandleKind): object {
  const sending = new Proxy(made, {
    get(_made, key) {
      const value: unknown = Reflect.get(made, key);
      if (typeof value !== 'function' || !kind.own.includes(key)) return value;
      return (...args: unknown[]) => gate.send(() => Reflect.apply(value, made, args));
    },
  });
  return handleOn(sending, gate, kind);
}

/** Answers in the way in which the method would have. */
function rejectLateCall(
  gate: StatementGate,
  target: object,
  args: readonly unknown[],
  isAtOnce: boolean,
): unknown {
  const error = opEnded();
  gate.reportUnfinished(error);
  const [submitted] = args;
  const callback = args.at(-1);
  if (typeof callback === 'function') return void process.nextTick(callback, error);
  // A query object of pg: its client reports errors the same way.
  if (isSubmittable(submitted)) {
    const { connection } = target as { connection?: unknown };
    process.nextTick(() => submitted.handleError(error, connection));
    return submitted;
  }
  if (isAtOnce) throw error;
  return Promise.reject(error);
}

type Submittable = { handleError(error: Error, connection: unknown): void };

const isSubmittable = (value: unknown): value is Submittable =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as { submit?: unknown }).submit === 'function' &&
  typeof (value as { handleError?: unknown }).handleError === 'function';
