/** The rules for the branches of a tcc, those among them that both patterns have in common; see `catalogue.ts`. */
import type { TccCode } from './codes.ts';
import type { Rule } from './rule.ts';

const BARRIER = 'The SDK’s barrier does this; in other languages one table with a row for each branch does.';

const LOCK_FIRST =
  'Lock the row of the branch first (SELECT … FOR UPDATE, BEGIN IMMEDIATE), then look at it, then change it, all in the database transaction of the work.';

export const TCC_RULES: { readonly [Each in TccCode]: Rule<TccCode> } = {
  redirected: {
    seenIn: 'statuses',
    rule: 'A call is answered where it arrives, not with a redirect.',
    why: 'The coordinator follows no redirect, since it would carry the payload to an address that nobody registered. It counts the answer as no answer: what is not decided is cancelled at its deadline, and what is decided waits for an operator.',
    fix: 'Serve the op at the address that is registered, or register the base URL and the paths to which the redirect leads.',
  },
  sum_not_conserved: {
    seenIn: 'numbers',
    rule: 'The sum of all numbers is the same at every look.',
    why: 'Money or stock came from nowhere, or is gone. A try moves it from free to set aside, a confirm from there to gone, a cancel back; an action from free to gone, a compensate back: what one number loses, another one gains.',
    fix: 'Change both numbers in one database transaction. If the numbers are right as they are, observe another set: one whose sum is constant.',
  },
  confirm_refused: {
    seenIn: 'statuses',
    rule: 'The confirm of a tried branch succeeds.',
    why: 'The decision to confirm is never taken back, and other participants confirm. The coordinator goes on asking until its retry budget is spent; then what was set aside here stays so until a person comes.',
    fix: 'Check in the try whatever could stand in the way. A confirm only carries out what the try has set aside, and has no business reason to refuse.',
  },
  cancel_refused: {
    seenIn: 'statuses',
    rule: 'The cancel of a tried branch succeeds.',
    why: 'What the try has set aside is never given back: it can neither be sold nor be spent, and the transaction waits for an operator.',
    fix: 'Give back what the try has set aside, whatever has become of the business since, and answer 200.',
  },
  cancel_does_not_restore: {
    seenIn: 'numbers',
    rule: 'A cancel gives back exactly what its try set aside.',
    why: 'Each cancelled transaction leaves something behind: stock that nobody can buy, or money that its owner no longer has.',
    fix: 'Let the cancel undo each change of the try, no more and no less.',
  },
  answered_before_commit: {
    seenIn: 'numbers',
    rule: 'What an answer calls done is done before the answer is sent.',
    why: 'It answered before it committed, and a crash in between loses the work. A success is never asked for again: the other participants go on, and here nothing was done or undone.',
    fix: 'Commit first, then answer: wait for the end of the database transaction. If the numbers come from a cache, a replica or a queue, observe the database that is written instead.',
  },
  repeated_try_refused: {
    seenIn: 'statuses',
    rule: 'A repeated try succeeds, as its first call did.',
    why: 'A try is repeated when its answer was not heard. If the second call is refused, the coordinator cancels a transaction that had gone well: the sale is lost.',
    fix: `Recognize the repeated call by gid, branchId and op, and answer the first result again. ${BARRIER}`,
    hiddenBy: ['branches_mixed_up'],
  },
  repeated_try_differs: {
    seenIn: 'statuses',
    rule: 'A repeated try answers the same result as its first call.',
    why: 'The initiator acts on the result that it heard, such as the number of a reservation. If that is another one than the one that exists, what it pays or ships later is for nothing.',
    fix: 'Store the result in the same database transaction as the work, and answer the stored one.',
    hiddenBy: ['try_applied_twice'],
  },
  try_applied_twice: {
    seenIn: 'numbers',
    rule: 'A repeated try takes effect once.',
    why: 'A try is repeated whenever its answer was not heard. Each repetition sets aside once more, and only one of them is ever confirmed or cancelled: the rest stays set aside for ever.',
    fix: `Record gid, branchId and op in the database transaction of the work, under a unique key, and do nothing when the record is there. ${BARRIER}`,
  },
  tries_at_once_applied_twice: {
    seenIn: 'numbers',
    rule: 'Two tries of one branch at the same moment take effect once.',
    why: 'A try is repeated when its answer takes too long, so both may be under way together. Each finds no record of the other and sets aside: one of the two stays set aside for ever.',
    fix: LOCK_FIRST,
    hiddenBy: ['try_applied_twice'],
  },
  repeated_confirm_refused: {
    seenIn: 'statuses',
    rule: 'A repeated confirm succeeds.',
    why: 'A confirm whose answer was not heard is asked for again until it succeeds. If only the first call does, the branch is never known as confirmed, and a person has to find out what happened.',
    fix: 'Answer 200 to a confirm of a branch that is confirmed, and do nothing.',
    hiddenBy: ['confirm_refused'],
  },
  confirm_applied_twice: {
    seenIn: 'numbers',
    rule: 'A repeated confirm takes effect once.',
    why: 'A confirm is repeated whenever its answer was not heard. The customer pays twice, or stock is booked as sold that is still there.',
    fix: `Record the confirm in the database transaction of its work, and do nothing when the record is there. ${BARRIER}`,
  },
  confirms_at_once_applied_twice: {
    seenIn: 'numbers',
    rule: 'Two confirms of one branch at the same moment take effect once.',
    why: 'A confirm is repeated when its answer takes too long, so both may be under way together. Each finds the branch tried, and carries it out: the customer pays twice, or twice as much is booked as sold.',
    fix: LOCK_FIRST,
    hiddenBy: ['confirm_applied_twice'],
  },
  repeated_cancel_refused: {
    seenIn: 'statuses',
    rule: 'A repeated cancel succeeds.',
    why: 'A cancel whose answer was not heard is asked for again until it succeeds. If only the first call does, the transaction never ends, and a person has to find out what happened.',
    fix: 'Answer 200 to a cancel of a branch that is cancelled, and do nothing.',
  },
  cancel_applied_twice: {
    seenIn: 'numbers',
    rule: 'A repeated cancel takes effect once.',
    why: 'A cancel is repeated whenever its answer was not heard. Each repetition gives back once more what was set aside once: the difference belongs to other customers, or to nobody.',
    fix: `Record the cancel in the database transaction of its work, and do nothing when the record is there. ${BARRIER}`,
  },
  cancel_before_try_refused: {
    seenIn: 'statuses',
    rule: 'A cancel without a try succeeds (null compensation, 空回滚).',
    why: 'The coordinator cancels every branch whose try may have been sent, and some tries never arrive. A cancel that is refused is asked for until its retry budget is spent; the transaction then waits for an operator, and each such one hides a real loss.',
    fix: `Store a tombstone for the branch where the try looks for it, and answer 200. ${BARRIER}`,
    hiddenBy: ['cancel_refused'],
  },
  cancel_before_try_applied: {
    seenIn: 'numbers',
    rule: 'A cancel without a try gives nothing back.',
    why: 'It gives back what was never set aside: stock that is not there is sold, or money appears on an account.',
    fix: `Give back only where the record of the try is found; otherwise only store the tombstone. ${BARRIER}`,
  },
  late_try_accepted: {
    seenIn: 'statuses',
    rule: 'A try that comes after its cancel is refused (hanging, 悬挂).',
    why: 'Networks delay: a try can arrive when its transaction was cancelled long ago. Nobody will confirm or cancel it any more, so what it sets aside stays so for ever.',
    fix: `Let the cancel leave a tombstone also where it finds no try, and refuse the try that finds it with 409. ${BARRIER}`,
  },
  deadline_ignored: {
    seenIn: 'statuses',
    rule: 'A try that comes after its deadline is refused.',
    why: 'After the deadline the transaction is being cancelled, or is over. A try that still sets something aside may do so for nobody, and for ever.',
    fix: 'Compare the header TCC-Deadline with the clock before the work of a try, and refuse with 409 when it has passed. Keep the clock in step.',
  },
  confirm_expired: {
    seenIn: 'statuses',
    rule: 'A confirm succeeds also after the deadline.',
    why: 'The decision was taken in time, and other participants confirm. A reservation that expires by itself, by the deadline of its try or by a clock of its own, makes half a transaction: one side has paid, the other does not deliver.',
    fix: 'Let the deadline bound the try alone. What is set aside stays so until a confirm or a cancel comes, however late.',
    hiddenBy: ['confirm_refused'],
  },
  refusal_answered_as_success: {
    seenIn: 'numbers',
    rule: 'A refused try or action is not answered with 2xx.',
    why: 'The status alone decides: words such as FAILURE in the body of a 200 are not heard. The transaction goes on, the other participants pay or deliver, and here nothing was done.',
    fix: 'Answer a refusal with 409 or 422; words for people may go into the body.',
  },
  refusal_not_understood: {
    seenIn: 'statuses',
    rule: 'A try or action is refused with 409 or 422.',
    why: 'Any other status counts as no answer: the coordinator asks again until the deadline, and what the other participants have set aside or done stays so meanwhile, instead of being free at once.',
    fix: 'Answer a refusal with 409, or with 422. Other statuses are for what is not known.',
  },
  refused_call_applied: {
    seenIn: 'numbers',
    rule: 'A refused call has no effect.',
    why: 'Whoever is told “no” believes that nothing has happened. What was changed nevertheless is nobody’s to give back.',
    fix: 'Roll back the database transaction of the work whenever the answer is a refusal.',
  },
  confirm_without_try_accepted: {
    seenIn: 'statuses',
    rule: 'A confirm without a try is not answered with 2xx.',
    why: 'Nothing was set aside, so nothing can be carried out; but the coordinator believes that it was, and the other participants are paid for something that never happened.',
    fix: `Answer 409 to a confirm that finds no record of the try. ${BARRIER}`,
  },
  confirm_after_cancel_accepted: {
    seenIn: 'statuses',
    rule: 'A confirm after the cancel is not answered with 2xx.',
    why: 'What was set aside has been given back, and may belong to others by now. A success here hides that this branch is not done, while the others are.',
    fix: `Answer 409 to a confirm of a cancelled branch, and do nothing. ${BARRIER}`,
  },
  cancel_after_confirm_accepted: {
    seenIn: 'statuses',
    rule: 'A cancel after the confirm is not answered with 2xx.',
    why: 'What is sold is given back as well, or is believed to be: one side has paid, the other keeps both.',
    fix: `Answer 409 to a cancel of a confirmed branch, and do nothing. ${BARRIER}`,
  },
  confirm_and_cancel_both_accepted: {
    seenIn: 'statuses',
    rule: 'Of a confirm and a cancel at the same moment, one succeeds and the other does not.',
    why: 'Both were told that they succeeded, so the branch is believed to be sold and to be given back. There is a gap between looking at the branch and changing it, and under load repeated calls fall into it too.',
    fix: LOCK_FIRST,
    hiddenBy: ['confirm_after_cancel_accepted', 'cancel_after_confirm_accepted'],
  },
  confirm_and_cancel_both_refused: {
    seenIn: 'statuses',
    rule: 'Of a confirm and a cancel at the same moment, one succeeds.',
    why: 'The coordinator asks for one of them only, until it succeeds. A branch that refuses either stays set aside until a person comes.',
    fix: 'Let the call that locks the row of the branch first succeed; refuse only what contradicts a record that is committed.',
    hiddenBy: ['confirm_refused', 'cancel_refused'],
  },
  loser_applied: {
    seenIn: 'numbers',
    rule: 'After a confirm and a cancel at the same moment, the effect is that of the one that succeeded.',
    why: 'The answer says one thing and the books another: what is believed to be sold was given back, or the other way round, or both.',
    fix: 'Record the op in the database transaction of its work, so that both stand or fall together.',
    hiddenBy: ['confirm_and_cancel_both_accepted', 'confirm_and_cancel_both_refused'],
  },
  branches_mixed_up: {
    seenIn: 'statuses',
    rule: 'Branches are told apart by gid and branchId together.',
    why: 'One transaction may have several branches here, such as two items of an order, and another transaction may use the same branchId. Who knows only one of the two ids, or takes stock and Stock for the same, takes the second try for a repetition: it is answered with success, and nothing is set aside.',
    fix: 'Make gid and branchId together the key of the record; TCC-Transaction-Id and TCC-Branch-Id bring them. Compare them as bytes: in MySQL by COLLATE ascii_bin, in SQLite without NOCASE.',
    hiddenBy: ['confirm_refused', 'cancel_refused'],
  },
  lost_reply_applied_twice: {
    seenIn: 'numbers',
    rule: 'A try whose caller hangs up before the answer takes effect once when it is asked for again.',
    why: 'The work is done, but its record is not kept when the connection breaks. The call is always repeated then, and sets aside once more: one of the two stays set aside for ever.',
    fix: 'Commit the record and the work in one database transaction, before the answer is sent, and whether or not the caller is still there.',
    hiddenBy: ['try_applied_twice', 'tries_at_once_applied_twice', 'repeated_try_refused'],
  },
  slow_try_accepted: {
    seenIn: 'statuses',
    rule: 'A try whose body ends only after its cancel is refused.',
    why: 'Whether the branch was cancelled was looked up when the headers came. The cancel came before the end of the body, and found nothing to undo: what the try then sets aside stays so for ever.',
    fix: 'Read the body to its end first. Then look for the tombstone, in the database transaction of the work.',
    hiddenBy: ['late_try_accepted', 'cancel_before_try_refused'],
  },
  slow_caller_blocks_others: {
    seenIn: 'statuses',
    rule: 'A call whose body comes slowly delays no other call.',
    why: 'One slow caller stops everybody: confirms, cancels and compensates run into their time-outs, and what they would free stays as it is meanwhile.',
    fix: 'Serve several connections at the same time (in Python ThreadingHTTPServer instead of HTTPServer), and take locks only when the body is complete.',
  },
  unsigned_call_accepted: {
    seenIn: 'secrets',
    rule: 'A call that is not signed, or with another secret, is not answered with 2xx.',
    why: 'Whoever reaches this address can take what they like, or confirm and undo what belongs to others.',
    fix: 'Verify the signature over the bytes of the body before anything else, and answer 401 when it is missing or wrong.',
  },
};
