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
import type { CompletedCall } from './ports.ts';

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

/** The requests that a save makes durable: the begin that made the transaction, and completions in the place of their calls. */
export function changesIn(judged: readonly JudgedRequest[], at: Instant) {
  const changing = judged.filter(({ isChanged }) => isChanged).map(({ request }) => request);
  return {
    begin: changing.find(({ begin }) => begin !== undefined) ?? null,
    completed: changing.flatMap(({ completion }) => (completion ? [completedCall(completion, at)] : [])),
  };
}

function completedCall({ reason, ...of }: Completion, at: Instant): Attempt & CompletedCall {
  const error = reason === null ? {} : { error: reason };
  return { ...of, at, durationMs: 0, httpStatus: null, ...error, isCompletion: true };
}
