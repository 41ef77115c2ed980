/** The rules for tries and actions that are answered 202 and completed from outside; see `catalogue.ts`. */
import type { AcceptedCode, SagaCode, TccCode } from './codes.ts';
import type { Rule } from './rule.ts';

export const ACCEPTED_RULES: { readonly [Each in AcceptedCode]: Rule<AcceptedCode | SagaCode | TccCode> } = {
  accepted_applied_twice: {
    seenIn: 'numbers',
    rule: 'A try or action that was answered 202 takes effect once, however often it is called again.',
    why: 'The coordinator repeats the call until it is completed, for days if need be. Each repetition that works anew books or pays once more, or asks the human once more: all but one of them are for nobody.',
    fix: 'Commit a record that the op was accepted with its work, in one database transaction. Answer 202 to each call that finds it, and do nothing. In the SDK: return accepted() instead of throwing InProgress, which rolls back.',
  },
  accepted_expires: {
    seenIn: 'statuses',
    rule: 'A try or action that was answered 202 is not refused when it is called again after its deadline.',
    why: 'The deadline bounds the first call alone. A refusal says that nothing is left, and the transaction is cancelled, while the work goes on outside. A pivot may still take the money in a cancelled saga.',
    fix: 'Read the record of the branch before the deadline is judged. Answer 202 while the op is accepted, and its result once it is completed.',
  },
  accepted_not_undone: {
    seenIn: 'numbers',
    rule: 'A cancel or compensate undoes what an accepted try or action has done.',
    why: 'The transaction is cancelled, and what the accepted call has set aside stays so: nobody calls again to give it back.',
    fix: 'Take an accepted try or action for one that has worked: undo what it has done, withdraw what goes on outside, and refuse its completion from then on. In the SDK: let the op write with sqlTx before it returns accepted().',
    hiddenBy: ['cancel_refused', 'compensate_refused'],
  },
};
