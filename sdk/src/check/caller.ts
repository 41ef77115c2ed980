/**
 * Calls the participant as a coordinator does: one POST for each attempt, no redirects, a limit on time and size, and
 * asked again, a few times, where the answer leaves open what happened.
 */
import { isPhaseOne } from '../../../src/wire/reply.ts';
import { type Answer, answered, isTimeout, reasonOf, unanswered } from './answer.ts';
import type { Op } from '../../../src/wire/index.ts';
import type { Settings } from './options.ts';
import { type Branch, type CallRequest, requestOf, type CallOptions } from './request.ts';

const MAX_ANSWER_BYTES = 64 * 1024;

/** Of calls that are under way elsewhere: 202 and 425. */
const MAX_POLLS = 10;
const POLL_EVERY_MS = 100;
/** Of calls without an answer that says what happened: after 50, 100 and 200 ms. */
const MAX_REPEATS = 3;
const FIRST_REPEAT_MS = 50;
/** Of calls that took as long as they may. */
const MAX_TIMEOUT_REPEATS = 1;
/** A 4xx seldom changes: asked again once, and soon. */
const REPEAT_4XX_MS = 20;
/** So many questions in a row had no answer at all. */
const SILENT_AFTER = 3;
/** However long `Retry-After` asks to wait. */
const MAX_WAIT_MS = 1000;

export class Caller {
  readonly #settings: Settings;
  readonly #onAnswer: (request: CallRequest, answer: Answer) => void;

  #silentCount = 0;
  #appliedCount = 0;
  #hasAccepted = false;

  constructor(settings: Settings, onAnswer: (request: CallRequest, answer: Answer) => void) {
    this.#settings = settings;
    this.#onAnswer = onAnswer;
  }

  /** Whether the participant has fallen silent: to wait for each further call would take long, and show nothing. */
  get hasFallenSilent(): boolean {
    return this.#silentCount >= SILENT_AFTER;
  }

  /** Whether a try or action was answered 202. */
  get hasAccepted(): boolean {
    return this.#hasAccepted;
  }

  /** Branches whose confirm was answered with success; of a saga, steps that are done and not undone. */
  get appliedCount(): number {
    return this.#appliedCount;
  }

  /** Asks until it is known what happened, or until patience ends. Never rejects. */
  async ask(branch: Branch, op: Op, options: CallOptions = {}): Promise<Answer> {
    for (let polls = 0, repeats = 0; ; ) {
      const answer = await this.once(branch, op, options);
      const isOngoing = answer.reply === 'ongoing';
      const waitMs = isOngoing ? pollAfterMs(answer, polls++) : repeatAfterMs(answer, repeats++);
      if (waitMs === null) {
        this.#silentCount = answer.status === null ? this.#silentCount + 1 : 0;
        this.#keepTrack(branch, op, answer);
        return answer;
      }
      await pause(waitMs);
    }
  }

  /** A single call. Never rejects. */
  async once(branch: Branch, op: Op, options: CallOptions = {}): Promise<Answer> {
    const request = requestOf(this.#settings, branch, op, options);
    const answer = await this.#send(request);
    this.#onAnswer(request, answer);
    this.#hasAccepted ||= isPhaseOne(op) && answer.status === 202;
    return answer;
  }

  /** A try or action that succeeds however late leaves something behind, and is to be undone once more. */
  #keepTrack(branch: Branch, op: Op, { reply }: Answer): void {
    if (reply !== 'succeeded') return;
    branch.isSettled = !isPhaseOne(op);
    const isApplied = op === 'confirm' || op === 'action' || (op !== 'compensate' && branch.isApplied);
    this.#appliedCount += Number(isApplied) - Number(branch.isApplied);
    branch.isApplied = isApplied;
  }

  async #send({ op, url, headers, body }: CallRequest): Promise<Answer> {
    const { fetch, callTimeoutMs } = this.#settings;
    try {
      const signal = AbortSignal.timeout(callTimeoutMs);
      const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal });
      const text = await readBody(response);
      if (text === null) return unanswered(`${response.status} with more than ${MAX_ANSWER_BYTES} bytes`);
      return answered(op, response.status, text, response.headers.get('retry-after'));
    } catch (error) {
      return unanswered(reasonOf(error, callTimeoutMs), isTimeout(error));
    }
  }
}

/** Null when nothing is gained by asking again. */
function pollAfterMs({ retryAfterMs }: Answer, polls: number): number | null {
  return polls < MAX_POLLS ? Math.min(retryAfterMs ?? POLL_EVERY_MS, MAX_WAIT_MS) : null;
}

function repeatAfterMs({ reply, status, isTimeout, retryAfterMs }: Answer, repeats: number): number | null {
  if (reply !== 'unknown') return null;
  const isLasting = status !== null && status >= 300 && status <= 499 && ![408, 429].includes(status);
  if (isLasting) return repeats < 1 ? REPEAT_4XX_MS : null;
  if (repeats >= (isTimeout ? MAX_TIMEOUT_REPEATS : MAX_REPEATS)) return null;
  return Math.min(retryAfterMs ?? FIRST_REPEAT_MS * 2 ** repeats, MAX_WAIT_MS);
}

/** Null when it is over the limit. */
async function readBody(response: Response): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

export const pause = (waitMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, waitMs));
