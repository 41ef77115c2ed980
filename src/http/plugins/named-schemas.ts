/**
 * Names the schemas of an OpenAPI document: each schema with a title becomes a component of that name, so that generated
 * clients have a type for it and not a copy at each place.
 */
import * as wire from '../../wire/index.ts';

type Json = { readonly [key: string]: unknown };

/** @throws Error for one title of two different schemas */
export function withNamedSchemas<Document extends { paths?: unknown; components?: unknown }>(
  document: Document,
): Document {
  const schemas: Record<string, Json> = {};
  const paths = named(document.paths, schemas);
  return { ...document, paths, components: { ...(document.components as Json), schemas } };
}

function named(value: unknown, schemas: Record<string, Json>): unknown {
  if (Array.isArray(value)) return value.map((one) => named(one, schemas));
  if (typeof value !== 'object' || value === null) return value;
  const inner = Object.fromEntries(Object.entries(value).map(([key, one]) => [key, named(one, schemas)]));
  return typeof inner.title === 'string' ? referenceTo(inner, inner.title, schemas) : inner;
}

/** What the description says may differ by place; the schema may not, but for null. */
function referenceTo({ description, ...schema }: Json, title: string, schemas: Record<string, Json>): Json {
  const isNullable = Array.isArray(schema.type) && schema.type.includes('null');
  const component = isNullable ? withoutNull(schema) : schema;
  const known = schemas[title];
  if (known === undefined) schemas[title] = { ...component, description: ownDescription(title) };
  else if (textOf(known) !== textOf(component)) throw new Error(`two schemas are titled ${title}`);
  const reference = { $ref: `#/components/schemas/${title}` };
  const isSaid = schemas[title]?.description === description;
  return {
    ...(isNullable ? { anyOf: [reference, { type: 'null' }] } : reference),
    ...(isSaid ? {} : { description }),
  };
}

/** That of the schema itself: at the place where it is met first, another one may stand. */
const ownDescription = (title: string): unknown =>
  (wire as unknown as Readonly<Record<string, Json | undefined>>)[title]?.description;

/** Of a parameter, the examples are moved out of its schema. */
const textOf = ({ description: _description, examples: _examples, ...schema }: Json): string =>
  JSON.stringify(schema);

function withoutNull(schema: Json): Json {
  const types = (schema.type as readonly unknown[]).filter((type) => type !== 'null');
  return {
    ...schema,
    type: types.length === 1 ? types[0] : types,
    ...(Array.isArray(schema.enum) && { enum: schema.enum.filter((one) => one !== null) }),
  };
}
