/** One call as it goes out: what a coordinator would send for a branch, as a value, whichever way it is sent then. */
import { signatureHeaders } from '../../../src/wire/signature.ts';
import { CALL_HEADERS } from '../../../src/wire/call-headers.ts';
import type { Op } from '../../../src/wire/index.ts';
import type { Kind } from './kinds.ts';
import type { Settings } from './options.ts';

/** A branch that was made up for one scenario. */
export type Branch = {
  readonly gid: string;
  readonly branchId: string;
  /** As its calls carry it; null for calls without a kind. */
  readonly kind: Kind | null;
  readonly deadlineAt: number;
  readonly attempts: { -readonly [Each in Op]: number };
  /** Whether a confirm, a cancel or a compensate has ended it, as far as is known. */
  isSettled: boolean;
  /** Whether a confirm was ever answered with success; of a step, whether it is done and not undone. */
  isApplied: boolean;
};

export type CallRequest = {
  readonly op: Op;
  readonly url: URL;
  readonly headers: Record<string, string>;
  readonly body: string;
};

export type CallOptions = {
  /** Another deadline than the branch has. */
  readonly deadlineAt?: number;
  /** In place of the participant's. */
  readonly secrets?: readonly string[];
  /** Another kind than the branch has. */
  readonly kind?: Kind;
  /** In place of the kind that the call carries; null for a signature over none. */
  readonly signedKind?: null;
  /** In place of the payload. */
  readonly body?: string;
};

/** Counts the attempt: each request is one. */
export function requestOf(
  settings: Settings,
  branch: Branch,
  op: Op,
  options: CallOptions = {},
): CallRequest {
  const { urls } = settings;
  const { body = settings.body, kind = branch.kind } = options;
  const secrets = options.secrets ?? settings.secrets;
  const { gid, branchId } = branch;
  branch.attempts[op] += 1;
  const headers = {
    'content-type': 'application/json',
    [CALL_HEADERS.gid]: gid,
    [CALL_HEADERS.branchId]: branchId,
    [CALL_HEADERS.op]: op,
    ...(kind !== null && { [CALL_HEADERS.kind]: kind }),
    [CALL_HEADERS.attempt]: String(branch.attempts[op]),
    [CALL_HEADERS.deadline]: new Date(options.deadlineAt ?? branch.deadlineAt).toISOString(),
    [CALL_HEADERS.idempotencyKey]: `${gid}/${branchId}/${op}`,
  };
  const { signedKind = kind } = options;
  const signed = { gid, branchId, op, kind: signedKind };
  const signature = secrets.length > 0 ? signatureHeaders(signed, body, secrets, new Date()) : {};
  return { op, url: urls[op], headers: { ...headers, ...signature }, body };
}
