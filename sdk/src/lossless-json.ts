/**
 * JSON of what a program gives, without what JSON would silently lose: a promise, a Map, an iterator and an error become `{}`, so
 * that work which goes on, or has failed, would be recorded as done. Of a stream, a request or a process JSON keeps its settings.
 */
import { EventEmitter } from 'node:events';
import { types } from 'node:util';
import { errorText } from './caught-error.ts';

type Replacer = (key: string, value: unknown) => unknown;

/**
 * @param subject of the error's sentence
 * @param replacer as `JSON.stringify` has it; what it returns is checked
 * @throws TypeError that says what is lost, at any depth
 */
export function losslessJson(value: unknown, subject: string, replacer?: Replacer): string | undefined {
  return JSON.stringify(value, function (this: object, key: string, one: unknown) {
    const kept = replacer === undefined ? one : replacer(key, one);
    const loss = lossInSpiteOfToJson(givenIn(this, key)) ?? lossOf(kept) ?? lossAsElement(this, kept);
    if (loss !== null) throw new TypeError(`${subject} ${loss}`);
    return kept;
  });
}

/**
 * The text that is sent for it.
 *
 * @param what it is, in errors
 * @param replacer as `JSON.stringify` has it
 * @throws TypeError
 */
export function asJson(value: unknown, what: string, replacer?: Replacer): string {
  let json: string | undefined;
  try {
    json = losslessJson(value, 'it', replacer);
  } catch (error) {
    throw new TypeError(`${what} cannot be sent as JSON: “${errorText(error)}”`);
  }
  if (json === undefined) throw new TypeError(`${what} cannot be sent as JSON: it is ${typeof value}`);
  return json;
}

/** Before its `toJSON`. A getter is not run again. */
const givenIn = (holder: object, key: string): unknown => Object.getOwnPropertyDescriptor(holder, key)?.value;

/** Promises of Bluebird have a `toJSON`, and so have errors of axios and GraphQL: of them it says what JSON would not. */
function lossInSpiteOfToJson(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return null;
  if (isThenable(value)) return 'has a promise in it: await it, or several by Promise.all';
  if (value instanceof Error || types.isNativeError(value))
    return 'has an error in it: throw it, or give its message';
  return null;
}

/** As a member of an object it may be a method of an instance, which JSON leaves out. */
const lossAsElement = (holder: object, value: unknown): string | null =>
  Array.isArray(holder) && typeof value === 'function'
    ? 'has a function as an element, which was not called: call it, and await what it returns'
    : null;

/** Of any other value with a `toJSON`, what that returns is met here. */
function lossOf(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return null;
  const loss = lossInSpiteOfToJson(value);
  if (loss !== null) return loss;
  if (Array.isArray(value)) return null;
  if (isIterator(value)) return 'has an iterator in it: give an array';
  if (isActive(value))
    return 'has a stream, a timer or another emitter in it, which may go on or fail: wait for its end, and give plain values';
  if (types.isMap(value) || types.isSet(value))
    return 'has a Map or a Set in it: give a plain object or an array';
  return isEmptied(value)
    ? 'has an instance of a class in it of which JSON keeps nothing: give a plain object'
    : null;
}

export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';

/** As a generator function returns it. */
export const isIterator = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  'next' in value &&
  typeof value.next === 'function' &&
  (Symbol.iterator in value || Symbol.asyncIterator in value);

/**
 * What may still go on, or fail: a stream, a request, a child process, a worker, a socket, a timer; or an observable, which
 * nobody has subscribed to.
 */
export const isActive = (value: object): boolean =>
  value instanceof EventEmitter ||
  value instanceof EventTarget ||
  ['pipe', 'getReader', 'getWriter'].some((name) => hasMethod(value, name)) ||
  (hasMethod(value, 'hasRef') && hasMethod(value, 'unref'));

const hasMethod = (value: object, name: string): boolean => typeof Reflect.get(value, name) === 'function';

/** Such as one with private fields alone. */
const isEmptied = (value: object): boolean =>
  Object.keys(value).length === 0 && !isPlain(value) && !types.isBoxedPrimitive(value);

/** Also of another realm. */
export function isPlain(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  // That of arrays is an array itself.
  if (Array.isArray(object)) return Array.isArray(prototype);
  if (typeof prototype !== 'object' || prototype === null) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');
}
