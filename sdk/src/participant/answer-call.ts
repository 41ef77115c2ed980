/**
 * From a request for one of the activities to its answer. The order of the checks is the order below: who
 * calls and for what, whether that is to be believed, and only then what is asked. Nothing is done before all
 * of them hold.
 *
 * Whatever is thrown ends here, and none of it becomes a success.
 */
import { isPhaseOne } from '../../../src/wire/reply.ts';
import type { Call } from '../call.ts';
import { InProgress, Refusal } from '../refusal.ts';
import { verifySignature } from '../signature.ts';
import { inSpan } from '../spans.ts';
import { isServed, type Op } from '../../../src/wire/index.ts';
import {
  acceptedAnswer,
  askAgain,
  bodyNotRaw,
  bodyTooLarge,
  brokenJson,
  failed,
  faultOfJson,
  invalidHeader,
  MAX_BODY_BYTES,
  invalidSignature,
  payloadNoLongerFits,
  refused,
  succeeded,
} from '../serving/answers.ts';
import { firstFault } from '../first-fault.ts';
import type { ParticipantAnswer, ParticipantRequest } from '../serving/mountable.ts';
import { readCall } from './read-call.ts';
import { InvalidPayload, type ServedActivity } from './served-activity.ts';
import { isInstanceOf } from '../caught-error.ts';

export type Serving = {
  /** Null where calls need not be signed. */
  readonly secrets: readonly string[] | null;
  readonly onError: (error: unknown, call: Call) => void;
  readonly onNotDone: (answer: Refusal | InProgress, call: Call) => void;
};

class BrokenJson extends Error {}

class BodyNotRaw extends Error {
  override readonly name = 'BodyNotRaw';
}

export async function answerCall(
  activity: ServedActivity,
  op: Op,
  request: ParticipantRequest,
  serving: Serving,
): Promise<ParticipantAnswer> {
  if (Buffer.byteLength(request.body) > MAX_BODY_BYTES) return bodyTooLarge();
  const { call, fault } = readCall(request.headers, op, activity);
  if (fault !== null) return invalidHeader(fault);
  const { gid, branchId, attempt, traceparent } = call;
  return inSpan(
    `tercet serve ${activity.title} ${op}`,
    {
      traceparent,
      attributes: {
        'tcc.transaction.id': gid,
        'tcc.branch.id': branchId,
        'tcc.op': op,
        'tcc.attempt': attempt,
      },
      attributesOf: ({ status }) => ({ 'http.response.status_code': status }),
      isFailure: (outcome) => 'error' in outcome || outcome.done.status >= 500,
    },
    () => serve(activity, call, request, serving),
  );
}

async function serve(
  activity: ServedActivity,
  call: Call,
  request: ParticipantRequest,
  serving: Serving,
): Promise<ParticipantAnswer> {
  const { op } = call;
  const { secrets } = serving;
  try {
    const fault = secrets === null ? null : signatureFault(request, secrets);
    if (fault !== null) return invalidSignature(fault);
    const payload = parse(request.body);
    if (isPhaseOne(op) && call.kind !== 'pivot' && isServed(activity.kind, call.kind))
      checkPhaseOne(activity, payload);
    const payloadOfRun = firstThen(payload, () => parse(request.body));
    const passed = await activity.pass(call, payloadOfRun);
    return passed.outcome === 'accepted' ? acceptedAnswer(passed.retryAfterMs) : succeeded(passed.result);
  } catch (error) {
    return answerTo(error, call, serving);
  }
}

/** @throws BodyNotRaw */
function signatureFault({ headers, body, isRewritten }: ParticipantRequest, secrets: readonly string[]) {
  if (isRewritten === true)
    throw new BodyNotRaw(
      'Signatures are over the body as it came, but it was parsed before: mount the participant before ' +
        'express.json() and the like, or keep the bytes as request.rawBody.',
    );
  return verifySignature(headers, body, secrets);
}

/** The first call returns what is there already; each later one makes its own. Mostly there is only one. */
function firstThen<T>(first: T, later: () => T): () => T {
  let isLater = false;
  return () => {
    if (isLater) return later();
    isLater = true;
    return first;
  };
}

/** @throws BrokenJson */
function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new BrokenJson(faultOfJson(error));
  }
}

/**
 * Of a try or an action only the payload: it may have been done, and its answer lost. The barrier looks at
 * what was done first, and judges the deadline after, by the database's clock.
 *
 * Of a pivot not even that is looked at here: refused now by a newer contract, it would be taken for not done.
 *
 * @throws Refusal
 */
function checkPhaseOne(activity: ServedActivity, payload: unknown): void {
  const fault = firstFault(activity.payload, payload);
  if (fault !== null) throw new Refusal(fault, 'invalid_payload');
}

/** A refused confirm, cancel or compensate is an error too: its caller asks again until it succeeds. */
function answerTo(error: unknown, call: Call, { onError, onNotDone }: Serving): ParticipantAnswer {
  if (isInstanceOf(Refusal, error)) {
    if (isPhaseOne(call.op)) onNotDone(error, call);
    else onError(error, call);
    return refused(error);
  }
  if (isInstanceOf(InProgress, error)) {
    onNotDone(error, call);
    return askAgain(error);
  }
  if (isInstanceOf(BrokenJson, error)) return brokenJson(error.message);
  onError(error, call);
  if (isInstanceOf(InvalidPayload, error)) return payloadNoLongerFits(error.message);
  if (isInstanceOf(BodyNotRaw, error)) return bodyNotRaw(error.message);
  return failed();
}
