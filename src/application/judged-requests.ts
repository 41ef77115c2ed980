/**
 * The verdicts of the protocol on what clients request of one transaction, and what they add to its journal. Pure: a drive
 * gives what it knows, and makes the state durable before it answers.
 */
import {
  type Event,
  type GlobalTransaction,
  type Instant,
  type Now,
  transition,
  type Verdict,
} from '../domain/index.ts';
import type { Completion, JudgedRequest, PendingRequest } from './client-request.ts';
import type { Attempt } from './journal.ts';

type State = GlobalTransaction | null;

/** The state after an event, also where a rejection left something to be kept. */
export function applied(
  current: State,
  event: Event,
): { readonly verdict: Verdict; readonly current: State } {
  const verdict = transition(current, event);
  return { verdict, current: (verdict.accepted ? verdict.tx : verdict.noted) ?? current };
}

/** Whether any is judged by the newest durable state. */
export const needNewest = (requests: readonly PendingRequest[]): boolean =>
  requests.some(({ completion }) => completion !== undefined);

/** In the order of the requests; the deadline is judged after them. */
export function judgeRequests(
  requests: readonly PendingRequest[],
  known: { readonly current: State; readonly durable: State; readonly now: Now },
): { readonly judged: readonly JudgedRequest[]; readonly current: State } {
  const { durable, now } = known;
  let { current } = known;
  const judged = requests.map((request) => {
    const before = current;
    const event = request.eventAt(now);
    const ofDurable = request.completion === undefined ? null : transition(durable, event);
    if (ofDurable?.accepted === false) return { verdict: ofDurable, isChanged: false, request };
    const after = applied(current, event);
    current = after.current;
    return { verdict: after.verdict, isChanged: current !== before, request };
  });
  return { judged, current: applied(current, { type: 'deadlinePassed', now }).current };
}

/** Those that changed the transaction. */
export const completionsIn = (judged: readonly JudgedRequest[]): readonly Completion[] =>
  judged.flatMap(({ request, isChanged }) => (isChanged && request.completion) || []);

/** A completion in the place of the call that it ends. */
export const attemptOf = ({ reason, ...of }: Completion, at: Instant): Attempt => ({
  ...of,
  at,
  durationMs: 0,
  httpStatus: null,
  ...(reason !== null && { error: reason }),
  isCompletion: true,
});
