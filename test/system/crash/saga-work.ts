/** What becomes of an action and a compensate: the barrier, and the work behind it. */
import { MARKS } from '../../support/marks.ts';
import { type Answer, type Books, type Call, NO, OK } from './books.ts';
import type { Payload } from './forms.ts';

export function takeSaga(books: Books, call: Call): Answer {
  checkReferences(books, call);
  return call.op === 'action' ? takeAction(books, call) : takeCompensate(books, call);
}

/** A refusal is remembered, as a pivot's has to be. */
function takeAction(books: Books, call: Call): Answer {
  const { amount, isRefused }: Payload = JSON.parse(call.body);
  const branchId = call.branchId ?? '';
  const record = books.recordOf(call.gid, branchId);
  if (record === 'done') return answered();
  if (record !== 'nothing') return NO;
  if (isRefused || Date.now() >= call.deadlineAt) {
    books.write(call, 'refused');
    return NO;
  }
  const account = books.accountOf(branchId);
  account.available -= amount;
  account.taken += amount;
  books.newResult(call);
  books.write(call, 'done');
  return answered();

  function answered(): Answer {
    return {
      status: 200,
      body: JSON.stringify({ id: books.resultOf(call.gid, branchId), mark: MARKS.result }),
    };
  }
}

function takeCompensate(books: Books, call: Call): Answer {
  const { amount }: Payload = JSON.parse(call.body);
  const branchId = call.branchId ?? '';
  const record = books.recordOf(call.gid, branchId);
  if (record === 'compensated' || record === 'tombstone') return OK;
  if (record !== 'done') return books.write(call, 'tombstone');
  const account = books.accountOf(branchId);
  account.available += amount;
  account.taken -= amount;
  return books.write(call, 'compensated');
}

/** Each stands for what its step answered, also after another process has resolved it again. */
function checkReferences(books: Books, { gid, branchId, op, body }: Call): void {
  const { from = {} }: Payload = JSON.parse(body);
  for (const [step, id] of Object.entries(from))
    if (id !== books.resultOf(gid, step))
      books.faults.push(`${op} of ${gid}/${branchId} was sent ${id}, which ${step} did not answer`);
}
