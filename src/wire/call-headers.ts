/**
 * What every call of a participant brings beside the payload, as HTTP headers; in lower case, as Node shows them.
 *
 * - `tcc-transaction-id`, `tcc-branch-id`, `tcc-op`: which branch of which transaction, and what is asked of it
 * - `tcc-kind`: the kind of the branch, which says what its participant must provide; absent for `notify`
 * - `tcc-attempt`: 1 for the first call of this op for this branch. It counts on with each, and starts again at 1 after an
 *   operator's retry; a call whose answer was lost in a crash comes again under the same number
 * - `tcc-deadline`: an ISO 8601 instant in UTC; a try or an action that comes later is refused. It bounds nothing else
 * - `idempotency-key`: `gid/branchId/op`, the same in every attempt
 * - `tcc-completion-url`: where a participant that has accepted the op posts its end; there where the coordinator has a public
 *   URL. It is signed, and a secret of this op: whoever knows it can complete the op
 * - `traceparent`, `tracestate`: W3C trace context, where the initiator sent one or the coordinator traces
 * - `baggage`: W3C baggage of the initiator, in the first minute
 *
 * Calls of a participant that is registered with secrets are signed too, by Standard Webhooks: `webhook-id`,
 * `webhook-timestamp` and `webhook-signature`, which the signature's own module names.
 */
export const CALL_HEADERS = {
  gid: 'tcc-transaction-id',
  branchId: 'tcc-branch-id',
  op: 'tcc-op',
  kind: 'tcc-kind',
  attempt: 'tcc-attempt',
  deadline: 'tcc-deadline',
  idempotencyKey: 'idempotency-key',
  completionUrl: 'tcc-completion-url',
  traceparent: 'traceparent',
  tracestate: 'tracestate',
  baggage: 'baggage',
} as const;
