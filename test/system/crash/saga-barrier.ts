/** Serves an action and a compensate: the barrier, and the work behind it. */
import { MARKS } from '../../support/marks.ts';
import { type Answer, type ParticipantRecords, type Call, NO, OK } from './participant-records.ts';
import type { Payload } from './transaction-shapes.ts';

export function serveSagaCall(records: ParticipantRecords, call: Call): Answer {
  checkReferences(records, call);
  return call.op === 'action' ? takeAction(records, call) : takeCompensate(records, call);
}

/** A refusal is remembered, as a pivot's has to be. */
function takeAction(records: ParticipantRecords, call: Call): Answer {
  const { amount, isRefused }: Payload = JSON.parse(call.body);
  const branchId = call.branchId ?? '';
  const record = records.recordOf(call.gid, branchId);
  if (record === 'done') return answered();
  if (record !== 'nothing') return NO;
  if (isRefused || Date.now() >= call.deadlineAt) {
    records.write(call, 'refused');
    return NO;
  }
  const account = records.accountOf(branchId);
  account.available -= amount;
  account.taken += amount;
  records.newResult(call);
  records.write(call, 'done');
  return answered();

  function answered(): Answer {
    return {
      status: 200,
      body: JSON.stringify({ id: records.resultOf(call.gid, branchId), mark: MARKS.result }),
    };
  }
}

function takeCompensate(records: ParticipantRecords, call: Call): Answer {
  const { amount }: Payload = JSON.parse(call.body);
  const branchId = call.branchId ?? '';
  const record = records.recordOf(call.gid, branchId);
  if (record === 'compensated' || record === 'tombstone') return OK;
  if (record !== 'done') return records.write(call, 'tombstone');
  const account = records.accountOf(branchId);
  account.available += amount;
  account.taken -= amount;
  return records.write(call, 'compensated');
}

/** Each resolves to the result of its step, also when another process resolves it again. */
function checkReferences(records: ParticipantRecords, { gid, branchId, op, body }: Call): void {
  const { from = {} }: Payload = JSON.parse(body);
  for (const [step, id] of Object.entries(from))
    if (id !== records.resultOf(gid, step))
      records.faults.push(`${op} of ${gid}/${branchId} was sent ${id}, which ${step} did not answer`);
}
