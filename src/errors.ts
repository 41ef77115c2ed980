/**
 * Every error that the coordinator can answer, by its code: the HTTP status, what it means, and what to do.
 *
 * Complete by type: a rejection added to the domain or the coordinator does not compile until it has words here. The
 * page docs/errors.md is the same table for people; a test keeps both in step.
 *
 * 400 the request has not the right form · 401 it is not known who asks · 404 there is no such thing ·
 * 409 it contradicts what stands · 410 its time is over · 413 it is too large ·
 * 421 it is meant for another host · 422 it is well formed and cannot be done · 5xx it is not the request's fault
 */
import type { CoordinatorRejection } from './application/coordinator.ts';

/** What only the HTTP shell can find wrong. */
export type HttpRejection =
  | 'unknown_host'
  | 'unauthorized'
  | 'wrong_signature'
  | 'invalid_request'
  | 'broken_json'
  | 'inexact_number'
  | 'nested_too_deep'
  | 'unsupported_media_type'
  | 'body_too_large'
  | 'headers_too_large'
  | 'malformed_request'
  | 'request_timeout'
  | 'unknown_route'
  | 'participant_not_registered'
  | 'participant_in_use'
  | 'registration_too_large'
  | 'quarantined'
  | 'overloaded'
  | 'store_unavailable'
  | 'not_ready'
  | 'stopping'
  | 'internal_error';

export type ErrorCode = CoordinatorRejection | HttpRejection;

export type ErrorWords = {
  readonly status: number;
  /** What it means, always the same. */
  readonly title: string;
  /** What to do about it. */
  readonly advice: string;
};

export const errors: Readonly<Record<ErrorCode, ErrorWords>> = {
  // ── The protocol's rejections ──────────────────────────────────────────────────────────────────────────────
  unknown_transaction: {
    status: 404,
    title: 'The transaction does not exist',
    advice: 'Check the gid, and that this coordinator began it.',
  },
  transaction_differs: {
    status: 409,
    title: 'The gid or Idempotency-Key belongs to another transaction',
    advice: 'Repeat the request that began it unchanged, or use a new gid and key.',
  },
  branch_differs: {
    status: 409,
    title: 'The branchId belongs to another branch',
    advice: 'Repeat the request that registered it unchanged, or use a new branchId.',
  },
  no_branches: {
    status: 422,
    title: 'The transaction has no branches',
    advice:
      'Send at least one branch. Only an interactive tcc may begin without, and registers its branches later.',
  },
  too_many_branches: {
    status: 422,
    title: 'The transaction has more than 100 branches',
    advice: 'Split the work into several transactions.',
  },
  payload_too_large: {
    status: 413,
    title: 'The payload of a branch is over 64 KiB',
    advice: 'Store the large part elsewhere and send a reference to it.',
  },
  transaction_too_large: {
    status: 413,
    title: 'The payloads of the transaction are over 1 MiB in total',
    advice: 'Store the large parts elsewhere and send references to them.',
  },
  not_interactive: {
    status: 409,
    title: 'The transaction is declared: the coordinator decides it',
    advice: 'Use only cancel, retry and reads on a declared transaction. Every saga is declared.',
  },
  other_branches: {
    status: 409,
    title: 'The registered branches differ from those of the confirm',
    advice: 'Nothing was decided. Read the transaction, then try the registered branches, or cancel it.',
  },
  decided_confirm: {
    status: 409,
    title: 'The decision is already confirm',
    advice: 'A decision never changes. Undo the work with a new transaction.',
  },
  decided_cancel: {
    status: 409,
    title: 'The decision is already cancel',
    advice: 'A decision never changes. Begin a new transaction.',
  },
  pivot_in_flight: {
    status: 409,
    title: 'The pivot of the saga has started: only its reply decides',
    advice:
      'Wait for the end: the request to cancel is recorded as cancelAskedAt and changes nothing. If the saga is confirmed, undo it with a new transaction.',
  },
  deadline_passed: {
    status: 409,
    title: 'The deadline of the transaction has passed',
    advice: 'It is being cancelled. Begin a new transaction, with a longer timeoutMs if needed.',
  },
  deadline_not_reached: {
    status: 409,
    title: 'The deadline of the transaction has not been reached',
    advice: 'Wait for the deadline, or cancel the transaction.',
  },
  nothing_to_retry: {
    status: 409,
    title: 'The transaction has no call to retry',
    advice:
      'Read the transaction. It is finished and its callback is delivered, or it waits for its initiator, or its deadline has passed.',
  },
  unknown_branch: {
    status: 404,
    title: 'The transaction has no such branch',
    advice: 'Check the branchId: the transaction names its branches.',
  },
  op_not_open: {
    status: 409,
    title: 'The branch does not wait for this op',
    advice: 'Read the transaction. The op was never called, or the decision has replaced it.',
  },
  cannot_refuse: {
    status: 409,
    title: 'This op cannot be refused',
    advice: 'Complete it with succeeded. Only a try, and an action up to the pivot, can be refused.',
  },
  completed_differently: {
    status: 409,
    title: 'The op has ended with another outcome',
    advice: 'An outcome never changes. Find out who completed it.',
  },

  // ── The plan of a transaction ────────────────────────────────────────────────────────────────────────────
  duplicate_branch: {
    status: 422,
    title: 'Two branches have the same branchId',
    advice: 'Give each branch of a transaction a branchId of its own.',
  },
  only_for_sagas: {
    status: 422,
    title: 'A branch of a tcc has a setting of saga steps',
    advice: 'Remove dependsOn, isPivot and isCompensated, or begin it with the pattern saga.',
  },
  unknown_dependency: {
    status: 422,
    title: 'A step depends on an unknown step',
    advice: 'Name only branchIds of the same saga in dependsOn.',
  },
  circular_dependency: {
    status: 422,
    title: 'A step depends on itself, directly or through others',
    advice:
      'Break the cycle in the dependsOn of one step. Without dependsOn a step depends on the previous one in the list; with [] on none.',
  },
  several_pivots: {
    status: 422,
    title: 'A saga has more than one pivot',
    advice: 'Mark only one step with isPivot: the one that may still refuse and cannot be undone.',
  },
  pivot_not_dominant: {
    status: 422,
    title: 'A step of the saga is neither before nor after its pivot',
    advice:
      'Make it depend on the pivot, or the pivot on it. Nothing runs in parallel with the pivot, so that its reply alone decides.',
  },
  compensation_after_pivot: {
    status: 422,
    title: 'The pivot, or a step after it, is marked as compensated',
    advice: 'Remove isCompensated there: from its pivot on, a saga only goes forward.',
  },
  too_many_references: {
    status: 422,
    title: 'The payload of a step has more than 16 references',
    advice: 'Reference a larger part of a result, or all of it: {"$from": "step"}.',
  },
  malformed_reference: {
    status: 422,
    title: 'A reference in a payload is malformed',
    advice:
      'Write {"$from": "step.property"} without other members, in at most 256 characters. Write $$from for a property that is itself named $from.',
  },
  unknown_reference: {
    status: 422,
    title: 'A step references the result of an unknown step',
    advice: 'Reference only steps of the same saga, by branchId.',
  },
  reference_not_upstream: {
    status: 422,
    title: 'A step references the result of a step it does not depend on',
    advice:
      'Make it depend on that step, directly or through others. No step can reference itself or a later one.',
  },

  // ── What only the coordinator can know ───────────────────────────────────────────────────────────────────
  unknown_participant: {
    status: 422,
    title: 'A branch or the callback names a participant that is not registered',
    advice: 'Register it with PUT /v1/participants/{name}, then send the request again.',
  },
  kind_mismatch: {
    status: 422,
    title: 'The kind of a branch differs from the kind that its participant declared',
    advice:
      'Correct the transaction, or the contract of the participant and its registration. Only a pivot serves as a pivot, and only a tcc activity in a tcc.',
  },
  address_not_allowed: {
    status: 422,
    title: 'A branch names an address that is not on the allow-list',
    advice: 'Register the service under a name, or add its host to TERCET_ALLOWED_HOSTS.',
  },
  timeout_too_long: {
    status: 422,
    title: 'timeoutMs is longer than the coordinator allows',
    advice: 'Use a shorter one, or raise TERCET_MAX_TIMEOUT_MS of the coordinator.',
  },
  setting_over_maximum: {
    status: 422,
    title: "A setting of the request exceeds the coordinator's maximum",
    advice:
      'Lower it, or raise TERCET_MAX_CALL_TIMEOUT_MS, TERCET_MAX_RETRY_DELAY_MS or TERCET_MAX_RETRY_BUDGET_MS.',
  },
  result_unusable: {
    status: 422,
    title: 'Later steps of the saga cannot use the result',
    advice: 'Complete the branch with what their payloads refer to, in at most 4096 bytes of JSON.',
  },
  gid_too_old: {
    status: 410,
    title: 'The gid is too old to begin a transaction',
    advice: 'Use a new gid. A transaction with this one may have finished and been removed.',
  },
  gid_in_future: {
    status: 422,
    title: 'The gid is too far in the future',
    advice: 'Correct the clock of the initiator, and use a new gid.',
  },

  // ── What only the HTTP layer can find ──────────────────────────────────────────────────────────────
  unknown_host: {
    status: 421,
    title: 'The Host header names another host',
    advice:
      'On a loopback address, use localhost or 127.0.0.1, or add the name to TERCET_HOST_NAMES of the coordinator.',
  },
  unauthorized: {
    status: 401,
    title: 'The request has no valid API token',
    advice: 'Send the header Authorization: Bearer TOKEN, with one of TERCET_API_TOKENS.',
  },
  wrong_signature: {
    status: 401,
    title: 'The URL is not signed for this op of this branch',
    advice: 'Use the tcc-completion-url of the call unchanged, and name the op of the call.',
  },
  invalid_request: {
    status: 400,
    title: 'The request is invalid',
    advice: 'Correct the members that errors names. /openapi.json describes every request.',
  },
  broken_json: {
    status: 400,
    title: 'The body is not JSON in UTF-8',
    advice: 'Send valid JSON in UTF-8.',
  },
  inexact_number: {
    status: 400,
    title: 'A number in the body cannot be represented exactly',
    advice: 'Send it as a string: JSON numbers are exact to about 15 digits.',
  },
  nested_too_deep: {
    status: 400,
    title: 'The body is nested more than 64 levels deep',
    advice: 'Send a flatter body, or the nested part as a string.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'The Content-Type is not JSON',
    advice: 'Send the header Content-Type: application/json.',
  },
  body_too_large: {
    status: 413,
    title: 'The body is over 1.5 MiB',
    advice: 'Store the large parts elsewhere and send references to them.',
  },
  headers_too_large: {
    status: 431,
    title: 'The headers of the request are too large',
    advice: 'Send fewer or shorter headers.',
  },
  malformed_request: {
    status: 400,
    title: 'The request is not valid HTTP',
    advice: 'Check the address and the framing of the request, and any proxy between.',
  },
  request_timeout: {
    status: 408,
    title: 'The request did not arrive completely in time',
    advice: 'Send it again.',
  },
  unknown_route: {
    status: 404,
    title: 'No route has this method and path',
    advice: 'See /docs, or /openapi.json, for all routes.',
  },
  participant_not_registered: {
    status: 404,
    title: 'No participant is registered under this name',
    advice: 'Register it with PUT /v1/participants/{name}.',
  },
  participant_in_use: {
    status: 409,
    title: 'A transaction waits for the participant',
    advice:
      'Wait for its end, or name a registered successor: DELETE /v1/participants/{name}?successor=NAME. GET /v1/transactions?participant= lists them.',
  },
  registration_too_large: {
    status: 413,
    title: 'The registration of the participant is over 16 KiB',
    advice: 'Name fewer or shorter paths and addresses.',
  },
  upgrade_in_progress: {
    status: 503,
    title: 'A replica of the release before does not know this part of the request',
    advice: 'The request changed nothing. Leave that part out, or retry once all replicas are updated.',
  },
  overloaded: {
    status: 503,
    title: 'The coordinator is at capacity',
    advice: 'Nothing was begun. Retry after Retry-After.',
  },
  quarantined: {
    status: 409,
    title: 'The stored rows of the transaction do not add up',
    advice:
      'No call of it is made and nothing of it is saved. Restore its rows, then POST …/release. GET …/events shows its journal.',
  },
  store_unavailable: {
    status: 503,
    title: 'The database is unavailable',
    advice: 'The request changed nothing. Retry after Retry-After.',
  },
  not_ready: {
    status: 503,
    title: 'The coordinator is not ready',
    advice: 'The database is unavailable. The log of the coordinator has the cause.',
  },
  stopping: {
    status: 503,
    title: 'The coordinator is stopping',
    advice:
      'Only /readyz answers so. Requests are still served until the listener closes: send new ones to another replica.',
  },
  internal_error: {
    status: 500,
    title: 'Internal error of the coordinator',
    advice: 'The log of the coordinator has the cause. Every request can be repeated.',
  },
};

export const errorType = (code: ErrorCode): string => `urn:tercet:error:${code}`;
