/** One branch as an initiator names it: in a declared transaction, or registered before its try is called. */
import { type Static, Type } from 'typebox';
import { callSettings } from './call-settings.ts';
import { BranchId, name, ParticipantOrAddress } from './vocabulary.ts';

export const branchFields = {
  branchId: BranchId,
  participant: ParticipantOrAddress,
  activity: name('What the branch asks of its participant, such as reserve; a part of the called path.'),
  payload: Type.Optional(
    Type.Unknown({
      description:
        'Any JSON value: the body of every call for this branch, the same in each attempt. {} when absent. ' +
        'At most 65536 bytes as JSON, nested at most 64 deep.',
    }),
  ),
  ...callSettings,
};

export const BranchRequest = Type.Object(branchFields, {
  title: 'BranchRequest',
  additionalProperties: false,
  description: "One participant's share of the transaction.",
});
export type BranchRequest = Static<typeof BranchRequest>;
