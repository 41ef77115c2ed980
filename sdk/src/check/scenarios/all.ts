/** The scenarios in their order. The plain ones measure; those that may use up the most stock come last. */
import type { Scenario } from '../trial.ts';
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

export const SCENARIOS: readonly [first: Scenario, ...others: Scenario[]] = [
  triedAndConfirmed,
  triedAndCancelled,
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
  confirmAfterDeadline,
  confirmsAtOnce,
  confirmAndCancelAtOnce,
];
