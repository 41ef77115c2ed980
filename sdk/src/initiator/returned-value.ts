/** What the function of a transaction returned shows whether it ended: what goes on, or never began, is missing from the confirm. */
import { types } from 'node:util';
import { isError } from '../../../src/wire/error-fields/fields.ts';
import { isPlain, isThenable } from '../lossless-json.ts';

/**
 * @throws an error that was returned instead of thrown, alone or by `Promise.allSettled`
 * @throws TypeError for a function or a generator, alone or in a list: its body did not run; and for promises, as a `map` of an
 *   async function returns them
 */
export function checkReturned(returned: unknown): void {
  for (const one of Array.isArray(returned) ? returned : [returned]) {
    if (typeof one === 'function')
      throw new TypeError('it returned a function, which was not called: call it');
    if (types.isGeneratorObject(one))
      throw new TypeError(
        'it returned a generator, whose body did not run to its end: make it an async function',
      );
    if (isError(one)) throw one;
    if (isError(reasonIn(one))) throw reasonIn(one);
  }
  if (hasPromise(returned)) throw new TypeError('it returned promises: await them by Promise.all');
}

/** Of a rejected promise, as `Promise.allSettled` has it. */
const reasonIn = (one: unknown): unknown =>
  memberOf(one, 'status') === 'rejected' ? memberOf(one, 'reason') : undefined;

/** Without a getter: it may throw. */
const memberOf = (one: unknown, name: string): unknown =>
  isRead(one) ? Object.getOwnPropertyDescriptor(one, name)?.value : undefined;

function hasPromise(value: unknown, seen = new Set<unknown>()): boolean {
  if (types.isPromise(value)) return true;
  if (!isRead(value) || seen.has(value)) return false;
  seen.add(value);
  // Query builders are promises of their own kind.
  if (isThenable(value)) return true;
  if (!Array.isArray(value) && !isPlain(value)) return false;
  return Object.keys(value).some((name) => hasPromise(memberOf(value, name), seen));
}

/** A proxy may throw when it is read. */
const isRead = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !types.isProxy(value);
