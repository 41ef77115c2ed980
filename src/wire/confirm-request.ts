/** Asks to confirm. It may say which branches were tried, so that no other is confirmed with them. */
import { type Static, Type } from 'typebox';
import { BranchId, nullable } from './vocabulary.ts';

export const ConfirmRequest = nullable(
  Type.Object(
    {
      branchIds: Type.Optional(
        Type.Array(BranchId, {
          maxItems: 100,
          uniqueItems: true,
          description:
            'All branches that were tried with success. When others stand, nothing is decided. Absent: whatever stands is ' +
            'confirmed.',
        }),
      ),
    },
    { title: 'ConfirmRequest', additionalProperties: false, description: 'Asks to confirm.' },
  ),
);
export type ConfirmRequest = Static<typeof ConfirmRequest>;
