/** A participant: what is mounted, with the contract that it serves. */
import type { Contract } from '../contract.ts';
import type { Mountable } from '../serving/mountable.ts';
import type { Op } from '../../../src/wire/index.ts';

/** Its routes are every op of each activity: what an activity does not serve is refused, or answered by the record of the branch. */
export interface Participant<Of extends Contract = Contract> extends Mountable<Op> {
  readonly contract: Of;
}
