/**
 * The coordinator's calls of the participants of a world: requests as a real coordinator sends them, put to the participant
 * in the same process. A call that takes too long by the world's clock is given up, and goes on without its caller.
 */
import type {
  HttpAnswer,
  ParticipantCall,
  ParticipantClient,
  ParticipantRegistry,
} from '../../../src/application/ports.ts';
import { MAX_RESULT_BYTES } from '../../../src/application/results.ts';
import { REFUSALS } from '../../../src/domain/index.ts';
import type { ParticipantAnswer, ParticipantRequest } from '../serving/mountable.ts';
import { idempotencyKeyOf, signatureHeaders } from '../../../src/wire/signature.ts';
import { CALL_HEADERS } from '../../../src/wire/index.ts';
import type { WorldClock } from './clock.ts';
import type { Called, ParticipantGateway } from './participant-gateway.ts';

/** Longer answers are not read by a coordinator. */
const MAX_BODY_BYTES = 64 * 1024;

export type ParticipantCallsParts = {
  readonly participants: ReadonlyMap<string, Called>;
  readonly registry: ParticipantRegistry;
  readonly gateway: ParticipantGateway;
  readonly clock: WorldClock;
};

export class ParticipantCalls implements ParticipantClient {
  readonly #given: ParticipantCallsParts;

  constructor(given: ParticipantCallsParts) {
    this.#given = given;
  }

  /** By its secrets as they are now, as a coordinator does. */
  async call(call: ParticipantCall): Promise<HttpAnswer> {
    const { participants, registry } = this.#given;
    const participant = participants.get(call.participant);
    if (participant === undefined) return silence(`no participant “${call.participant}” is registered`);
    const { secrets = [] } = (await registry.find(call.participant)) ?? {};
    return this.#send(participant, call, requestOf(call, secrets));
  }

  #send(participant: Called, call: ParticipantCall, request: ParticipantRequest): Promise<HttpAnswer> {
    const { gateway, clock } = this.#given;
    return new Promise((resolve) => {
      let isOver = false;
      const end = (answer: HttpAnswer) => {
        isOver = true;
        cancelTimer();
        resolve(answer);
      };
      const giveUp = () => end(silence(`time-out after ${call.timeoutMs} ms`));
      const cancelTimer = clock.after(call.timeoutMs, giveUp);
      void gateway
        .call(participant, { caller: 'coordinator', request, hasGivenUp: () => isOver })
        .then((answer) => end(heard(answer, call)));
    });
  }
}

const silence = (answer: string): HttpAnswer => ({ httpStatus: null, answer, retryAfterMs: null });

function heard(answer: ParticipantAnswer | null, { isResultWanted }: ParticipantCall): HttpAnswer {
  if (answer === null) return silence('other side closed');
  const { status, headers, body } = answer;
  const byteCount = Buffer.byteLength(body);
  if (byteCount > MAX_BODY_BYTES) return silence(`${status}, but its body is over 64 KiB`);
  const seconds = /^\d{1,12}$/.exec(headers['retry-after'] ?? '')?.[0];
  const retryAfterMs = seconds === undefined ? null : Number(seconds) * 1000;
  const isAskedFor = isResultWanted || REFUSALS.includes(status);
  const isKept = isAskedFor && byteCount <= MAX_RESULT_BYTES;
  const isText = /^text\/plain\b/i.test(headers['content-type'] ?? '');
  const kept = isKept && { body, ...(isText && { isText: true as const }) };
  return { httpStatus: status, answer: String(status), retryAfterMs, ...kept };
}

function requestOf(call: ParticipantCall, secrets: readonly string[]): ParticipantRequest {
  const { gid, branchId, op, kind, attempt, activity, deadlineAt, payload: body } = call;
  const { traceparent, tracestate, baggage } = call;
  return {
    method: 'POST',
    path: `/${activity}/${op}`,
    headers: {
      'content-type': 'application/json',
      [CALL_HEADERS.gid]: gid,
      [CALL_HEADERS.op]: op,
      [CALL_HEADERS.attempt]: String(attempt),
      [CALL_HEADERS.idempotencyKey]: idempotencyKeyOf(call),
      // A callback has no branch and no deadline.
      ...(branchId !== null && {
        [CALL_HEADERS.branchId]: branchId,
        [CALL_HEADERS.deadline]: new Date(deadlineAt).toISOString(),
      }),
      ...(kind !== null && { [CALL_HEADERS.kind]: kind }),
      ...(traceparent !== null && { [CALL_HEADERS.traceparent]: traceparent }),
      ...(tracestate !== null && { [CALL_HEADERS.tracestate]: tracestate }),
      ...(baggage !== null && { [CALL_HEADERS.baggage]: baggage }),
      // By the real time: the participant checks it by its own clock.
      ...(secrets.length > 0 && signatureHeaders(call, body, secrets, new Date())),
    },
    body,
  };
}
