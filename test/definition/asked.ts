/** Steps as they are asked for; what is not said has its default. */
import type { RequestedBranch } from '../../src/definition/plan.ts';
import { referencesIn } from '../../src/definition/references.ts';
import { spec } from '../support/transactions.ts';

export function asked(
  branchId: string,
  given: Partial<Omit<RequestedBranch, 'payload' | 'references'>> & { readonly payload?: unknown } = {},
): RequestedBranch {
  const { payload = {}, ...place } = given;
  const { step: _step, ...fixed } = spec(branchId, { payload: JSON.stringify(payload) });
  return {
    ...{ ...fixed, dependsOn: null, isPivot: null, isCompensated: null },
    ...{ references: referencesIn(fixed.payload), ...place },
  };
}
