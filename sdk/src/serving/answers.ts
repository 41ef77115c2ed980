/**
 * What a participant answers. The coordinator acts on the status alone; everything else is for operators.
 *
 *   200  done, now or before            202  accepted: it is completed from outside
 *                                       409  refused: a reply to a try or an action, and to nothing else
 *                                       422  the same, because the activity is of another kind
 *   425  ask again, it is under way     503  not known: ask again
 *   400, 401, 413, 500                  nothing was done, and the call or the participant has to be fixed
 */
import { type InProgress, type Refusal, type RefusalCode, retryAfterMsOf, shownCodeOf } from '../refusal.ts';
import type { Fault, ProblemDocument } from '../../../src/wire/index.ts';
import type { ParticipantAnswer } from './mountable.ts';

/**
 * The longest body that is read: the coordinator's 64 KiB for a payload, as much for what takes the place of its
 * references, and a little for another way to write them.
 */
export const MAX_BODY_BYTES = 136 * 1024;

const MAX_DETAIL_LENGTH = 2000;

type ProblemCode =
  | RefusalCode
  | 'invalid_request'
  | 'broken_json'
  | 'invalid_signature'
  | 'body_too_large'
  | 'body_not_raw'
  | 'in_progress'
  | 'internal_error';

const TITLES: Readonly<Record<ProblemCode, string>> = {
  refused: 'The participant refuses',
  invalid_payload: 'The payload is not what the activity takes',
  kind_mismatch: 'The activity is of another kind',
  deadline_passed: 'The try or action comes after its deadline',
  cancelled_before: 'The try or action comes after its cancel or compensate',
  no_try: 'There is no try to confirm',
  already_confirmed: 'The branch was confirmed before',
  already_cancelled: 'The branch was cancelled before',
  another_pattern: 'The branch belongs to another pattern',
  invalid_request: 'The call does not have the right form',
  broken_json: 'The body is not JSON',
  invalid_signature: 'The call is not signed as it has to be',
  body_too_large: 'The body is too large',
  body_not_raw: 'The body was read before the participant could check it',
  in_progress: 'The branch is being worked on',
  internal_error: 'Something went wrong in the participant',
};

/** @param result what was kept as JSON */
export const succeeded = (result: unknown): ParticipantAnswer => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(result ?? null),
});

/** @param retryAfterMs null where the caller decides when it calls again */
export const acceptedAnswer = (retryAfterMs: number | null): ParticipantAnswer => ({
  status: 202,
  headers: {
    'content-type': 'application/json',
    ...(retryAfterMs !== null && { 'retry-after': secondsOf(retryAfterMs) }),
  },
  body: 'null',
});

const secondsOf = (retryAfterMs: number): string => String(Math.max(1, Math.ceil(retryAfterMs / 1000)));

export function refused(refusal: Refusal): ParticipantAnswer {
  const code = shownCodeOf(refusal);
  return problem(code === 'kind_mismatch' ? 422 : 409, code, refusal.message);
}

export const askAgain = (notYet: InProgress): ParticipantAnswer => {
  const { headers, ...answer } = problem(425, 'in_progress', notYet.message);
  const seconds = secondsOf(retryAfterMsOf(notYet));
  return { ...answer, headers: { ...headers, 'retry-after': seconds } };
};

export const invalidHeader = (fault: Fault & { readonly header: string }): ParticipantAnswer =>
  problem(400, 'invalid_request', `${fault.header} ${fault.detail}`, [fault]);

export const invalidBody = (words: string): ParticipantAnswer => problem(400, 'invalid_request', words);

export const brokenJson = (why: string): ParticipantAnswer =>
  problem(400, 'broken_json', `The body is to be JSON in UTF-8: ${why}`);

/** Where the body stops being JSON, if the error of `JSON.parse` says so. Its own words quote the body. */
export const faultOfJson = (error: unknown): string =>
  /at position \d{1,6}\b/.exec(String((error as Error).message))?.[0].replace(/^/, 'it is not, ') ??
  'it is not';

export const invalidSignature = (why: string): ParticipantAnswer => problem(401, 'invalid_signature', why);

export const bodyTooLarge = (): ParticipantAnswer =>
  problem(
    413,
    'body_too_large',
    `At most ${MAX_BODY_BYTES} bytes are read: send a reference to what is larger.`,
  );

export const bodyNotRaw = (advice: string): ParticipantAnswer => problem(500, 'body_not_raw', advice);

/** At confirm, cancel and compensate: what was begun with this payload has to be ended with it. */
export const payloadNoLongerFits = (fault: string): ParticipantAnswer =>
  problem(503, 'invalid_payload', `${fault}. The contract has to take again what it took before.`);

/** The message of an error may hold confidential values. */
export const failed = (): ParticipantAnswer =>
  problem(503, 'internal_error', "The participant's log says why. Send the same call again.");

function problem(
  status: number,
  code: ProblemCode,
  words: string,
  errors?: ProblemDocument['errors'],
): ParticipantAnswer {
  const detail = words.slice(0, MAX_DETAIL_LENGTH);
  const document: ProblemDocument = {
    type: `urn:tercet:participant-error:${code}`,
    title: TITLES[code],
    status,
    detail,
    code,
    ...(errors !== undefined && { errors }),
  };
  return {
    status,
    headers: { 'content-type': 'application/problem+json' },
    body: JSON.stringify(document),
  };
}
