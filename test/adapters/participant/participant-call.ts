/** A call to the participant `inventory`, as the coordinator hands it to the HTTP client. */
import type { ParticipantCall } from '../../../src/application/ports.ts';
import { NO_TRACE } from '../../../src/application/trace-context.ts';

export const participantCall = (more: Partial<ParticipantCall> = {}): ParticipantCall => ({
  gid: '0198c5a2-7b1e-7d40-9f3a-5e2b8c1d4f60',
  branchId: 'stock',
  op: 'try',
  kind: 'tcc',
  participant: 'inventory',
  activity: 'reserve',
  payload: '{}',
  attempt: 1,
  isResultWanted: false,
  timeoutMs: 60_000,
  deadlineAt: 0,
  ...NO_TRACE,
  ...more,
});
