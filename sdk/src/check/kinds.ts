/** The kinds of an activity, by the wire's table of what each of them serves, and what undoes a branch of each. */
import type { Kind, Op } from '../../../src/wire/index.ts';
import { SERVED_KINDS } from '../../../src/wire/kinds.ts';

export type { Kind } from '../../../src/wire/index.ts';
export { isServed, SERVED_KINDS } from '../../../src/wire/kinds.ts';

export const KINDS = Object.keys(SERVED_KINDS) as readonly Kind[];

/** The op that undoes a branch of this kind; null where none does, so that what was done stays done. */
export const UNDO_OF = {
  tcc: 'cancel',
  step: 'compensate',
  step_uncompensated: null,
  pivot: null,
  final: null,
} as const satisfies Readonly<Record<Kind, Op | null>>;
