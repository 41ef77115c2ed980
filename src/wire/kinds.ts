/** Which calls an activity serves. The coordinator's domain has the same table; its compiler checks that they agree. */
import type { Kind } from './vocabulary.ts';

/**
 * The kinds of calls that an activity serves, by the kind that its participant declares. A step that can be compensated may
 * also stand after the pivot, where it never is. A pivot serves nothing else: only it remembers its refusal.
 */
export const SERVED_KINDS = {
  tcc: ['tcc'],
  step: ['step', 'final'],
  step_uncompensated: ['step_uncompensated', 'final'],
  pivot: ['pivot'],
  final: ['final'],
} as const satisfies Readonly<Record<Kind, readonly Kind[]>>;

export const isServed = (declared: Kind, kind: Kind): boolean =>
  (SERVED_KINDS[declared] as readonly Kind[]).includes(kind);
