/** The first place where a value is not what a schema wants, in words: `#/quantity must be >= 1`. */
import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';

export type FaultOptions = {
  /**
   * Whether the text ends, in quotes, with what it leaves out: the place where that has names that only the value has, and the
   * text of a refinement. For errors that are thrown to the code that gave the value. A log cuts a message at its first quote.
   */
  readonly showsNames?: boolean;
};

type Fault = ReturnType<typeof Value.Errors>[number];

/**
 * Null when the value fits. Places are JSON pointers in URI fragments; the text never shows the value itself. Neither does it
 * show names that are not the schema's, such as the keys of a record: they are data. An asterisk takes their place. The text of
 * `Type.Refine` is made of the value.
 */
export function firstFault(
  schema: TSchema,
  value: unknown,
  { showsNames = false }: FaultOptions = {},
): string | null {
  if (Value.Check(schema, value)) return null;
  const errors = Value.Errors(schema, value);
  const first = errors[0];
  if (first === undefined) return '# does not fit';
  // Of alternatives each has its fault; what is wrong is that none of them fits.
  const error =
    errors.find(
      ({ keyword, schemaPath }) => keyword === 'anyOf' && first.schemaPath.startsWith(`${schemaPath}/`),
    ) ?? first;
  const place = `#${placeOf(error.instancePath, value, namesIn(schema))}`;
  const whole = `#${error.instancePath}${error.keyword === '~refine' ? ` ${error.message}` : ''}`;
  return `${inWords(error, place)}${whole === place || !showsNames ? '' : ` (“${whole}”)`}`;
}

function inWords(error: Fault, place: string): string {
  switch (error.keyword) {
    case 'required':
      return `${place}/${error.params.requiredProperties[0]} is required`;
    case 'boolean':
      return place.endsWith('/*')
        ? `${place.slice(0, -2)} has a property that is not known here`
        : `${place} is not known here`;
    case 'enum':
      return `${place} must be one of ${error.params.allowedValues.join(', ')}`;
    case 'anyOf':
      return `${place} is none of what it may be`;
    case 'propertyNames':
      return `${place} has a name that it may not have`;
    // Its text is made by the program, and of the value.
    case '~refine':
      return `${place} does not meet a refinement of its schema`;
    default:
      return `${place} ${error.message}`;
  }
}

function placeOf(pointer: string, value: unknown, names: ReadonlySet<string>): string {
  let at = value;
  const shown = pointer.split('/').map((token, index) => {
    if (index === 0) return token;
    const name = token.replaceAll('~1', '/').replaceAll('~0', '~');
    const isShown = Array.isArray(at) || names.has(name);
    at = typeof at === 'object' && at !== null ? Reflect.get(at, name) : undefined;
    return isShown ? token : '*';
  });
  return shown.join('/');
}

/** The names of all properties in a schema, wherever they stand in it. */
function namesIn(schema: unknown, names = new Set<string>(), seen = new Set<object>()): Set<string> {
  if (typeof schema !== 'object' || schema === null || seen.has(schema)) return names;
  seen.add(schema);
  for (const [keyword, part] of Object.entries(schema)) {
    if (keyword === 'properties' && typeof part === 'object' && part !== null)
      for (const name of Object.keys(part)) names.add(name);
    namesIn(part, names, seen);
  }
  return names;
}
