/** A branch of a declared transaction, typed and checked by its contract. */
import type { PayloadOf } from '../contract.ts';
import { payloadAsJson } from './payload.ts';
import type { Callable, ContractOf, DeclaredBranch, TccNames, TryOptions } from './types.ts';

/**
 * For `submit`: what is asked of whom.
 * @param activity one of kind `tcc`
 * @throws TypeError when the payload does not fit the contract, and for an activity of another kind
 */
export function branch<const One extends Callable, const Name extends TccNames<ContractOf<One>>>(
  one: One,
  activity: Name,
  payload: PayloadOf<ContractOf<One>['activities'][Name]>,
  { branchId }: TryOptions = {},
): DeclaredBranch {
  const contract = contractOf(one);
  return {
    participant: contract.name,
    activity,
    payload: payloadAsJson(contract, activity, payload),
    branchId,
  };
}

const contractOf = (one: Callable) => ('contract' in one ? one.contract : one);
