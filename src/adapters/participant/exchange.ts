/**
 * One call under way: hears what undici tells of it and answers once, whichever comes first of a complete answer, an
 * error, a body over the limit, and the time-out. Of the body only its length matters, unless its text is wanted or may tell
 * why something was refused. Only then is a body that is encoded decoded.
 */
import { isUtf8 } from 'node:buffer';
import type { Dispatcher } from 'undici';
import type { HttpAnswer } from '../../application/ports.ts';
import { MAX_RESULT_BYTES } from '../../application/results.ts';
import { REFUSALS } from '../../domain/index.ts';
import { MAX_TIMER_MS } from '../system.ts';
import { withoutSecrets } from './credentials.ts';
import { decoded } from './encoded-body.ts';
import type { LookUpStage } from './lookups.ts';
import { retryAfterMs } from './retry-after.ts';

const MAX_BODY_BYTES = 64 * 1024;
const MAX_ERROR_BODY_BYTES = 1024;
/** Answers are kept with the transaction and shown to people: a line, no more. */
const MAX_ANSWER_LENGTH = 200;

/** Errors of a process that has no file descriptor left: no call left it. */
const OUT_OF_DESCRIPTORS: readonly unknown[] = ['EMFILE', 'ENFILE'];

/** The connection that carries a call. */
export type Carrier = {
  /** Null unless its name is being looked up. */
  readonly lookUp: LookUpStage | null;
  /** @param isUsable another call may use it: the call was answered completely */
  release(isUsable: boolean): void;
};

export class Exchange implements Dispatcher.DispatchHandler {
  readonly #resolve: (answer: HttpAnswer) => void;
  #onEnd: ((answer: HttpAnswer) => void) | null = null;
  readonly #timer: NodeJS.Timeout;
  #isOver = false;
  #isOnItsWay = false;
  #carrier: Carrier | null = null;
  #origin: string | null = null;
  #secrets: readonly string[] = [];
  #keepsErrorBody = false;
  /** Null unless it is to be kept. */
  #errorBody: Buffer[] | null = null;
  #status = 0;
  #retryAfterMs: number | null = null;
  #isText = false;
  #encoding: string | null = null;
  #bodyBytes = 0;
  /** Null where the body is not wanted, or is too long. */
  #kept: Buffer[] | null = null;

  constructor(timeoutMs: number, resolve: (answer: HttpAnswer) => void) {
    this.#resolve = resolve;
    this.#timer = setTimeout(() => this.#timedOut(timeoutMs), Math.min(timeoutMs, MAX_TIMER_MS));
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Also called with the outcome of the call. */
  onEnd(onEnd: (answer: HttpAnswer) => void): void {
    this.#onEnd = onEnd;
  }

  /** The text of the body is wanted too. */
  keepBody(): void {
    this.#kept = [];
  }

  /** The origin that it goes to, which is named where no success comes. */
  goesTo(origin: string): void {
    this.#origin = origin;
  }

  /** What the call carries, and no answer may repeat. */
  hide(secrets: readonly string[]): void {
    this.#secrets = secrets;
  }

  /** The beginning of the body of a 5xx is wanted too. */
  keepErrorBody(): void {
    this.#keepsErrorBody = true;
  }

  /** From here on the participant, or the way to it, is at fault when no answer comes. */
  sent(): void {
    this.#isOnItsWay = true;
  }

  /** The connection is released when the call ends. */
  carriedBy(carrier: Carrier): void {
    this.#carrier = carrier;
  }

  /** Ends the call without a status. */
  fail(error: unknown, prefix = ''): void {
    if (OUT_OF_DESCRIPTORS.includes(codeOf(error))) this.#isOnItsWay = false;
    this.#end(null, line(prefix + wordsOf(error)));
  }

  // ── Told by undici ───────────────────────────────────────────────────────────────────────────────────────

  /** The connection is there, and nothing was written yet: a call that is over is not sent, by throwing. */
  onRequestStart(): void {
    if (this.#isOver) throw new Error('given up before it was sent');
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    this.#status = status;
    const encoding = headers['content-encoding'];
    if (encoding !== undefined) this.#encoding = String(encoding);
    // Whoever refuses may say why.
    if (REFUSALS.includes(status)) this.#kept ??= [];
    if (this.#keepsErrorBody && status >= 500) this.#errorBody = [];
    this.#isText = /^text\/plain\b/i.test(String(headers['content-type']));
    const retryAfter = headers['retry-after'];
    if (retryAfter !== undefined) this.#retryAfterMs = retryAfterMs(String(retryAfter), Date.now());
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#bodyBytes < MAX_ERROR_BODY_BYTES) this.#errorBody?.push(Buffer.from(chunk));
    this.#bodyBytes += chunk.length;
    if (this.#bodyBytes > MAX_RESULT_BYTES) this.#kept = null;
    this.#kept?.push(Buffer.from(chunk));
    if (this.#bodyBytes > MAX_BODY_BYTES) this.#end(null, `${this.#status}, but its body is over 64 KiB`);
  }

  onResponseEnd(): void {
    const body = this.#kept === null ? null : Buffer.concat(this.#kept);
    if (body === null || this.#encoding === null) this.#answered(body);
    else this.#answeredEncoded(body, this.#encoding);
  }

  #answered(body: Buffer | null): void {
    const isText = body !== null && body.length <= MAX_RESULT_BYTES && isUtf8(body);
    this.#end(this.#status, String(this.#status), isText ? body.toString() : null);
  }

  /** The status decides also where nothing can be read. */
  #answeredEncoded(raw: Buffer, encoding: string): void {
    const decoding = decoded(raw, encoding, MAX_BODY_BYTES);
    if (decoding.body !== null) {
      this.#answered(decoding.body);
      return;
    }
    const { fault, isTooLong } = decoding;
    this.#end(isTooLong ? null : this.#status, line(`${this.#status}, but ${fault}`));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(error);
  }

  // ── Ending ───────────────────────────────────────────────────────────────────────────────────────────────

  /** A look-up that waited for others says nothing of the participant; any other silence does. */
  #timedOut(timeoutMs: number): void {
    const lookUp = this.#carrier?.lookUp ?? null;
    if (lookUp?.isHeldBack) this.#isOnItsWay = false;
    const stage = lookUp === null ? '' : `: the name “${lookUp.name}” was not resolved`;
    this.#end(null, `time-out after ${timeoutMs} ms${stage}`);
  }

  #end(httpStatus: number | null, answer: string, body: string | null = null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#carrier?.release(httpStatus !== null);
    const errorBody = this.#errorBody === null ? null : beginningOf(Buffer.concat(this.#errorBody));
    const httpAnswer: HttpAnswer = {
      httpStatus,
      answer: this.#shown(answer),
      retryAfterMs: this.#retryAfterMs,
      ...(body !== null && { body: this.#shown(body), ...(this.#isText && { isText: true }) }),
      ...(errorBody !== null && { errorBody: this.#shown(errorBody) }),
      ...(this.#origin !== null && !isSuccess(httpStatus) && { origin: this.#origin }),
      ...(!this.#isOnItsWay && { isUnsent: true }),
    };
    this.#onEnd?.(httpAnswer);
    this.#resolve(httpAnswer);
  }

  #shown(text: string): string {
    return this.#secrets.length === 0 ? text : withoutSecrets(text, this.#secrets);
  }
}

/** A character that is cut in two is left out. Null for what is empty or no UTF-8, such as a compressed body. */
function beginningOf(body: Buffer): string | null {
  try {
    const options = { stream: body.length > MAX_ERROR_BODY_BYTES };
    return UTF8().decode(body.subarray(0, MAX_ERROR_BODY_BYTES), options) || null;
  } catch {
    return null;
  }
}

const UTF8 = () => new TextDecoder('utf-8', { fatal: true });

const isSuccess = (httpStatus: number | null): boolean =>
  httpStatus !== null && httpStatus >= 200 && httpStatus < 300;

const codeOf = (error: unknown): unknown => (error as { code?: unknown } | null | undefined)?.code;

/** What an error says. A host with several addresses fails with one error for each: the first speaks for all. */
function wordsOf(error: unknown): string {
  const { message, errors, code } = (error ?? {}) as { message?: unknown; errors?: unknown; code?: unknown };
  if (message) return String(message);
  return Array.isArray(errors) && errors.length > 0 ? wordsOf(errors[0]) : String(code ?? error);
}

/** One short line. */
function line(words: string): string {
  const whole = words.toWellFormed().replaceAll(/\s+/g, ' ');
  return whole.length > MAX_ANSWER_LENGTH
    ? `${whole.slice(0, MAX_ANSWER_LENGTH - 1).toWellFormed()}…`
    : whole;
}
