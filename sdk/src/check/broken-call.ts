/**
 * Calls as bad networks deliver them, on a connection of their own: the caller hangs up before the answer, or the body
 * comes in two halves. By node:http, since fetch shows neither when a request has been sent nor half of one.
 */
import { type ClientRequest, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type Answer, answered, isTimeout, reasonOf, unanswered } from './answer.ts';
import type { CallRequest } from './request.ts';

/**
 * Sends the whole request and hangs up: once it is `sent`, or once the answer begins to come, which is not read.
 *
 * @throws Error when the request could not be sent, or no answer began in time
 */
export function hangUp(call: CallRequest, when: 'sent' | 'answered', callTimeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = open(call, callTimeoutMs);
    const leave = () => {
      request.destroy();
      resolve();
    };
    request.once('error', reject);
    // Some answer before they have read everything: hanging up then is as good.
    request.once('response', leave);
    if (when === 'sent') request.once('finish', leave);
    request.end(call.body);
  });
}

/** The second half of a call. Never rejects. */
export type SecondHalf = () => Promise<Answer>;

/**
 * Sends the headers and half of the body.
 *
 * @throws Error when they could not be sent
 */
export async function sendHalf(call: CallRequest, callTimeoutMs: number): Promise<SecondHalf> {
  const bytes = Buffer.from(call.body);
  const middle = Math.floor(bytes.length / 2);
  // The whole takes as long as what happens between the halves: each of them may take its time.
  const request = open(call, 10 * callTimeoutMs);
  const answer = answerOf(request, call, callTimeoutMs);
  await new Promise<void>((resolve, reject) => {
    request.once('error', reject);
    request.write(bytes.subarray(0, middle), () => resolve());
  });
  return () => {
    request.setTimeout(callTimeoutMs);
    request.end(bytes.subarray(middle));
    return answer;
  };
}

function open({ url, headers, body }: CallRequest, timeoutMs: number): ClientRequest {
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const length = String(Buffer.byteLength(body));
  const request = send(url, {
    method: 'POST',
    headers: { ...headers, 'content-length': length },
    agent: false,
    timeout: timeoutMs,
  });
  request.on('timeout', () => request.destroy(new DOMException('too late', 'TimeoutError')));
  return request;
}

function answerOf(request: ClientRequest, { op }: CallRequest, callTimeoutMs: number): Promise<Answer> {
  return new Promise((resolve) => {
    request.on('error', (error) => resolve(unanswered(reasonOf(error, callTimeoutMs), isTimeout(error))));
    request.on('response', (response) => {
      const { statusCode = 0, headers } = response;
      response.resume();
      resolve(answered(op, statusCode, '', headers['retry-after'] ?? null));
    });
  });
}
