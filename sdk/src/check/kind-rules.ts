/** The rules on kinds of calls, and those for steps that nothing undoes, a pivot among them; see `catalogue.ts`. */
import type { KindCode, SagaCode, TccCode } from './codes.ts';
import type { Rule } from './rule.ts';

export const KIND_RULES: { readonly [Each in KindCode]: Rule<KindCode | SagaCode | TccCode> } = {
  kind_ignored: {
    seenIn: 'statuses',
    rule: 'A try or action of a kind that the activity does not serve is refused.',
    why: 'The initiator and the participant disagree on what the branch is, so the initiator relies on what the participant does not do. An initiator that uses a plain step as its pivot relies on a refusal that is remembered; here it is not. So a refused call may still land later, and takes the money in a cancelled saga. A step that the initiator compensates and the participant cannot undo stays done in a cancelled saga.',
    fix: 'Compare the header TCC-Kind with the kind that the activity is declared as, before the work of a try or action. Refuse with 422 and the code kind_mismatch. A step also serves final, and so does a step without compensation. If the activity is declared as another kind than the one given here, check it as that one.',
  },
  second_phase_refused_for_kind: {
    seenIn: 'statuses',
    rule: 'A confirm, cancel or compensate is never refused for its kind.',
    why: 'A try or action that was refused for its kind is cancelled or compensated like any other, and so is one that was done before the activity was declared as another kind. If that call does not succeed, the coordinator repeats it until its retry budget is spent. The transaction then waits for an operator.',
    fix: 'Compare the kind in try and action alone. Serve confirm, cancel and compensate by the record of the branch. Where there is no record, or that of a refusal, store a tombstone and answer 200, also in an activity that has nothing to undo.',
    hiddenBy: [
      'cancel_refused',
      'cancel_before_try_refused',
      'compensate_refused',
      'compensate_before_action_refused',
    ],
  },
  served_kind_refused: {
    seenIn: 'statuses',
    rule: 'A try or action of each kind that the activity serves succeeds, and so does one without a kind.',
    why: 'The transaction is cancelled though nothing stands in its way: the sale is lost. A step after the pivot that is refused is repeated until its retry budget is spent, and then waits for an operator.',
    fix: 'Serve final in a step too, with or without compensation: after the pivot it is never compensated. Take a call without the header TCC-Kind for one of the declared kind: older coordinators and initiators do not send it.',
  },
  signed_kind_ignored: {
    seenIn: 'secrets',
    rule: 'A call whose kind is not the signed one is not answered with 2xx.',
    why: 'The kind decides whether a call is refused. Anyone who can change the headers of a signed call could make a participant serve a call that it must refuse, or refuse one that it must serve.',
    fix: 'Compare webhook-id with gid/branchId/op/kind of the headers where TCC-Kind is sent, and with gid/branchId/op where it is not. Answer 401 when they differ.',
    hiddenBy: ['unsigned_call_accepted'],
  },
  actions_mixed_up: {
    seenIn: 'numbers',
    rule: 'Steps are distinguished by gid and branchId together: each has its own effect.',
    why: 'One saga may have several steps here, such as two items of an order, and another saga may use the same branchId. A participant that compares only one of the two ids, or ignores case, takes the second action for a repetition: it answers with success, and does nothing.',
    fix: 'Make gid and branchId together the key of the record. TCC-Transaction-Id and TCC-Branch-Id carry them. Compare them as bytes: in MySQL by COLLATE ascii_bin, in SQLite without NOCASE.',
    hiddenBy: ['repeated_action_refused', 'action_applied_twice', 'refusal_forgotten'],
  },
  refusal_forgotten: {
    seenIn: 'statuses',
    rule: 'The refusal of a pivot is remembered: its repetition is refused too.',
    why: 'The refusal cancels the saga, and all steps before the pivot are compensated. Nothing compensates the pivot. If a delayed or repeated call of it succeeds after the refusal, it takes the money in a cancelled saga.',
    fix: 'Store the refusal in the record of the branch, whether the business refused, the deadline had passed or the kind was wrong. Refuse each later action that finds it, whatever its deadline, payload or kind.',
  },
  slow_pivot_accepted: {
    seenIn: 'statuses',
    rule: 'The action of a pivot whose body ends only after its refusal is refused.',
    why: 'Whether the step was refused was read when the headers came. The refusal came before the end of the body, and has cancelled the saga. The action then takes the money in a cancelled saga.',
    fix: 'Read the body to its end first. Then read the record of the branch, in the database transaction of the work.',
    hiddenBy: ['refusal_forgotten'],
  },
  refused_and_done: {
    seenIn: 'statuses',
    rule: 'Of two concurrent actions of a pivot, one is not refused while the other succeeds.',
    why: 'The coordinator acts on the answer that it receives. If that is the refusal, it cancels the saga, and the work of the other call stays: the money is taken in a cancelled saga.',
    fix: 'Lock the row of the branch first (SELECT … FOR UPDATE, BEGIN IMMEDIATE), then read it, then judge the deadline. Store the refusal or the work with its record in the same database transaction.',
    hiddenBy: [
      'actions_at_once_applied_twice',
      'refusal_forgotten',
      'late_repeat_refused',
      'repeated_action_refused',
    ],
  },
  late_repeat_refused: {
    seenIn: 'statuses',
    rule: 'A pivot that was done answers its repetition with success, also after the deadline.',
    why: 'A pivot whose answer was lost is repeated for as long as it takes, also after the deadline of the saga. A refusal then cancels a saga whose money was taken.',
    fix: 'Read the record of the branch before the deadline is judged. The deadline refuses only what was never begun.',
    hiddenBy: ['repeated_action_refused'],
  },
};
