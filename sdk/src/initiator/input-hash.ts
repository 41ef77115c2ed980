/**
 * What a transaction is about, as a hash: equal for inputs that say the same, in whichever order their members are.
 *
 * It is made of the input as JSON. What JSON would flatten or leave out is refused: a `Map` becomes `{}` and NaN becomes null,
 * so that two orders would have one hash, and the second would be answered as the first.
 */
import { hash } from 'node:crypto';
import { types } from 'node:util';
import { isPlain } from '../lossless-json.ts';
import { errorText } from '../caught-error.ts';
import type { RunOptions } from './types.ts';

/** Absent where there is no input. @throws TypeError that says where it has what JSON cannot hold */
export const inputHashOf = ({ input }: Pick<RunOptions, 'input'>): string | undefined =>
  input === undefined ? undefined : hash('sha256', jsonOf(input, { path: [], above: [] }));

/** Where in the input, and the objects around it. */
type Place = { readonly path: readonly string[]; readonly above: readonly object[] };

const below = ({ path, above }: Place, object: object, name: string): Place => ({
  path: [...path, name],
  above: [...above, object],
});

function jsonOf(given: unknown, at: Place): string {
  const value = read(at, () => replaced(given, at));
  const fault = faultOf(value, at);
  if (fault !== null) throw new NotHashable(fault, at);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return Array.isArray(value) ? jsonOfArray(value, at) : jsonOfObject(value, at);
}

function jsonOfArray(array: readonly unknown[], at: Place): string {
  const items: string[] = [];
  for (let index = 0; index < array.length; index += 1) {
    const inside = below(at, array, String(index));
    items.push(
      jsonOf(
        read(inside, () => array[index]),
        inside,
      ),
    );
  }
  // The names of an array begin with its indices.
  const other = namesIn(array, at)[items.length];
  if (other === undefined) return `[${items.join()}]`;
  throw new NotHashable('a member of an array that is no element: give an object', below(at, array, other));
}

/** Members are in the order of their names. */
function jsonOfObject(object: object, at: Place): string {
  const members = namesIn(object, at)
    .toSorted()
    .flatMap((name) => {
      const inside = below(at, object, name);
      const value = read(inside, () => Reflect.get(object, name));
      return value === undefined ? [] : [`${JSON.stringify(name)}:${jsonOf(value, inside)}`];
    });
  return `{${members.join()}}`;
}

function namesIn(object: object, at: Place): readonly string[] {
  const shown = read(at, () =>
    Reflect.ownKeys(object).filter((key) => Object.prototype.propertyIsEnumerable.call(object, key)),
  );
  const names = shown.filter((key) => typeof key === 'string');
  if (names.length === shown.length) return names;
  throw new NotHashable('a member that is named by a symbol: name it by a string', at);
}

/** What stands for it in JSON. */
function replaced(given: unknown, { path }: Place): unknown {
  // Its toJSON would say null.
  if (types.isDate(given) && Number.isNaN(Date.prototype.getTime.call(given))) return Number.NaN;
  if ((typeof given !== 'object' || given === null) && typeof given !== 'bigint') return given;
  const toJson: unknown = Reflect.get(Object(given), 'toJSON');
  return typeof toJson === 'function' ? Reflect.apply(toJson, given, [path.at(-1) ?? '']) : given;
}

// ── Faults ───────────────────────────────────────────────────────────────────────────────────────────────────

const MAX_DEPTH = 1000;
const MAX_SHOWN_LENGTH = 200;

const UNFIT: { readonly [type: string]: string } = {
  undefined: 'undefined: leave it out, or give null',
  function: 'a function: leave it out',
  symbol: 'a symbol: give a string',
  bigint: 'a bigint: give a string',
};

/** What it is and what to do; null for what JSON holds. */
function faultOf(value: unknown, at: Place): string | null {
  if (typeof value === 'number' && !Number.isFinite(value))
    return 'a number or date that is none: give a finite number, a valid date or null';
  if (typeof value !== 'object' || value === null) return UNFIT[typeof value] ?? null;
  if (at.above.includes(value)) return 'an object that holds itself: leave it out';
  if (at.above.length >= MAX_DEPTH) return `more than ${MAX_DEPTH} objects within each other: give fewer`;
  return read(at, () => isPlain(value))
    ? null
    : 'an instance of a class: give a plain object or an array, or give the class a toJSON';
}

class NotHashable extends TypeError {
  constructor(fault: string, { path }: Place) {
    const pointer = path.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
    super(`The input has what JSON cannot hold, ${fault}. It is at “#${shortened(pointer)}”`);
  }
}

const shortened = (words: string): string =>
  words.length > MAX_SHOWN_LENGTH ? `${words.slice(0, MAX_SHOWN_LENGTH).toWellFormed()}…` : words;

/** Getters, proxies and toJSON can throw. */
function read<Value>(at: Place, act: () => Value): Value {
  try {
    return act();
  } catch (error) {
    throw new NotHashable(`a part that throws when it is read, “${shortened(errorText(error))}”`, at);
  }
}
