/**
 * A problem document: the catalogue's words for a code, and what is particular this time.
 *
 * Only values, nothing of how they are sent: src/http/problem.ts sends them over HTTP, and a coordinator that runs
 * inside a test answers the same documents.
 */
import type { CoordinatorRejection } from '../application/coordinator.ts';
import { Overloaded, Quarantined, StoreUnavailable } from '../application/ports.ts';
import { type ErrorCode, errors, errorType } from '../errors.ts';
import type { Fault, ProblemDocument } from '../wire/index.ts';
import { UnreadableBody } from './exact-json.ts';
import type { Problem } from './route.ts';

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** How long a client waits before it repeats a request that could not be served now, in seconds. */
const RETRY_AFTER_SECONDS = 1;

/** The headers that a problem is answered with, in addition to its media type. */
export const problemHeaders = ({ status }: ProblemDocument): Readonly<Record<string, string>> =>
  status === 503 ? { 'retry-after': String(RETRY_AFTER_SECONDS) } : {};

/** The answer of a route. */
export const problem = (code: ErrorCode, particulars?: Particulars): Problem => ({
  problem: problemOf(code, particulars),
});

/** The answer to a request that the coordinator rejected. */
export const rejection = (rejected: Rejected): Problem => ({ problem: rejectionProblem(rejected) });

/** What a thrown error is answered with, where it is an expected one; null for a defect. */
export function problemOfError(error: unknown): ProblemDocument | null {
  if (error instanceof Overloaded) return problemOf('overloaded');
  if (error instanceof StoreUnavailable) return problemOf('store_unavailable');
  if (error instanceof Quarantined) return problemOf('quarantined', { about: `${sentence(error.fault)}.` });
  if (!(error instanceof UnreadableBody)) return null;
  const { code, message: detail, pointer } = error;
  return problemOf(code, { about: detail, ...(pointer !== null && { faults: [{ pointer, detail }] }) });
}

const sentence = (clause: string): string => clause.charAt(0).toUpperCase() + clause.slice(1);

/** What is particular this time: `about` names the thing at fault, `faults` the places in the request. */
export type Particulars = { readonly about?: string | undefined; readonly faults?: readonly Fault[] };

export function problemOf(code: ErrorCode, { about, faults = [] }: Particulars = {}): ProblemDocument {
  const { status, title, advice } = errors[code];
  const decision = DECISIONS[code];
  return {
    type: errorType(code),
    title,
    status,
    detail: about === undefined ? advice : `${about} ${advice}`,
    code,
    ...(faults.length > 0 && { errors: [...faults] }),
    ...(decision && { decision }),
  };
}

/** The rejections that name the decision which stands. */
const DECISIONS: Partial<Record<ErrorCode, 'confirm' | 'cancel'>> = {
  decided_confirm: 'confirm',
  decided_cancel: 'cancel',
};

/** Places that do not fit; the first is named in the detail too, for those who read no further. */
export function faultsProblem(faults: readonly Fault[]): ProblemDocument {
  const [first] = faults;
  const place = first?.pointer ?? first?.header ?? first?.parameter ?? '';
  return problemOf('invalid_request', { about: first && `${place} ${first.detail}.`, faults });
}

/**
 * What does not fit a schema, by the keyword of the first fault. More branches than a transaction may have are rejected as
 * they are when they are registered one by one.
 */
export function schemaProblem(faults: readonly Fault[], keyword: string | undefined): ProblemDocument {
  const pointer = faults[0]?.pointer ?? '';
  if (keyword !== 'maxItems' || !LISTS_OF_BRANCHES.includes(pointer)) return faultsProblem(faults);
  const { title: detail } = errors.too_many_branches;
  return problemOf('too_many_branches', { about: `${pointer}:`, faults: [{ pointer, detail }] });
}

const LISTS_OF_BRANCHES: readonly string[] = ['#/branches', '#/branchIds'];

/** What the coordinator rejected. */
export function rejectionProblem({ code, about, place }: Rejected): ProblemDocument {
  if (place === undefined)
    return problemOf(code, { about: about === undefined ? undefined : REJECTED_ABOUT[code]?.(about) });
  // Keys of a payload may hold halves of characters, which no URI can.
  const pointer = `#/branches${place.toWellFormed().split('/').map(encodeURIComponent).join('/')}`;
  const named = about === undefined ? '' : (NAMED_ABOUT[code]?.(about) ?? ` names “${about}”`);
  return problemOf(code, { about: `${pointer}${named}:`, faults: [{ pointer, detail: errors[code].title }] });
}

export type Rejected = {
  readonly code: CoordinatorRejection;
  readonly about?: string;
  /** A JSON pointer into the list of branches. */
  readonly place?: string;
};

/** What `about` means after a place in the request. */
const NAMED_ABOUT: Partial<Record<CoordinatorRejection, (about: string) => string>> = {
  kind_mismatch: (mismatch) => ` (${mismatch})`,
};

/** What the coordinator's `about` means, as a sentence. */
const REJECTED_ABOUT: Partial<Record<CoordinatorRejection, (about: string) => string>> = {
  transaction_differs: (gid) => `It is transaction ${gid}.`,
  unknown_participant: (name) => `No participant “${name}” is registered.`,
  kind_mismatch: (mismatch) => `${mismatch}.`,
  address_not_allowed: (address) => `${address} is not allowed.`,
  timeout_too_long: (limit) => `At most ${limit} are allowed.`,
  setting_over_maximum: (maximum) => `${maximum}.`,
  result_unusable: (fault) => `${fault}.`,
  gid_too_old: (limit) => `Its time must not be before ${limit}.`,
  gid_in_future: (limit) => `Its time must not be after ${limit}.`,
};
