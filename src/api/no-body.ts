/** The body of requests that say everything by their address. */
import { Type } from 'typebox';

/** `{}`, `null` or nothing at all. */
export const noBody = Type.Unsafe<null | undefined | Record<string, never>>({
  type: ['object', 'null'],
  additionalProperties: false,
  description: 'Empty.',
});
