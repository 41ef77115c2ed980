/** The first place where a value is not what a schema wants, in words: `#/quantity must be >= 1`. */
import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';

/** Null when the value fits. Places are JSON pointers in URI fragments; what stands there is never told. */
export function firstFault(schema: TSchema, value: unknown): string | null {
  if (Value.Check(schema, value)) return null;
  const errors = Value.Errors(schema, value);
  const first = errors[0];
  if (first === undefined) return '# does not fit';
  // Of alternatives each has its fault; what is wrong is that none of them fits.
  const error =
    errors.find(
      ({ keyword, schemaPath }) => keyword === 'anyOf' && first.schemaPath.startsWith(`${schemaPath}/`),
    ) ?? first;
  const place = `#${error.instancePath}`;
  switch (error.keyword) {
    case 'required':
      return `${place}/${error.params.requiredProperties[0]} is required`;
    case 'boolean':
      return `${place} is not known here`;
    case 'enum':
      return `${place} must be one of ${error.params.allowedValues.join(', ')}`;
    case 'anyOf':
      return `${place} is none of what it may be`;
    default:
      return `${place} ${error.message}`;
  }
}
