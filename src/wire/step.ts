/**
 * A step: a branch of a saga, with its place in the plan. The rules are the coordinator's; docs/protocol.md has them.
 *
 * Steps run one after the other unless they say what they depend on. One of them may be the pivot: what comes before it
 * can be compensated, and from its success on the saga only goes forward.
 */
import { type Static, Type } from 'typebox';
import { branchFields } from './branch-request.ts';
import { BranchId } from './vocabulary.ts';

export const StepPlace = Type.Object(
  {
    dependsOn: Type.Array(BranchId, {
      maxItems: 100,
      uniqueItems: true,
      description:
        'The steps that have to succeed before this one is called; [] for none. When absent in a request, the one before ' +
        'it in the list.',
    }),
    isPivot: Type.Boolean({
      description:
        'The point of no return: its success decides to confirm, its refusal to cancel. Every other step comes before or ' +
        'after it. At most one in a saga; false when absent in a request.',
    }),
    isCompensated: Type.Boolean({
      description:
        'Whether the step has something to undo. When absent in a request, true before the pivot; the pivot and what comes ' +
        'after it are never compensated.',
    }),
  },
  {
    title: 'StepPlace',
    additionalProperties: false,
    description: 'The place of a step in the plan of its saga.',
  },
);
export type StepPlace = Static<typeof StepPlace>;

/** A branch as a begin names it; what tells of its place is for sagas only. */
export const DeclaredBranchRequest = Type.Object(
  { ...branchFields, ...Type.Partial(StepPlace).properties },
  {
    title: 'DeclaredBranchRequest',
    additionalProperties: false,
    description:
      'One participant\'s share of the transaction. In a saga, where it is a step, an object {"$from": "stock.id"} in its ' +
      'payload stands for that part of what the step stock answered; {"$$from": …} stands for {"$from": …} itself.',
  },
);
export type DeclaredBranchRequest = Static<typeof DeclaredBranchRequest>;
