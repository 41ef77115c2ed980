/** The scenarios in their order. The plain ones measure; those that may use up the most stock come last. */
import type { LongScenario, Scenario } from '../trial.ts';
import { confirmAndCancelAtOnce, confirmsAtOnce, triesAtOnce } from './at-once.ts';
import { confirmAfterDeadline, tryAfterDeadline } from './deadline.ts';
import { bodyComesSlowly, callUnsigned, replyLost } from './delivery.ts';
import {
  cancelAfterConfirm,
  cancelBeforeTry,
  confirmAfterCancel,
  confirmWithoutTry,
  tryAfterCancel,
} from './out-of-order.ts';
import { branchesKeptApart, triedAndCancelled, triedAndConfirmed } from './plain.ts';
import { cancelRepeated, confirmRepeated, tryRepeated } from './repeated.ts';

/** What all others are judged by. When not even the first goes well, nothing of the rest can be asked. */
export const PLAIN: readonly [first: Scenario, ...others: Scenario[]] = [
  triedAndConfirmed,
  triedAndCancelled,
];

/** Begun after the plain ones, and gone on with when it is due. */
export const BESIDE: LongScenario = confirmAfterDeadline;

export const OTHERS: readonly Scenario[] = [
  branchesKeptApart,
  tryRepeated,
  cancelRepeated,
  cancelBeforeTry,
  tryAfterCancel,
  tryAfterDeadline,
  confirmWithoutTry,
  confirmAfterCancel,
  triesAtOnce,
  replyLost,
  bodyComesSlowly,
  callUnsigned,
  confirmRepeated,
  cancelAfterConfirm,
  confirmsAtOnce,
  confirmAndCancelAtOnce,
];
