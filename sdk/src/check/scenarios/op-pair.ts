/**
 * What both patterns have in common: one op that does something, and another one that undoes it. The scenarios that ask for these
 * two alone are the same for both, but for the words and for the codes of the rules. A step that nothing undoes has the first
 * alone: an `FirstOp`.
 */
import type { Code } from '../codes.ts';

export type FirstOp = {
  readonly first: 'try' | 'action';
  /** More than one first op. */
  readonly firsts: string;
  readonly codes: {
    readonly repeatedFirstRefused: Code;
    readonly repeatedFirstDiffers: Code;
    readonly firstTwice: Code;
    readonly concurrentFirstsTwice: Code;
    readonly lostFirstTwice: Code;
    readonly deadlineIgnored: Code;
  };
};

export type OpPair = FirstOp & {
  readonly undo: 'cancel' | 'compensate';
  readonly codes: {
    readonly undoRefused: Code;
    readonly notRestored: Code;
    readonly repeatedUndoRefused: Code;
    readonly undoTwice: Code;
    readonly undoAloneRefused: Code;
    readonly undoAloneApplied: Code;
    readonly lateFirstAccepted: Code;
    readonly slowFirstAccepted: Code;
  };
};

export const TCC: OpPair = {
  first: 'try',
  undo: 'cancel',
  firsts: 'tries',
  codes: {
    undoRefused: 'cancel_refused',
    notRestored: 'cancel_does_not_restore',
    repeatedFirstRefused: 'repeated_try_refused',
    repeatedFirstDiffers: 'repeated_try_differs',
    firstTwice: 'try_applied_twice',
    concurrentFirstsTwice: 'tries_at_once_applied_twice',
    lostFirstTwice: 'lost_reply_applied_twice',
    repeatedUndoRefused: 'repeated_cancel_refused',
    undoTwice: 'cancel_applied_twice',
    undoAloneRefused: 'cancel_before_try_refused',
    undoAloneApplied: 'cancel_before_try_applied',
    lateFirstAccepted: 'late_try_accepted',
    slowFirstAccepted: 'slow_try_accepted',
    deadlineIgnored: 'deadline_ignored',
  },
};

export const SAGA: OpPair = {
  first: 'action',
  undo: 'compensate',
  firsts: 'actions',
  codes: {
    undoRefused: 'compensate_refused',
    notRestored: 'compensate_does_not_restore',
    repeatedFirstRefused: 'repeated_action_refused',
    repeatedFirstDiffers: 'repeated_action_differs',
    firstTwice: 'action_applied_twice',
    concurrentFirstsTwice: 'actions_at_once_applied_twice',
    lostFirstTwice: 'lost_action_applied_twice',
    repeatedUndoRefused: 'repeated_compensate_refused',
    undoTwice: 'compensate_applied_twice',
    undoAloneRefused: 'compensate_before_action_refused',
    undoAloneApplied: 'compensate_before_action_applied',
    lateFirstAccepted: 'late_action_accepted',
    slowFirstAccepted: 'slow_action_accepted',
    deadlineIgnored: 'action_deadline_ignored',
  },
};

/** `a try`, `an action` */
export const withArticle = (op: OpPair['first']): string => (op === 'action' ? 'an action' : 'a try');
/** At the beginning of a sentence. */
export const withCapitalArticle = (op: OpPair['first']): string => (op === 'action' ? 'An action' : 'A try');
