/**
 * Every rule that a participant is judged by, under the code of its violation, in the words that the report uses: the
 * rule itself, why it loses money when it is not kept, and what to do then.
 *
 * `seenIn` says what the judgement needs: the statuses of answers alone, the numbers at `observeUrl` as well, or secrets.
 * `hiddenBy` names violations that bring this one along. It is not judged with them: they are to be fixed first.
 */
import { ACCEPTED_RULES } from './accepted-rules.ts';
import type { Code } from './codes.ts';
import { KIND_RULES } from './kind-rules.ts';
import type { Kind } from './kinds.ts';
import type { Rule } from './rule.ts';
import { SAGA_RULES } from './saga-rules.ts';
import { TCC_RULES } from './tcc-rules.ts';

export const CATALOGUE: { readonly [Each in Code]: Rule<Code> } = {
  ...TCC_RULES,
  ...SAGA_RULES,
  ...KIND_RULES,
  ...ACCEPTED_RULES,
};

const OF_EVERY_KIND: readonly Code[] = [
  'kind_ignored',
  'second_phase_refused_for_kind',
  'served_kind_refused',
  'signed_kind_ignored',
];

/** Rules of a tcc that have the same words for steps. */
const SHARED: readonly Code[] = [
  'redirected',
  'sum_not_conserved',
  'answered_before_commit',
  'refusal_answered_as_success',
  'refusal_not_understood',
  'refused_call_applied',
  'slow_caller_blocks_others',
  'unsigned_call_accepted',
];

/** Of steps that nothing undoes. A compensate still comes where the initiator takes them for another kind. */
const UNCOMPENSATED: readonly Code[] = [
  ...SHARED,
  'repeated_action_refused',
  'repeated_action_differs',
  'action_applied_twice',
  'actions_at_once_applied_twice',
  'lost_action_applied_twice',
  'compensate_before_action_applied',
  'action_deadline_ignored',
  'actions_mixed_up',
  'refusal_forgotten',
  ...OF_EVERY_KIND,
];

/** The rules that every participant is judged by, kind by kind; those on accepted ops are in `scenarios/accepted.ts`. */
export const CODES_OF: { readonly [Each in Kind]: readonly Code[] } = {
  tcc: [...Object.keys(TCC_RULES).filter(isCode), ...OF_EVERY_KIND],
  step: [...SHARED, ...Object.keys(SAGA_RULES).filter(isCode), 'refusal_forgotten', ...OF_EVERY_KIND],
  step_uncompensated: UNCOMPENSATED,
  pivot: [...UNCOMPENSATED, 'slow_pivot_accepted', 'refused_and_done', 'late_repeat_refused'],
  final: UNCOMPENSATED,
};

/** Whether this is the code of a violation. */
export function isCode(text: string): text is Code {
  return Object.hasOwn(CATALOGUE, text);
}
