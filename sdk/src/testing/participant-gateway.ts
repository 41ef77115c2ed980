/**
 * The way to every participant of a world, for the coordinator's calls and the initiator's own tries alike. What a test has
 * scripted happens here, and every call is recorded here; so both hold for participants of any kind.
 */
import { askAgain, failed, refused } from '../serving/answers.ts';
import type { ParticipantAnswer, ParticipantRequest } from '../serving/mountable.ts';
import { InProgress, Refusal } from '../refusal.ts';
import { CALL_HEADERS, CallOp } from '../../../src/wire/index.ts';
import type { WorldTime } from './world-time.ts';
import { type Effect, effectOf, type RecordedCall } from './recorded-call.ts';
import type { Scripts, Step } from './script.ts';

/** Whoever is called: a participant, or a listener, or both under one name. */
export type Called = {
  readonly name: string;
  handle(request: ParticipantRequest): Promise<ParticipantAnswer | null>;
};

export type GatewayCall = {
  readonly caller: RecordedCall['caller'];
  readonly request: ParticipantRequest;
  /** Whether the caller waits no longer. */
  readonly hasGivenUp: () => boolean;
};

type Recording = { -readonly [Key in keyof RecordedCall]: RecordedCall[Key] };

export class ParticipantGateway {
  readonly #worldTime: WorldTime;
  readonly #scripts: Scripts;
  readonly #calls: RecordedCall[] = [];
  readonly #answered: RecordedCall[] = [];

  constructor(given: { readonly worldTime: WorldTime; readonly scripts: Scripts }) {
    this.#worldTime = given.worldTime;
    this.#scripts = given.scripts;
  }

  /** In the order in which they were sent. */
  get calls(): readonly RecordedCall[] {
    return [...this.#calls];
  }

  effectOf(gid: string | null, branchId: string | null): Effect {
    return effectOf(this.#answered.filter((call) => call.gid === gid && call.branchId === branchId));
  }

  /** Null when the connection broke before the answer was there. */
  async call(called: Called, given: GatewayCall): Promise<ParticipantAnswer | null> {
    const call = this.#record(called, given);
    await this.#scripts.held(call);
    const step = this.#scripts.next(call);
    const scripted = answerInstead(step);
    const answer = scripted ?? (await this.#ask(called, given.request));
    call.status = answer.status;
    call.answeredBy = scripted === null ? 'participant' : 'script';
    this.#answered.push(call);
    if (step?.kind === 'loseReply') return null;
    call.isHeard = !given.hasGivenUp();
    return answer;
  }

  #record({ name }: Called, { caller, request }: GatewayCall): Recording {
    const attempt = headerOf(request, CALL_HEADERS.attempt);
    const call: Recording = {
      caller,
      participant: name,
      ...askedIn(request),
      gid: headerOf(request, CALL_HEADERS.gid),
      branchId: headerOf(request, CALL_HEADERS.branchId),
      attempt: attempt === null ? null : Number(attempt),
      payload: payloadIn(request.body),
      sentAt: this.#worldTime.clock.nowMs,
      status: null,
      answeredBy: null,
      isHeard: false,
    };
    this.#calls.push(call);
    return call;
  }

  /** A participant that breaks its promise never to reject is answered for, as a framework would. */
  async #ask(called: Called, request: ParticipantRequest): Promise<ParticipantAnswer> {
    try {
      const answer = await this.#worldTime.userCode.run('handler', () => called.handle(request));
      return answer ?? { status: 404, headers: {}, body: '' };
    } catch (error) {
      return { status: 500, headers: { 'content-type': 'text/plain' }, body: String(error) };
    }
  }
}

/** What a script answers in the participant's place; null where the participant is asked. */
function answerInstead(step: Step | null): ParticipantAnswer | null {
  switch (step?.kind) {
    case 'refuse':
      return refused(new Refusal(step.reason));
    case 'fail':
      return failed();
    case 'answerLater':
      return askAgain(new InProgress('a test has said so'));
    default:
      return null;
  }
}

/** What the path names, whether it is served or not. */
function askedIn({ path }: ParticipantRequest): Pick<RecordedCall, 'activity' | 'op'> {
  const [, activity, last] = /^\/([A-Za-z0-9_-]{1,64})\/([a-z]+)$/.exec(path) ?? [];
  const op = CallOp.enum.find((one) => one === last);
  return activity === undefined || op === undefined ? { activity: null, op: null } : { activity, op };
}

function headerOf({ headers }: ParticipantRequest, name: string): string | null {
  const value = headers[name];
  return typeof value === 'string' ? value : null;
}

function payloadIn(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}
