/**
 * What actions answer, where later steps refer to it: a success that lacks it is none, and is asked for again.
 */
import { has } from '../definition/references.ts';
import { inexactNumberIn } from './exact-numbers.ts';

/** Of the text that is answered, as UTF-8: whoever makes the calls keeps no longer one. */
export const MAX_RESULT_BYTES = 4096;

/**
 * Why an answer cannot be referred to, in a few words; null when it can.
 * @param body null when it was over the limit, or no UTF-8
 * @param wanted the references that later steps make to it
 */
export function resultFault(body: string | null, wanted: readonly string[]): string | null {
  if (body === null) return `its result is over ${MAX_RESULT_BYTES} bytes, or no UTF-8`;
  const result = parsed(body);
  if (result === undefined) return 'its result is not JSON';
  // As it is written where it is referred to: 1e20 has 21 digits there.
  if (new TextEncoder().encode(JSON.stringify(result)).length > MAX_RESULT_BYTES)
    return `its result is over ${MAX_RESULT_BYTES} bytes when it is written out`;
  // The number itself is a value of the participant: what is returned here is logged and posted.
  if (inexactNumberIn(body) !== null)
    return 'its result has a number that JSON cannot carry exactly: it must be a string';
  const missing = wanted.find((reference) => !has(result, reference));
  return missing === undefined
    ? null
    : `its result lacks what a later step refers to: ${missing.slice(0, 80).toWellFormed()}`;
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
