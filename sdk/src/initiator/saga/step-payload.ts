/**
 * The payload of a step as the coordinator is given it: JSON in which `{"$from": "reserve.id"}` is a reference. A literal key
 * `$from` gets a `$` more, which the coordinator takes away again.
 *
 * It is checked by the contract as far as it is literal: a reference may come to be anything.
 */
import { type TSchema, Type } from 'typebox';
import type { ActivityHandle } from '../../contract.ts';
import { asJson } from '../../lossless-json.ts';
import { firstFault } from '../../first-fault.ts';
import { Pointer, referencesTo } from './reference.ts';

/**
 * @param title the step, in errors
 * @param given the payload, or the function from references to it
 * @param upstream the steps that it may refer to
 * @throws TypeError when it is no JSON, does not fit the contract or refers to another step, and what the function throws
 */
export function stepPayload(
  title: string,
  { participant, activity, schemas }: ActivityHandle,
  given: unknown,
  upstream: readonly string[],
): unknown {
  const value: unknown = typeof given === 'function' ? given(referencesTo(title, upstream)) : given;
  if (value instanceof Promise)
    throw new TypeError(`${title}: its payload is a promise: await what it needs before the saga is built`);
  const payload: unknown = JSON.parse(asJson(value, `${title}: its payload`, written));
  const other = pathsIn(payload).find((path) => !upstream.includes(stepOf(path)));
  if (other !== undefined)
    throw new TypeError(`${title} cannot refer to “${other}”: “${stepOf(other)}” does not come before it`);
  const fault = firstFault(schemaOfLiterals(schemas.payload, payload), literal(payload), {
    showsNames: true,
  });
  if (fault === null) return payload;
  throw new TypeError(`${title}: its payload does not fit ${activity} of ${participant}: ${fault}`);
}

type Members = Readonly<Record<string, unknown>>;

const REFERENCE = '$from';
/** What a literal key is written as that would be taken for that of a reference, or for a literal one. */
const isEscaped = (key: string): boolean => /^\$+from$/.test(key);

const isMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const withKeys = (members: Members, change: (key: string) => string): Members =>
  Object.fromEntries(Object.entries(members).map(([key, value]) => [change(key), value]));

/** For `JSON.stringify`, which goes on with what is returned. */
function written(_key: string, value: unknown): unknown {
  if (value instanceof Pointer) return { [REFERENCE]: value.path };
  if (!isMembers(value) || !Object.keys(value).some(isEscaped)) return value;
  return withKeys(value, (key) => (isEscaped(key) ? `$${key}` : key));
}

const isReference = (value: unknown): value is { readonly [REFERENCE]: string } =>
  isMembers(value) && Object.hasOwn(value, REFERENCE);

/** All that is referred to, in the order of the text. */
function pathsIn(payload: unknown): readonly string[] {
  if (isReference(payload)) return [payload[REFERENCE]];
  return typeof payload === 'object' && payload !== null ? Object.values(payload).flatMap(pathsIn) : [];
}

const stepOf = (path: string): string => path.split('.', 1)[0] ?? '';

/** As the participant gets it, references aside. */
function literal(payload: unknown): unknown {
  if (isReference(payload)) return payload;
  if (Array.isArray(payload)) return payload.map(literal);
  if (!isMembers(payload)) return payload;
  const members = withKeys(payload, keyOf);
  return Object.fromEntries(Object.entries(members).map(([key, value]) => [key, literal(value)]));
}

const keyOf = (key: string): string => (isEscaped(key) ? key.slice(1) : key);

const ANYTHING: TSchema = Type.Unsafe({});

/**
 * The schema without what it says of references, and of what holds one in a way that cannot be looked through: objects and
 * arrays of one kind can, alternatives cannot.
 */
function schemaOfLiterals(schema: TSchema, payload: unknown): TSchema {
  if (pathsIn(payload).length === 0) return schema;
  if (isReference(payload)) return ANYTHING;
  const { type, properties, items } = schema as Schema;
  if (Array.isArray(payload) && type === 'array' && isMembers(items))
    return Type.Tuple(payload.map((one) => schemaOfLiterals(items, one)));
  if (isMembers(payload) && type === 'object' && isMembers(properties))
    return schemaOfMembers(schema, payload);
  return ANYTHING;
}

/** What of a JSON Schema is looked through. */
type Schema = {
  readonly type?: unknown;
  readonly items?: unknown;
  readonly properties?: unknown;
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
  readonly patternProperties?: unknown;
};

function schemaOfMembers(schema: Schema, payload: Members): TSchema {
  const { properties = {}, required = [], additionalProperties, patternProperties } = schema;
  const isClosed = additionalProperties === false && patternProperties === undefined;
  const known = properties as Readonly<Record<string, TSchema>>;
  const relaxed = Object.entries(payload).flatMap(([key, value]) => {
    const name = keyOf(key);
    const own = Object.hasOwn(known, name) ? known[name] : undefined;
    if (own !== undefined) return [[name, schemaOfLiterals(own, value)]];
    return isClosed ? [] : [[name, ANYTHING]];
  });
  return Type.Unsafe({
    type: 'object',
    properties: { ...known, ...Object.fromEntries(relaxed) },
    required,
    ...(isClosed && { additionalProperties }),
  });
}
