/** The scenarios of each kind in their order. The plain ones measure; those that may use up the most stock come last. */
import type { Kind } from '../kinds.ts';
import type { LongScenario, Scenario } from '../scenario.ts';
import {
  concurrentCompensates,
  concurrentConfirmAndCancel,
  concurrentConfirms,
  concurrentFirsts,
} from './concurrent.ts';
import { confirmAfterDeadline, firstAfterDeadline } from './deadline.ts';
import {
  bodyComesSlowly,
  callUnsigned,
  kindUnsigned,
  lateBodyComesSlowly,
  pivotComesSlowly,
  replyLost,
} from './delivery.ts';
import { uncompensatedStepsSeparate } from './separate-uncompensated-steps.ts';
import { kindsRefused, kindsServed, undoneAsAnotherKind } from './kinds.ts';
import {
  cancelAfterConfirm,
  confirmAfterCancel,
  confirmWithoutTry,
  firstAfterUndo,
  undoBeforeFirst,
} from './out-of-order.ts';
import { SAGA, TCC } from './op-pair.ts';
import { concurrentInTimeAndLate, refusalRemembered, repeatedLate } from './pivot.ts';
import { actionAlone, branchesSeparate, firstAndUndone, triedAndConfirmed } from './single-branch.ts';
import { confirmRepeated, firstRepeated, undoRepeated } from './repeated.ts';
import { compensatedStepsSeparate } from './separate-compensated-steps.ts';

export type Scenarios = {
  /** What all others are judged by. When not even the first goes well, nothing of the rest can be asked. */
  readonly plain: readonly [first: Scenario, ...others: Scenario[]];
  /** Begins after the plain ones, and continues when it is due; null where there is none. */
  readonly long: LongScenario | null;
  readonly others: readonly Scenario[];
};

/** Of steps that nothing undoes. */
const uncompensated = (more: readonly Scenario[]): Scenarios => ({
  plain: [actionAlone],
  long: null,
  others: [
    firstRepeated(SAGA),
    firstAfterDeadline(SAGA),
    kindsRefused(SAGA),
    kindsServed(SAGA),
    concurrentFirsts(SAGA),
    ...more,
    uncompensatedStepsSeparate,
    replyLost(SAGA),
    callUnsigned(SAGA),
    kindUnsigned(SAGA),
  ],
});

export const SCENARIOS: { readonly [Each in Kind]: Scenarios } = {
  tcc: {
    plain: [triedAndConfirmed, firstAndUndone(TCC)],
    long: confirmAfterDeadline,
    others: [
      branchesSeparate,
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
      concurrentFirsts(TCC),
      replyLost(TCC),
      bodyComesSlowly(TCC),
      callUnsigned(TCC),
      kindUnsigned(TCC),
      confirmRepeated,
      cancelAfterConfirm,
      concurrentConfirms,
      concurrentConfirmAndCancel,
    ],
  },
  step: {
    plain: [firstAndUndone(SAGA)],
    long: null,
    others: [
      compensatedStepsSeparate,
      firstRepeated(SAGA),
      undoRepeated(SAGA),
      undoBeforeFirst(SAGA),
      firstAfterUndo(SAGA),
      firstAfterDeadline(SAGA),
      kindsRefused(SAGA),
      kindsServed(SAGA),
      undoneAsAnotherKind(SAGA),
      concurrentFirsts(SAGA),
      concurrentCompensates,
      replyLost(SAGA),
      bodyComesSlowly(SAGA),
      callUnsigned(SAGA),
      kindUnsigned(SAGA),
    ],
  },
  step_uncompensated: uncompensated([lateBodyComesSlowly]),
  pivot: uncompensated([refusalRemembered, repeatedLate, concurrentInTimeAndLate, pivotComesSlowly]),
  final: uncompensated([lateBodyComesSlowly]),
};
