/**
 * What is wrong with a request, by the wire's schemas, in the words in which a coordinator says it: the first fault alone, its
 * place, and what is wanted there.
 */
import type { TSchema } from 'typebox';
import { Pointer, Value } from 'typebox/value';
import { schemaProblem } from '../../../src/api/problem-document.ts';
import type { Fault, ProblemDocument } from '../../../src/wire/index.ts';

/** Where in a request: a place in the body, a header, a part of the path or of the query. */
export type Part = 'params' | 'body' | 'query' | 'headers';

type Found = ReturnType<typeof Value.Errors>[number];

/** Null when the value fits. */
export function requestProblem(schema: TSchema, value: unknown, part: Part): ProblemDocument | null {
  if (Value.Check(schema, value)) return null;
  // That a property is not known is told twice: once for the property, and once for the object that has it.
  const found = Value.Errors(schema, value).find(({ keyword }) => keyword !== 'boolean');
  if (found === undefined) throw new Error('a request does not fit its schema, and nothing is wrong with it');
  const fault = { ...placeOf(found, part), detail: detailOf(found, schema, value) };
  return schemaProblem([fault], found.keyword);
}

function placeOf(found: Found, part: Part): Pick<Fault, 'pointer' | 'header' | 'parameter'> {
  const last = lastOf(found);
  const path = last === undefined ? found.instancePath : `${found.instancePath}/${escaped(last)}`;
  if (part === 'body') return { pointer: `#${path}` };
  return part === 'headers' ? { header: path.slice(1) } : { parameter: path.slice(1) };
}

/** The property that is at fault, where the error is told of the object around it. */
function lastOf(found: Found): string | undefined {
  if (found.keyword === 'required') return found.params.requiredProperties[0];
  return found.keyword === 'additionalProperties' ? found.params.additionalProperties[0] : undefined;
}

/** A key as a step of a JSON pointer in a URI fragment. */
const escaped = (key: string): string =>
  encodeURIComponent(key.toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1'));

/** A pattern is no sentence: where the schema has words for what it wants, they stand for it. */
function detailOf(found: Found, whole: TSchema, value: unknown): string {
  if (found.keyword === 'required') return 'is required';
  if (found.keyword === 'additionalProperties') return 'is not known here';
  const schema: unknown = Pointer.Get(whole, found.schemaPath.slice(1));
  const wanted = descriptionOf(schema)?.replace(/\.$/, '');
  const fault =
    found.keyword === 'pattern' && wanted ? 'does not have the right form' : wordsOf(found, value);
  return wanted === undefined ? fault : `${fault}. ${wanted}`;
}

function descriptionOf(schema: unknown): string | undefined {
  if (typeof schema !== 'object' || schema === null || !('description' in schema)) return undefined;
  return typeof schema.description === 'string' ? schema.description : undefined;
}

function wordsOf(found: Found, value: unknown): string {
  switch (found.keyword) {
    case 'enum':
      return `${found.message}: ${found.params.allowedValues.join(', ')}`;
    case 'type':
      return `must be ${[found.params.type].flat().join(',')}`;
    case 'uniqueItems':
      return `must NOT have duplicate items (${twins(Pointer.Get(value, found.instancePath))})`;
    default:
      return found.message.replace('must not', 'must NOT');
  }
}

/** Which two items are the same: the last two, and the later one first. */
function twins(items: unknown): string {
  const placeOfItem = new Map<unknown, number>();
  for (const [at, item] of Array.isArray(items) ? [...items.entries()].reverse() : []) {
    const later = placeOfItem.get(item);
    if (later !== undefined) return `items ## ${later} and ${at} are identical`;
    placeOfItem.set(item, at);
  }
  return 'of another kind';
}
