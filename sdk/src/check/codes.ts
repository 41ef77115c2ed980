/** The codes of all violations, by the rules that they belong to. */

export type TccCode =
  | 'redirected'
  | 'sum_not_conserved'
  | 'confirm_refused'
  | 'cancel_refused'
  | 'cancel_does_not_restore'
  | 'answered_before_commit'
  | 'repeated_try_refused'
  | 'repeated_try_differs'
  | 'try_applied_twice'
  | 'tries_at_once_applied_twice'
  | 'repeated_confirm_refused'
  | 'confirm_applied_twice'
  | 'confirms_at_once_applied_twice'
  | 'repeated_cancel_refused'
  | 'cancel_applied_twice'
  | 'cancel_before_try_refused'
  | 'cancel_before_try_applied'
  | 'late_try_accepted'
  | 'deadline_ignored'
  | 'confirm_expired'
  | 'refusal_answered_as_success'
  | 'refusal_not_understood'
  | 'refused_call_applied'
  | 'confirm_without_try_accepted'
  | 'confirm_after_cancel_accepted'
  | 'cancel_after_confirm_accepted'
  | 'confirm_and_cancel_both_accepted'
  | 'confirm_and_cancel_both_refused'
  | 'loser_applied'
  | 'branches_mixed_up'
  | 'lost_reply_applied_twice'
  | 'slow_try_accepted'
  | 'slow_caller_blocks_others'
  | 'unsigned_call_accepted';

export type SagaCode =
  | 'compensate_refused'
  | 'compensate_does_not_restore'
  | 'repeated_action_refused'
  | 'repeated_action_differs'
  | 'action_applied_twice'
  | 'actions_at_once_applied_twice'
  | 'lost_action_applied_twice'
  | 'repeated_compensate_refused'
  | 'compensate_applied_twice'
  | 'compensates_at_once_applied_twice'
  | 'compensate_before_action_refused'
  | 'compensate_before_action_applied'
  | 'late_action_accepted'
  | 'slow_action_accepted'
  | 'action_deadline_ignored'
  | 'steps_mixed_up';

export type KindCode =
  | 'kind_ignored'
  | 'second_phase_refused_for_kind'
  | 'served_kind_refused'
  | 'signed_kind_ignored'
  | 'actions_mixed_up'
  | 'refusal_forgotten'
  | 'slow_pivot_accepted'
  | 'refused_and_done'
  | 'late_repeat_refused';

export type AcceptedCode = 'accepted_applied_twice' | 'accepted_expires' | 'accepted_not_undone';

export type Code = TccCode | SagaCode | KindCode | AcceptedCode;
