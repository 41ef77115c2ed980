/** What the validator found, as places of the request with words that say what is wanted there. */
import type { Fault } from '../../wire/index.ts';
import type { FastifySchemaValidationError } from 'fastify';
import { escaped } from '../../api/exact-json.ts';

/** Ajv's error with `verbose`: the schema at the place comes with it. */
type Found = FastifySchemaValidationError & { readonly parentSchema?: { readonly description?: string } };

export function faultsOf(found: readonly Found[], context: string | undefined): Fault[] {
  return found.map((one) => ({ ...placeOf(one, context), detail: detailOf(one) }));
}

/** A path in the body; elsewhere the name of the header or of the part of the address. */
function placeOf({ instancePath, keyword, params }: Found, context: string | undefined) {
  const last = { required: params.missingProperty, additionalProperties: params.additionalProperty }[keyword];
  const path = last === undefined ? instancePath : `${instancePath}/${escaped(String(last))}`;
  if (context === 'headers') return { header: path.slice(1) };
  if (context === 'params' || context === 'querystring') return { parameter: path.slice(1) };
  return { pointer: `#${path}` };
}

/** A pattern is no sentence: where the schema has words for what it wants, they stand for it. */
function detailOf({ keyword, params, message = 'does not fit', parentSchema }: Found): string {
  if (keyword === 'required') return 'is required';
  if (keyword === 'additionalProperties') return 'is not known here';
  const wanted = parentSchema?.description?.replace(/\.$/, '');
  const allowed = Array.isArray(params.allowedValues) ? `: ${params.allowedValues.join(', ')}` : '';
  const fault = keyword === 'pattern' && wanted ? 'does not have the right form' : `${message}${allowed}`;
  return wanted === undefined ? fault : `${fault}. ${wanted}`;
}
