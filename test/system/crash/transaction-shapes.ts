/**
 * The shapes of the transactions of these tests: their branches, participants and payloads. A tcc of two
 * branches; a saga of five steps, of which two run concurrently before the pivot and one runs after it.
 */
import type * as wire from '@tercet/sdk/wire';
import type { Pattern } from '../../../src/domain/index.ts';
import { MARKS } from '../../support/marks.ts';

export type TransactionShape = {
  readonly pattern: Pattern;
  readonly branches: readonly BranchShape[];
  readonly callback?: wire.CallbackRequest;
};

export type BranchShape = {
  readonly branchId: string;
  readonly participant: string;
  readonly activity: string;
  /** In a saga. */
  readonly step?: StepShape;
};

export type StepShape = {
  readonly dependsOn: readonly string[];
  readonly isPivot: boolean;
  /** The steps of whose results its payload takes the id. */
  readonly refersTo: readonly string[];
};

export const BRANCHES = [
  { branchId: 'stock', participant: 'inventory', activity: 'reserve' },
  { branchId: 'money', participant: 'payment', activity: 'hold' },
] as const satisfies readonly BranchShape[];

export const STEPS = [
  {
    branchId: 'reserve',
    participant: 'warehouse',
    activity: 'goods',
    step: { dependsOn: [], isPivot: false, refersTo: [] },
  },
  {
    branchId: 'pay',
    participant: 'wallet',
    activity: 'points',
    step: { dependsOn: ['reserve'], isPivot: false, refersTo: ['reserve'] },
  },
  {
    branchId: 'book',
    participant: 'carrier',
    activity: 'seat',
    step: { dependsOn: ['reserve'], isPivot: false, refersTo: [] },
  },
  {
    branchId: 'charge',
    participant: 'bank',
    activity: 'card',
    step: { dependsOn: ['pay', 'book'], isPivot: true, refersTo: ['pay', 'book'] },
  },
  {
    branchId: 'send',
    participant: 'dispatch',
    activity: 'parcel',
    step: { dependsOn: ['charge'], isPivot: false, refersTo: ['reserve', 'charge'] },
  },
] as const satisfies readonly BranchShape[];

export const ALL_BRANCHES: readonly BranchShape[] = [...BRANCHES, ...STEPS];

export type BranchId = (typeof BRANCHES)[number]['branchId'] | (typeof STEPS)[number]['branchId'];

/** The participant that receives the callbacks. */
export const LISTENER = 'shop';
const callback = { participant: LISTENER, activity: 'order' } as const;

export const tcc: TransactionShape = { pattern: 'tcc', branches: BRANCHES };
export const tccWithCallback: TransactionShape = { ...tcc, callback };
export const saga: TransactionShape = { pattern: 'saga', branches: STEPS, callback };
/** Here pay may start while book is outstanding. */
export const sagaOfTwoWays: TransactionShape = {
  ...saga,
  branches: STEPS.map((branch): BranchShape => {
    return branch.branchId === 'book' ? { ...branch, step: { ...branch.step, dependsOn: [] } } : branch;
  }),
};

/** What a participant is sent. */
export type Payload = {
  readonly amount: number;
  /** It says no, whenever it is asked. */
  readonly isRefused: boolean;
  /** By step, the id that it answered. */
  readonly from?: Readonly<Record<string, string>>;
};

export function requestOf(
  { branchId, participant, activity, step }: BranchShape,
  amount: number,
  isRefused: boolean,
): wire.DeclaredBranchRequest {
  // Keys and text that a JSON column, or a second serialiser, would change.
  const payload = { z: `日本 🍵 ${MARKS.payload}`, amount, a: 1e21, isRefused };
  if (step === undefined) return { branchId, participant, activity, payload };
  const from = Object.fromEntries(step.refersTo.map((id) => [id, { $from: `${id}.id` }]));
  return {
    branchId,
    participant,
    activity,
    payload: { ...payload, from },
    dependsOn: [...step.dependsOn],
    isPivot: step.isPivot,
  };
}
