/**
 * Every rule that a participant is judged by, under the code of its violation, in the words that the report uses: the
 * rule itself, why it loses money when it is not kept, and what to do then.
 *
 * `seenIn` says what the judgement needs: the statuses of answers alone, the numbers at `observeUrl` as well, or secrets.
 * `hiddenBy` names violations that bring this one along. It is not judged beside them: they are to be mended first.
 */
import type { Pattern } from '../wire/index.ts';
import type { Rule } from './rule.ts';
import { SAGA_RULES, type SagaCode } from './saga-rules.ts';
import { TCC_RULES, type TccCode } from './tcc-rules.ts';

export type Code = TccCode | SagaCode;

export const CATALOGUE: { readonly [Each in Code]: Rule<Code> } = { ...TCC_RULES, ...SAGA_RULES };

/** Rules that have the same words for both patterns. */
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

/** The rules that a participant is judged by, pattern by pattern. */
export const CODES_OF: { readonly [Each in Pattern]: readonly Code[] } = {
  tcc: Object.keys(TCC_RULES).filter(isCode),
  saga: [...SHARED, ...Object.keys(SAGA_RULES).filter(isCode)],
};

/** Whether this is the code of a violation. */
export function isCode(text: string): text is Code {
  return Object.hasOwn(CATALOGUE, text);
}
