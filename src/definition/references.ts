/**
 * References in the payloads of a saga: `{"$from": "reserve.id"}` stands for that part of what the step `reserve` answered.
 * A step, then the names of properties or the indexes of arrays, with dots between; nothing else is ever evaluated.
 *
 * `$$from` stands for `$from` itself, and so on: of two or more signs one is taken away.
 */
import { eachKey, endOfValue, nameOf } from '../domain/index.ts';

export type Reference = {
  /** A step, and the way into its result; null where neither can be read. */
  readonly to: string | null;
  /** Where in the payload, as a JSON pointer. */
  readonly place: string;
};

const FROM = '$from';
const ESCAPED = /^\$\$+from$/;
/** A name of a step; then parts without dots, and without brackets, which elsewhere stand for an index. */
const WELL_FORMED = /^[A-Za-z0-9_-]{1,64}(?:\.[^.[\]]+)*$/;
const MAX_LENGTH = 256;

/** Nothing in the text is a reference, or stands for the sign of one: a name may be written with escapes. */
const isPlain = (payload: string): boolean => !payload.includes(`${FROM}"`) && !payload.includes('\\u');

/** In the order of the text. */
export function referencesIn(payload: string): readonly Reference[] {
  return isPlain(payload) ? [] : found(JSON.parse(payload), '');
}

/**
 * The payload with the parts that it refers to, by step, each as JSON; the rest is as it was written. The same text each time.
 * @throws Error for a result that lacks what is referred to, which no result that was accepted does
 */
export function resolved(payload: string, results: Readonly<Record<string, string>>): string {
  if (isPlain(payload)) return payload;
  let text = '';
  let doneTo = 0;
  const replace = (from: number, to: number, by: string) => {
    text += payload.slice(doneTo, from) + by;
    doneTo = to;
  };
  eachKey(payload, (key) => {
    const name = nameOf(payload, key);
    if (name === FROM) {
      const end = endOfValue(payload, key.objectAt);
      const reference = JSON.parse(payload.slice(key.valueAt, endOfValue(payload, key.valueAt)));
      replace(key.objectAt, end, JSON.stringify(targetIn(results, String(reference))));
    } else if (ESCAPED.test(name)) replace(key.from, key.to, JSON.stringify(name.slice(1)));
  });
  return text + payload.slice(doneTo);
}

/** Whether a result, as JSON, has what is referred to. */
export const has = (result: unknown, reference: string): boolean => partOf(result, reference) !== undefined;

function found(value: unknown, place: string): readonly Reference[] {
  if (typeof value !== 'object' || value === null) return [];
  if (isReference(value)) return [{ to: targetOf(value), place }];
  return Object.entries(value).flatMap(([key, part]) => found(part, `${place}/${escaped(key)}`));
}

const isReference = (value: object): value is { readonly $from: unknown } => Object.hasOwn(value, FROM);

function targetOf(value: { readonly $from: unknown }): string | null {
  const { $from: to } = value;
  const isAlone = Object.keys(value).length === 1;
  return isAlone && typeof to === 'string' && to.length <= MAX_LENGTH && WELL_FORMED.test(to) ? to : null;
}

function targetIn(results: Readonly<Record<string, string>>, reference: string): unknown {
  const [step = ''] = reference.split('.', 1);
  const part = partOf(JSON.parse(results[step] ?? '{}'), reference);
  if (part === undefined) throw new Error(`the result that “${reference}” refers to was never accepted`);
  return part;
}

/** JSON has no undefined: that is what is not there. */
function partOf(result: unknown, reference: string): unknown {
  const [, ...path] = reference.split('.');
  return path.reduce(memberOf, result);
}

function memberOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  const isThere = Array.isArray(value) ? /^\d+$/.test(key) : Object.hasOwn(value, key);
  return isThere ? Reflect.get(value, key) : undefined;
}

const escaped = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');
