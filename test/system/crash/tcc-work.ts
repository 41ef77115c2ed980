/** What becomes of a try, a confirm and a cancel: the barrier, and the work behind it. */
import type { GlobalTransaction } from '../../../src/domain/index.ts';
import { type Answer, type Books, type Call, NO, OK } from './books.ts';
import type { Payload } from './forms.ts';

export function takeTcc(books: Books, call: Call): Answer {
  const { amount, isRefused }: Payload = JSON.parse(call.body);
  const branchId = call.branchId ?? '';
  const account = books.accountOf(branchId);
  const record = books.recordOf(call.gid, branchId);
  switch (call.op) {
    case 'try':
      if (record === 'cancelled' || record === 'tombstone') return NO;
      if (record !== 'nothing') return OK;
      if (isRefused || Date.now() >= call.deadlineAt) return NO;
      account.available -= amount;
      account.held += amount;
      return books.write(call, 'tried');
    case 'confirm':
      if (record === 'confirmed') return OK;
      if (record !== 'tried') return books.refuse(call);
      account.held -= amount;
      account.taken += amount;
      return books.write(call, 'confirmed');
    default:
      if (record === 'cancelled' || record === 'tombstone') return OK;
      if (record === 'confirmed') return books.refuse(call);
      if (record === 'nothing') return books.write(call, 'tombstone');
      account.held -= amount;
      account.available += amount;
      return books.write(call, 'cancelled');
  }
}

/** I9: what the call stands on is durable as it arrives; null when it is. */
export function tccFault({ op }: Call, { decision }: GlobalTransaction): string | null {
  return op === 'try' || decision?.decision === op ? null : 'came before its decision was durable';
}
