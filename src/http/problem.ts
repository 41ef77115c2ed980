/** A problem document as it is sent: the catalogue's words for a code, and what is particular this time. */
import type { Fault, ProblemDocument } from '@tercet/sdk/wire';
import type { FastifyReply } from 'fastify';
import type { CoordinatorRefusal } from '../application/coordinator.ts';
import { type ErrorCode, errors, errorType } from '../errors.ts';

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** How long a client is asked to wait when the store is away, in seconds. */
const RETRY_AFTER_SECONDS = 1;

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

/** The refusals that name the decision which stands. */
const DECISIONS: Partial<Record<ErrorCode, 'confirm' | 'cancel'>> = {
  decided_confirm: 'confirm',
  decided_cancel: 'cancel',
};

export function sendProblem(reply: FastifyReply, code: ErrorCode, particulars?: Particulars): FastifyReply {
  const problem = problemOf(code, particulars);
  if (problem.status === 503) reply.header('retry-after', String(RETRY_AFTER_SECONDS));
  return reply.code(problem.status).type(PROBLEM_MEDIA_TYPE).send(JSON.stringify(problem));
}

/** Places that do not fit; the first is named in the detail too, for those who read no further. */
export function sendFaults(reply: FastifyReply, faults: readonly Fault[]): FastifyReply {
  const [first] = faults;
  const place = first?.pointer ?? first?.header ?? first?.parameter ?? '';
  return sendProblem(reply, 'invalid_request', { about: first && `${place} ${first.detail}.`, faults });
}

/** What the coordinator refused. */
export function sendRefusal(
  reply: FastifyReply,
  { code, about }: { readonly code: CoordinatorRefusal; readonly about?: string },
): FastifyReply {
  return sendProblem(reply, code, { about: about === undefined ? undefined : REFUSED_ABOUT[code]?.(about) });
}

/** What the coordinator's `about` means, as a sentence. */
const REFUSED_ABOUT: Partial<Record<CoordinatorRefusal, (about: string) => string>> = {
  unknown_participant: (name) => `No participant “${name}” is registered.`,
  address_not_allowed: (address) => `${address} is not allowed.`,
  timeout_too_long: (limit) => `At most ${limit} are allowed.`,
  setting_over_maximum: (maximum) => `${maximum}.`,
};
