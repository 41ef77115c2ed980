/**
 * Builds sagas for tests: a trip whose hotel, flight and car are booked, then paid for, then confirmed by mail. `trip()` has no
 * pivot; in `paidTrip()` the payment is the pivot. `asked` builds a step as a request has it, before its plan is read.
 */
import type { RequestedBranch } from '../../src/definition/plan.ts';
import { referencesIn } from '../../src/definition/references.ts';
import type { BranchSpec, GlobalTransaction, Now, Reply, Step } from '../../src/domain/global-transaction.ts';
import { pendingCalls } from '../../src/domain/pending-calls.ts';
import { type Begun, type Event, type Replied, transition } from '../../src/domain/transition.ts';
import { begin, exactly, replied, spec, T0 } from './transactions.ts';

export const step = (
  branchId: string,
  place: Partial<Step> = {},
  given: Partial<BranchSpec> = {},
): BranchSpec =>
  spec(branchId, {
    ...given,
    step: { dependsOn: [], isPivot: false, isCompensated: true, references: [], ...place },
  });

/** Nothing from the pivot on is ever compensated. */
export const pivot = (branchId: string, dependsOn: readonly string[] = []): BranchSpec =>
  step(branchId, { dependsOn, isPivot: true, isCompensated: false });

export const needs = (dependsOn: readonly string[]): Partial<Step> => ({ dependsOn });
export const afterPivot = (dependsOn: readonly string[]): Partial<Step> => ({
  dependsOn,
  isCompensated: false,
});

export const saga = (branches: readonly BranchSpec[], given: Partial<Begun> = {}): GlobalTransaction =>
  begin({ pattern: 'saga', branches, ...given });

/** hotel → flight → car */
export const trip = (): GlobalTransaction =>
  saga([step('hotel'), step('flight', needs(['hotel'])), step('car', needs(['flight']))]);

/** hotel → flight → payment, the pivot → mail */
export const paidTrip = (given: Partial<Begun> = {}): GlobalTransaction =>
  saga(
    [
      step('hotel'),
      step('flight', needs(['hotel'])),
      pivot('payment', ['flight']),
      step('mail', afterPivot(['payment'])),
    ],
    given,
  );

/** hotel → flight and car, side by side → insurance */
export const diamond = (): GlobalTransaction =>
  saga([
    step('hotel'),
    step('flight', needs(['hotel'])),
    step('car', needs(['hotel'])),
    step('insurance', needs(['flight', 'car'])),
  ]);

export const action = (branchId: string, reply: Reply = 'succeeded', given: Partial<Replied> = {}): Replied =>
  replied(branchId, 'action', reply, given);

export const compensate = (
  branchId: string,
  reply: Reply = 'succeeded',
  given: Partial<Replied> = {},
): Replied => replied(branchId, 'compensate', reply, given);

export const cancel = (now: Now = exactly(T0)): Event => ({ type: 'cancelRequested', now });
export const expire = (now: Now): Event => ({ type: 'deadlinePassed', now });
export const retry = (now: Now, participant: string | null = null): Event => ({
  type: 'retryRequested',
  participant,
  now,
});

/** The calls that are due, as `op branchId`. */
export const due = (tx: GlobalTransaction, now: Now = exactly(T0)): readonly string[] =>
  pendingCalls(tx, now).calls.map(({ op, branchId }) => (branchId === null ? op : `${op} ${branchId}`));

/** `accepted`, or why not. */
export function refusal(tx: GlobalTransaction | null, event: Event): string {
  const verdict = transition(tx, event);
  return verdict.accepted ? 'accepted' : verdict.code;
}

/** A step as a request has it; what is not given is absent. */
export function asked(
  branchId: string,
  given: Partial<Omit<RequestedBranch, 'payload' | 'references'>> & { readonly payload?: unknown } = {},
): RequestedBranch {
  const { payload = {}, ...place } = given;
  const { step: _step, ...fixed } = spec(branchId, { payload: JSON.stringify(payload) });
  return {
    ...fixed,
    dependsOn: null,
    isPivot: null,
    isCompensated: null,
    references: referencesIn(fixed.payload),
    ...place,
  };
}
