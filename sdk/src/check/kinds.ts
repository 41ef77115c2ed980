/**
 * The kind of a branch, which every call carries as `tcc-kind`, and the kinds of calls that an activity serves.
 *
 * - `tcc`: a branch of a tcc.
 * - `step`: a step of a saga that is compensated on a cancel.
 * - `step_uncompensated`: a step before the pivot whose action has nothing to undo.
 * - `pivot`: the step whose reply decides; its refusal must be remembered.
 * - `final`: a step after the pivot; it is retried until it succeeds.
 */
import type { Op } from '../wire/index.ts';

export const KINDS = ['tcc', 'step', 'step_uncompensated', 'pivot', 'final'] as const;
export type Kind = (typeof KINDS)[number];

export const KIND_HEADER = 'tcc-kind';

/** By the kind that the participant declares. */
export const SERVED_KINDS = {
  tcc: ['tcc'],
  step: ['step', 'final'],
  step_uncompensated: ['step_uncompensated', 'final'],
  pivot: ['pivot'],
  final: ['final'],
} as const satisfies Readonly<Record<Kind, readonly Kind[]>>;

export const isServed = (declared: Kind, kind: Kind): boolean =>
  (SERVED_KINDS[declared] as readonly Kind[]).includes(kind);

/** The op that undoes a branch of this kind; null where none does, so that what was done stays done. */
export const UNDO_OF = {
  tcc: 'cancel',
  step: 'compensate',
  step_uncompensated: null,
  pivot: null,
  final: null,
} as const satisfies Readonly<Record<Kind, Op | null>>;
