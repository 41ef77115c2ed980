/** The rules for the steps of a saga, beside those that both patterns have in common; see `catalogue.ts`. */
import type { KindCode, SagaCode, TccCode } from './codes.ts';
import type { Rule } from './rule.ts';

const BARRIER = 'The SDK’s barrier does this; in other languages one table with a row for each step does.';

const LOCK_FIRST =
  'Lock the row of the step first (SELECT … FOR UPDATE, BEGIN IMMEDIATE), then look at it, then change it, all in the database transaction of the work.';

export const SAGA_RULES: { readonly [Each in SagaCode]: Rule<KindCode | SagaCode | TccCode> } = {
  compensate_refused: {
    seenIn: 'statuses',
    rule: 'The compensate of a step that was done succeeds.',
    why: 'The saga is cancelled, and the other steps are undone, but this one stays done: the customer has paid for a journey that no one makes. The coordinator goes on asking until its retry budget is spent; then it waits for an operator.',
    fix: 'Undo what can be undone, whatever has become of the business since, and answer 200. What cannot always be undone belongs behind the pivot.',
  },
  compensate_does_not_restore: {
    seenIn: 'numbers',
    rule: 'A compensate undoes exactly what its action did.',
    why: 'Each cancelled saga leaves something behind: stock that nobody can buy, or money that its owner no longer has.',
    fix: 'Let the compensate undo each change of the action, no more and no less.',
  },
  repeated_action_refused: {
    seenIn: 'statuses',
    rule: 'A repeated action succeeds, as its first call did.',
    why: 'An action is repeated when its answer was not heard. If the second call is refused, the coordinator cancels a saga that had gone well: the sale is lost.',
    fix: `Recognize the repeated call by gid, branchId and op, and answer the first result again. ${BARRIER}`,
    hiddenBy: ['steps_mixed_up'],
  },
  repeated_action_differs: {
    seenIn: 'statuses',
    rule: 'A repeated action answers the same result as its first call.',
    why: 'Later steps act on the result that was heard, such as the number of a booking. If that is another one than the one that exists, what they pay or ship is for nothing.',
    fix: 'Store the result in the same database transaction as the work, and answer the stored one.',
    hiddenBy: ['action_applied_twice'],
  },
  action_applied_twice: {
    seenIn: 'numbers',
    rule: 'A repeated action takes effect once.',
    why: 'An action is repeated whenever its answer was not heard. Each repetition books or pays once more, and nobody knows of it: a compensate undoes one of them only.',
    fix: `Record gid, branchId and op in the database transaction of the work, under a unique key, and do nothing when the record is there. ${BARRIER}`,
  },
  actions_at_once_applied_twice: {
    seenIn: 'numbers',
    rule: 'Two actions of one step at the same moment take effect once.',
    why: 'An action is repeated when its answer takes too long, so both may be under way together. Each finds no record of the other, and books or pays: one of the two is for nobody.',
    fix: LOCK_FIRST,
    hiddenBy: ['action_applied_twice'],
  },
  lost_action_applied_twice: {
    seenIn: 'numbers',
    rule: 'An action whose caller hangs up before the answer takes effect once when it is asked for again.',
    why: 'The work is done, but its record is not kept when the connection breaks. The call is always repeated then, and books or pays once more: one of the two is for nobody.',
    fix: 'Commit the record and the work in one database transaction, before the answer is sent, and whether or not the caller is still there.',
    hiddenBy: ['action_applied_twice', 'actions_at_once_applied_twice', 'repeated_action_refused'],
  },
  repeated_compensate_refused: {
    seenIn: 'statuses',
    rule: 'A repeated compensate succeeds.',
    why: 'A compensate whose answer was not heard is asked for again until it succeeds. If only the first call does, the saga never ends, what depends on its end is not undone, and a person has to find out what happened.',
    fix: 'Answer 200 to a compensate of a step that is undone, and do nothing.',
  },
  compensate_applied_twice: {
    seenIn: 'numbers',
    rule: 'A repeated compensate takes effect once.',
    why: 'A compensate is repeated whenever its answer was not heard. Each repetition gives back once more what was taken once: the difference belongs to other customers, or to nobody.',
    fix: `Record the compensate in the database transaction of its work, and do nothing when the record is there. ${BARRIER}`,
  },
  compensates_at_once_applied_twice: {
    seenIn: 'numbers',
    rule: 'Two compensates of one step at the same moment take effect once.',
    why: 'A compensate is repeated when its answer takes too long, so both may be under way together. Each finds the step done, and undoes it: what was paid once is given back twice.',
    fix: LOCK_FIRST,
    hiddenBy: ['compensate_applied_twice'],
  },
  compensate_before_action_refused: {
    seenIn: 'statuses',
    rule: 'A compensate without an action succeeds (null compensation, 空回滚).',
    why: 'The coordinator compensates every step whose action may have been sent, and some actions never arrive. A compensate that is refused is asked for until its retry budget is spent; the saga then waits for an operator, and what came before it is not undone meanwhile.',
    fix: `Store a tombstone for the step where the action looks for it, and answer 200. ${BARRIER}`,
    hiddenBy: ['compensate_refused'],
  },
  compensate_before_action_applied: {
    seenIn: 'numbers',
    rule: 'A compensate without an action undoes nothing.',
    why: 'It gives back what was never taken: stock that is not there is sold, or money appears on an account.',
    fix: `Undo only where the record of the action is found; otherwise only store the tombstone. ${BARRIER}`,
  },
  late_action_accepted: {
    seenIn: 'statuses',
    rule: 'An action that comes after its compensate is refused (hanging, 悬挂).',
    why: 'Networks delay: an action can arrive when its saga was cancelled long ago. Nobody will compensate it any more, so what it books or pays stays so for ever.',
    fix: `Let the compensate leave a tombstone also where it finds no action, and refuse the action that finds it with 409. ${BARRIER}`,
  },
  slow_action_accepted: {
    seenIn: 'statuses',
    rule: 'An action whose body ends only after its compensate is refused.',
    why: 'Whether the step was compensated was looked up when the headers came. The compensate came before the end of the body, and found nothing to undo: what the action then does stays so for ever.',
    fix: 'Read the body to its end first. Then look for the tombstone, in the database transaction of the work.',
    hiddenBy: ['late_action_accepted', 'compensate_before_action_refused'],
  },
  action_deadline_ignored: {
    seenIn: 'statuses',
    rule: 'An action that comes after its deadline is refused.',
    why: 'After the deadline the saga is being cancelled, or is over. An action that still does its work may do so for nobody, and for ever.',
    fix: 'Compare the header TCC-Deadline with the clock before the work of an action, and refuse with 409 when it has passed. Keep the clock in step.',
  },
  steps_mixed_up: {
    seenIn: 'statuses',
    rule: 'Steps are told apart by gid and branchId together.',
    why: 'One saga may have several steps here, such as two items of an order, and another saga may use the same branchId. Who knows only one of the two ids, or takes stock and Stock for the same, takes the second action for a repetition: it is answered with success, and nothing is done.',
    fix: 'Make gid and branchId together the key of the record; TCC-Transaction-Id and TCC-Branch-Id bring them. Compare them as bytes: in MySQL by COLLATE ascii_bin, in SQLite without NOCASE.',
    hiddenBy: ['compensate_refused'],
  },
};
