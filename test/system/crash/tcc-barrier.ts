/** Serves a try, a confirm and a cancel: the barrier, and the work behind it. */
import type { GlobalTransaction } from '../../../src/domain/index.ts';
import { type Answer, type ParticipantRecords, type Call, NO, OK } from './participant-records.ts';
import type { Payload } from './transaction-shapes.ts';

export function serveTccCall(records: ParticipantRecords, call: Call): Answer {
  const { amount, isRefused }: Payload = JSON.parse(call.body);
  const branchId = call.branchId ?? '';
  const account = records.accountOf(branchId);
  const record = records.recordOf(call.gid, branchId);
  switch (call.op) {
    case 'try':
      if (record === 'cancelled' || record === 'tombstone') return NO;
      if (record !== 'nothing') return OK;
      if (isRefused || Date.now() >= call.deadlineAt) return NO;
      account.available -= amount;
      account.held += amount;
      return records.write(call, 'tried');
    case 'confirm':
      if (record === 'confirmed') return OK;
      if (record !== 'tried') return records.refuse(call);
      account.held -= amount;
      account.taken += amount;
      return records.write(call, 'confirmed');
    default:
      if (record === 'cancelled' || record === 'tombstone') return OK;
      if (record === 'confirmed') return records.refuse(call);
      if (record === 'nothing') return records.write(call, 'tombstone');
      account.held -= amount;
      account.available += amount;
      return records.write(call, 'cancelled');
  }
}

/** I9: the precondition of the call that is not durable; null when all are. */
export function missingTccPrecondition({ op }: Call, { decision }: GlobalTransaction): string | null {
  return op === 'try' || decision?.decision === op ? null : 'came before its decision was durable';
}
