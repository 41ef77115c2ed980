/**
 * Every error that the coordinator can answer, by its code: the HTTP status, what it means, and what to do.
 *
 * Complete by type: a rejection added to the domain or the coordinator does not compile until it has words here. The
 * page docs/errors.md is the same table for people; a test keeps both in step.
 *
 * 400 the request has not the right form · 401 it is not known who asks · 404 there is no such thing ·
 * 409 it contradicts what stands · 410 its time is over · 413 it is too large ·
 * 422 it is well formed and cannot be done · 5xx it is not the request's fault
 */
import type { CoordinatorRejection } from './application/coordinator.ts';

/** What only the HTTP shell can find wrong. */
export type HttpRejection =
  | 'unauthorized'
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
  | 'overloaded'
  | 'store_unavailable'
  | 'not_ready'
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
    title: 'There is no such transaction',
    advice: 'Check the gid, and that this coordinator is the one that began it.',
  },
  transaction_differs: {
    status: 409,
    title: 'Another transaction was begun with this gid or Idempotency-Key',
    advice: 'Send exactly the request that began it, or take a new gid and key.',
  },
  branch_differs: {
    status: 409,
    title: 'Another branch was registered with this branchId',
    advice: 'Send exactly the request that registered it, or take a new branchId.',
  },
  no_branches: {
    status: 422,
    title: 'The transaction names no branches, and needs at least one',
    advice:
      'Name the steps of a saga in branches. Only an interactive tcc begins without, and registers its branches later.',
  },
  too_many_branches: {
    status: 422,
    title: 'A transaction has more than 100 branches',
    advice: 'Split the work into several transactions.',
  },
  payload_too_large: {
    status: 413,
    title: 'The payload of a branch is over 64 KiB',
    advice: 'Store the large part elsewhere and send a reference to it.',
  },
  transaction_too_large: {
    status: 413,
    title: 'The payloads of a transaction are over 1 MiB together',
    advice: 'Store the large parts elsewhere and send references to them.',
  },
  not_interactive: {
    status: 409,
    title: 'The transaction is declared, and decides by itself',
    advice: 'Only cancel, retry and reading apply to a declared transaction, which every saga is.',
  },
  other_branches: {
    status: 409,
    title: 'Other branches are registered than those that are to be confirmed',
    advice: 'Nothing is decided. Read the transaction: try the branches that stand, or cancel it.',
  },
  decided_confirm: {
    status: 409,
    title: 'The transaction is decided: confirm',
    advice: 'A decision never changes; undo the confirmed work with a new transaction.',
  },
  decided_cancel: {
    status: 409,
    title: 'The transaction is decided: cancel',
    advice: 'A decision never changes; begin a new transaction to try again.',
  },
  pivot_in_flight: {
    status: 409,
    title: 'The pivot of the saga has been started, and only its answer decides',
    advice:
      'The wish to cancel is noted as cancelAskedAt, and changes nothing: wait for the end. If it is confirmed, undo it with a new transaction.',
  },
  deadline_passed: {
    status: 409,
    title: 'The deadline of the transaction has passed',
    advice: 'It is being cancelled; begin a new transaction, with a longer timeoutMs if it needs one.',
  },
  deadline_not_reached: {
    status: 409,
    title: 'The deadline of the transaction has not been reached',
    advice: 'Wait for the deadline, or cancel the transaction.',
  },
  nothing_to_retry: {
    status: 409,
    title: 'Nothing of the transaction waits to be called',
    advice:
      'Read the transaction: it is finished and told to whoever hears of its end, or the initiator calls next, or its deadline has passed.',
  },

  // ── The plan of a transaction ────────────────────────────────────────────────────────────────────────────
  duplicate_branch: {
    status: 422,
    title: 'Two branches have the same branchId',
    advice: 'Give each branch of a transaction a branchId of its own.',
  },
  only_for_sagas: {
    status: 422,
    title: 'A branch of a tcc says what only a step of a saga can',
    advice: 'Leave dependsOn, isPivot and isCompensated out, or begin it with the pattern saga.',
  },
  unknown_dependency: {
    status: 422,
    title: 'A step depends on one that is not there',
    advice: 'Name only branchIds of the same saga in dependsOn.',
  },
  circular_dependency: {
    status: 422,
    title: 'A step depends on itself, directly or through others',
    advice:
      'Break the circle in the dependsOn of one step. A step without dependsOn depends on the one before it in the list, one with [] on none.',
  },
  several_pivots: {
    status: 422,
    title: 'A saga has more than one pivot',
    advice: 'Mark only one step with isPivot: the one that may still refuse, and cannot be undone.',
  },
  pivot_not_dominant: {
    status: 422,
    title: 'A step of a saga comes neither before its pivot nor after it',
    advice:
      'Let it depend on the pivot, or the pivot on it: nothing runs beside the pivot, so that its answer decides alone.',
  },
  compensation_after_pivot: {
    status: 422,
    title: 'The pivot of a saga, or a step after it, is to be compensated',
    advice: 'Leave isCompensated out there: from the pivot on a saga only goes forward.',
  },
  too_many_references: {
    status: 422,
    title: 'The payload of a step has more than 16 references',
    advice: 'Refer to a larger part of a result at once, or to all of it: {"$from": "step"}.',
  },
  malformed_reference: {
    status: 422,
    title: 'A reference in a payload cannot be read',
    advice:
      'Write {"$from": "step.property"} with nothing beside it, in at most 256 characters. Write $$from for a property that is itself called $from.',
  },
  unknown_reference: {
    status: 422,
    title: 'A step refers to the result of one that is not there',
    advice: 'Refer only to steps of the same saga, by their branchIds.',
  },
  reference_not_upstream: {
    status: 422,
    title: 'A step refers to the result of one that does not come before it',
    advice:
      'Let it depend on that step, directly or through others; no step can refer to itself or to a later one.',
  },

  // ── What only the coordinator can know ───────────────────────────────────────────────────────────────────
  unknown_participant: {
    status: 422,
    title: 'A branch or the callback names a participant that is not registered',
    advice: 'Register it with PUT /v1/participants/{name}, then send the request again.',
  },
  kind_mismatch: {
    status: 422,
    title: 'A branch uses an activity as another kind than its participant declared',
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
    advice: 'Ask for less, or raise TERCET_MAX_TIMEOUT_MS of the coordinator.',
  },
  setting_over_maximum: {
    status: 422,
    title: "A setting of the request is over the coordinator's maximum",
    advice:
      'Ask for less, or raise TERCET_MAX_CALL_TIMEOUT_MS, TERCET_MAX_RETRY_DELAY_MS or TERCET_MAX_RETRY_BUDGET.',
  },
  gid_too_old: {
    status: 410,
    title: 'The gid is too old to begin a transaction with',
    advice: 'Take a new gid; a transaction that was begun with this one may have ended and been removed.',
  },
  gid_in_future: {
    status: 422,
    title: 'The gid lies too far in the future',
    advice: 'Correct the clock of the initiator, and take a new gid.',
  },

  // ── What only the HTTP shell can find wrong ──────────────────────────────────────────────────────────────
  unauthorized: {
    status: 401,
    title: 'The request brings no token that the coordinator knows',
    advice: 'Send the header Authorization: Bearer TOKEN, with one of TERCET_API_TOKENS.',
  },
  invalid_request: {
    status: 400,
    title: 'The request does not have the right form',
    advice: 'Correct the places named in errors; /openapi.json describes every request.',
  },
  broken_json: {
    status: 400,
    title: 'The body is not JSON in UTF-8',
    advice: 'Correct the body.',
  },
  inexact_number: {
    status: 400,
    title: 'A number in the body cannot be carried exactly',
    advice: 'Send it as a string: JSON numbers are exact to about 15 digits.',
  },
  nested_too_deep: {
    status: 400,
    title: 'The body is nested more than 64 deep',
    advice: 'Send a flatter body, or the deep part as a string.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'The body is not declared as JSON',
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
    title: 'The request cannot be read as HTTP',
    advice: 'Check the address and the framing of the request, and any proxy on the way.',
  },
  request_timeout: {
    status: 408,
    title: 'The request did not arrive completely in time',
    advice: 'Send it again.',
  },
  unknown_route: {
    status: 404,
    title: 'There is nothing at this method and path',
    advice: 'See /openapi.json for what there is.',
  },
  participant_not_registered: {
    status: 404,
    title: 'No participant is registered under this name',
    advice: 'Register it with PUT /v1/participants/{name}.',
  },
  overloaded: {
    status: 503,
    title: 'The coordinator has as much under way as it may hold',
    advice: 'Nothing was begun; send the request again after Retry-After.',
  },
  store_unavailable: {
    status: 503,
    title: 'The store cannot be used now',
    advice: 'Nothing of the request was made durable; send it again after Retry-After.',
  },
  not_ready: {
    status: 503,
    title: 'The coordinator cannot serve requests now',
    advice: 'The store cannot be used; the log of the coordinator says why.',
  },
  internal_error: {
    status: 500,
    title: 'The coordinator failed',
    advice: 'The log of the coordinator says why; every request can be sent again.',
  },
};

export const errorType = (code: ErrorCode): string => `urn:tercet:error:${code}`;
