/** The scenarios of each pattern in their order. The plain ones measure; those that may use up the most stock come last. */
import type { Pattern } from '../../wire/index.ts';
import type { LongScenario, Scenario } from '../trial.ts';
import { compensatesAtOnce, confirmAndCancelAtOnce, confirmsAtOnce, firstsAtOnce } from './at-once.ts';
import { confirmAfterDeadline, firstAfterDeadline } from './deadline.ts';
import { bodyComesSlowly, callUnsigned, replyLost } from './delivery.ts';
import {
  cancelAfterConfirm,
  confirmAfterCancel,
  confirmWithoutTry,
  firstAfterUndo,
  undoBeforeFirst,
} from './out-of-order.ts';
import { SAGA, TCC } from './pair.ts';
import { branchesKeptApart, firstAndUndone, triedAndConfirmed } from './plain.ts';
import { confirmRepeated, firstRepeated, undoRepeated } from './repeated.ts';
import { stepsKeptApart } from './steps.ts';

export type Scenarios = {
  /** What all others are judged by. When not even the first goes well, nothing of the rest can be asked. */
  readonly plain: readonly [first: Scenario, ...others: Scenario[]];
  /** Begun after the plain ones, and gone on with when it is due; null where there is none. */
  readonly beside: LongScenario | null;
  readonly others: readonly Scenario[];
};

export const SCENARIOS: { readonly [Each in Pattern]: Scenarios } = {
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
      confirmWithoutTry,
      confirmAfterCancel,
      firstsAtOnce(TCC),
      replyLost(TCC),
      bodyComesSlowly(TCC),
      callUnsigned(TCC),
      confirmRepeated,
      cancelAfterConfirm,
      confirmsAtOnce,
      confirmAndCancelAtOnce,
    ],
  },
  saga: {
    plain: [firstAndUndone(SAGA)],
    beside: null,
    others: [
      stepsKeptApart,
      firstRepeated(SAGA),
      undoRepeated(SAGA),
      undoBeforeFirst(SAGA),
      firstAfterUndo(SAGA),
      firstAfterDeadline(SAGA),
      firstsAtOnce(SAGA),
      compensatesAtOnce,
      replyLost(SAGA),
      bodyComesSlowly(SAGA),
      callUnsigned(SAGA),
    ],
  },
};
