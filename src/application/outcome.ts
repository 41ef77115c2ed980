/** The outcome of a client's request: the durable state on which it was accepted, or why it was rejected. */
import type { PlanFault } from '../definition/plan.ts';
import type { Rejection } from '../domain/index.ts';
import type { DurableVerdict } from './client-request.ts';
import type { Saved } from './ports.ts';

/** Why a request was rejected: the protocol's reasons, and those that only the coordinator can know. */
export type CoordinatorRejection =
  | Rejection
  | PlanFault
  | 'unknown_participant'
  | 'kind_mismatch'
  | 'address_not_allowed'
  | 'timeout_too_long'
  | 'setting_over_maximum'
  | 'result_unusable'
  | 'gid_too_old'
  | 'gid_in_future'
  | 'upgrade_in_progress';

/** `about` names what the rejection is about, where that is not the transaction. */
export type Rejected = {
  readonly accepted: false;
  readonly code: CoordinatorRejection;
  readonly about?: string;
  /** What is at fault, as a JSON pointer into the list of branches. */
  readonly place?: string;
};

export type Outcome =
  | { readonly accepted: true; readonly saved: Saved; readonly isChanged: boolean }
  | Rejected;

export function outcomeOf({ verdict, saved, isChanged }: DurableVerdict): Outcome {
  if (!verdict.accepted) return { accepted: false, code: verdict.code };
  if (saved === null) throw new Error('a request was accepted for a transaction that is not stored');
  return { accepted: true, saved, isChanged };
}
