/**
 * What the tests of the protocol must reach, complete by type: each edge of the state graph in the exploration,
 * each refusal there or, where it takes only bad input, in one example here.
 */
import { MAX_BRANCHES, MAX_PAYLOAD_BYTES } from '../../src/domain/global-transaction.ts';
import type { Begun, Rejection } from '../../src/domain/transition.ts';
import { begun, spec } from '../support/transactions.ts';

export type Edge =
  | 'trying → confirming'
  | 'trying → cancelling'
  | 'confirming → confirmed'
  | 'cancelling → cancelled';

export const EDGES: Record<Edge, true> = {
  'trying → confirming': true,
  'trying → cancelling': true,
  'confirming → confirmed': true,
  'cancelling → cancelled': true,
};

/** What only sagas have: a decision that leaves nothing to call. */
export const SAGA_EDGES = { 'trying → confirmed': true, 'trying → cancelled': true } as const;

const branches = (count: number, bytes: number) =>
  Array.from({ length: count }, (_, n) => spec(`b${n}`, { payload: 'x'.repeat(bytes) }));

export const REJECTIONS: Record<Rejection, 'explored' | 'explored in sagas' | Begun> = {
  unknown_transaction: 'explored',
  transaction_differs: 'explored',
  branch_differs: 'explored',
  not_interactive: 'explored',
  other_branches: 'explored',
  decided_confirm: 'explored',
  decided_cancel: 'explored',
  deadline_passed: 'explored',
  deadline_not_reached: 'explored',
  nothing_to_retry: 'explored',
  unknown_branch: 'explored',
  op_not_open: 'explored',
  cannot_refuse: 'explored',
  completed_differently: 'explored',
  pivot_in_flight: 'explored in sagas',
  no_branches: begun({ branches: [] }),
  too_many_branches: begun({ branches: branches(MAX_BRANCHES + 1, 2) }),
  payload_too_large: begun({ branches: branches(1, MAX_PAYLOAD_BYTES + 1) }),
  transaction_too_large: begun({ branches: branches(17, MAX_PAYLOAD_BYTES) }),
};
