/** The scenarios of each kind in their order. The plain ones measure; those that may use up the most stock come last. */
import type { Kind } from '../kinds.ts';
import type { LongScenario, Scenario } from '../trial.ts';
import { compensatesAtOnce, confirmAndCancelAtOnce, confirmsAtOnce, firstsAtOnce } from './at-once.ts';
import { confirmAfterDeadline, firstAfterDeadline } from './deadline.ts';
import {
  bodyComesSlowly,
  callUnsigned,
  kindUnsigned,
  lateBodyComesSlowly,
  pivotComesSlowly,
  replyLost,
} from './delivery.ts';
import { actionsKeptApart } from './kept.ts';
import { kindsRefused, kindsServed, undoneAsAnotherKind } from './kinds.ts';
import {
  cancelAfterConfirm,
  confirmAfterCancel,
  confirmWithoutTry,
  firstAfterUndo,
  undoBeforeFirst,
} from './out-of-order.ts';
import { SAGA, TCC } from './pair.ts';
import { inTimeAndLateAtOnce, refusalRemembered, repeatedLate } from './pivot.ts';
import { actionAlone, branchesKeptApart, firstAndUndone, triedAndConfirmed } from './plain.ts';
import { confirmRepeated, firstRepeated, undoRepeated } from './repeated.ts';
import { stepsKeptApart } from './steps.ts';

export type Scenarios = {
  /** What all others are judged by. When not even the first goes well, nothing of the rest can be asked. */
  readonly plain: readonly [first: Scenario, ...others: Scenario[]];
  /** Begun after the plain ones, and gone on with when it is due; null where there is none. */
  readonly beside: LongScenario | null;
  readonly others: readonly Scenario[];
};

/** Of steps that nothing undoes. */
const kept = (more: readonly Scenario[]): Scenarios => ({
  plain: [actionAlone],
  beside: null,
  others: [
    firstRepeated(SAGA),
    firstAfterDeadline(SAGA),
    kindsRefused(SAGA),
    kindsServed(SAGA),
    firstsAtOnce(SAGA),
    ...more,
    actionsKeptApart,
    replyLost(SAGA),
    callUnsigned(SAGA),
    kindUnsigned(SAGA),
  ],
});

export const SCENARIOS: { readonly [Each in Kind]: Scenarios } = {
  tcc: {
    plain: [triedAndConfirmed, firstAndUndone(TCC)],
    beside: confirmAfterDeadline,
    others: [
      branchesKeptApart,
      firstRepeated(TCC),
      undoRepeated(TCC),
      undoBeforeFirst(TCC),
      firstAfterUndo(TCC),
      firstAfterDeadline(TCC),
      kindsRefused(TCC),
      kindsServed(TCC),
      undoneAsAnotherKind(TCC),
      confirmWithoutTry,
      confirmAfterCancel,
      firstsAtOnce(TCC),
      replyLost(TCC),
      bodyComesSlowly(TCC),
      callUnsigned(TCC),
      kindUnsigned(TCC),
      confirmRepeated,
      cancelAfterConfirm,
      confirmsAtOnce,
      confirmAndCancelAtOnce,
    ],
  },
  step: {
    plain: [firstAndUndone(SAGA)],
    beside: null,
    others: [
      stepsKeptApart,
      firstRepeated(SAGA),
      undoRepeated(SAGA),
      undoBeforeFirst(SAGA),
      firstAfterUndo(SAGA),
      firstAfterDeadline(SAGA),
      kindsRefused(SAGA),
      kindsServed(SAGA),
      undoneAsAnotherKind(SAGA),
      firstsAtOnce(SAGA),
      compensatesAtOnce,
      replyLost(SAGA),
      bodyComesSlowly(SAGA),
      callUnsigned(SAGA),
      kindUnsigned(SAGA),
    ],
  },
  step_uncompensated: kept([lateBodyComesSlowly]),
  pivot: kept([refusalRemembered, repeatedLate, inTimeAndLateAtOnce, pivotComesSlowly]),
  final: kept([lateBodyComesSlowly]),
};
