/**
 * One interactive transaction from its beginning to its outcome: begin, run the function, decide.
 *
 * - Confirm is asked for only when every branch that stands was tried with success in this run. A failed try cancels,
 *   also when the function looks away. So does a try that comes after the function has returned, if it comes before the confirm is
 *   sent. A later one rejects: the confirm goes by what was called until then.
 *   So does a part of the function that failed by then and that nothing awaited: it may have called no try yet.
 * - Nothing is guessed: a decision that was not acknowledged is `OutcomeUnknown`, never success and never failure.
 */
import { errorText, isInstanceOf } from '../caught-error.ts';
import type { TransactionView } from '../../../src/wire/index.ts';
import { goesOn, nthKey, whyLast } from './again.ts';
import { type Begun, begin } from './begin.ts';
import { Branches } from './branches.ts';
import type { CoordinatorClient } from './coordinator-client.ts';
import { decide, endingOf } from './decide.ts';
import { RequestRejected, TercetError, TryRefused, TryUnknown } from './errors.ts';
import { confirmedOrThrow, knownOrThrow, type CancelCause } from './outcome.ts';
import { type TimeLimit, timeLimitOf } from './time-limit.ts';
import { traceContext } from './trace-context.ts';
import { checkReturned } from './returned-value.ts';
import type { TryTools } from './try-call.ts';
import type { RunOptions, RunOutcome } from './types.ts';
import { watching } from '../unhandled.ts';

export type RunParts = {
  readonly client: CoordinatorClient;
  readonly tools: TryTools;
  readonly idempotencyKey: string;
  readonly waitMs: number;
  readonly find: (gid: string) => Promise<TransactionView | null>;
};

export async function run<Value>(
  options: RunOptions,
  work: (branches: Branches) => Promise<Value>,
  given: RunParts,
): Promise<RunOutcome<Value>> {
  const { client, tools } = given;
  const traceparent = traceContext(options.traceparent);
  const limit = timeLimitOf(options, tools.timing);
  const { begun, count } = await beginUndecided(options, { ...given, limit, traceparent });
  if (endingOf(begun.seen) !== null) return repeated(begun, count, { ...given, limit });
  const { signal: callerSignal = null } = options;
  const branches = new Branches({
    begun: begun.seen,
    deadlineMs: begun.deadlineMs,
    traceparent,
    callerSignal,
    client,
    tools,
  });
  const lost: unknown[] = [];
  const ended = await watching(
    (error) => lost.push(error),
    () => workOrStop(work, branches),
  );
  await branches.settle({ isLost: ended.how !== 'returned', isWorking: ended.how === 'stopped' });
  const why = whyCancel(ended, branches, { callerSignal, lost });
  return conclude(ended, why, branches, { ...given, limit, isAborted: callerSignal?.aborted === true });
}

type Limited = RunParts & { readonly limit: TimeLimit };

/** The first of its keys whose transaction is not cancelled; its only one, unless it is to begin again. */
async function beginUndecided(
  options: RunOptions,
  { client, tools, idempotencyKey, ...given }: Limited & { readonly traceparent: string | null },
): Promise<{ readonly begun: Begun; readonly count: number }> {
  for (let count = 1; ; count += 1) {
    const key = nthKey(idempotencyKey, count);
    const begun = await begin(options, { ...given, client, timing: tools.timing, key, idempotencyKey });
    if (!goesOn(options, endingOf(begun.seen), count)) return { begun, count };
  }
}

type Ended<Value> =
  | { readonly how: 'returned'; readonly value: Value }
  | { readonly how: 'threw'; readonly error: unknown }
  /** The deadline or the caller came first; the function is not waited for. */
  | { readonly how: 'stopped' };

async function workOrStop<Value>(
  work: (branches: Branches) => Promise<Value>,
  branches: Branches,
): Promise<Ended<Value>> {
  const { signal } = branches;
  if (signal.aborted) return { how: 'stopped' };
  const stopped = new Promise<Ended<Value>>((resolve) =>
    signal.addEventListener('abort', () => resolve({ how: 'stopped' }), { once: true }),
  );
  const worked = work(branches).then(endedBy, (error: unknown): Ended<Value> => ({ how: 'threw', error }));
  return Promise.race([worked, stopped]);
}

function endedBy<Value>(value: Value): Ended<Value> {
  try {
    checkReturned(value);
    return { how: 'returned', value };
  } catch (error) {
    return { how: 'threw', error };
  }
}

// ── Deciding ─────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Null when everything that stands was tried with success.
 * @param by who aborted it, and what parts of the function have failed with that nothing awaited
 */
function whyCancel(
  ended: Ended<unknown>,
  branches: Branches,
  by: { readonly callerSignal: AbortSignal | null; readonly lost: readonly unknown[] },
): CancelCause | null {
  const { callerSignal, lost } = by;
  const { signal, failures, untried } = branches;
  const refusal = failures.find((failure) => failure instanceof TryRefused) ?? null;
  const isOver = signal.aborted && !callerSignal?.aborted;
  const isOutOfTime = failures.some((failure) => failure instanceof TryUnknown && failure.isOutOfTime);
  const isTimedOut = isOver || (isOutOfTime && refusal === null);
  const because = (reason: string, cause?: unknown): CancelCause => ({ reason, cause, refusal, isTimedOut });
  if (callerSignal?.aborted) return because('its caller aborted it', callerSignal.reason);
  if (ended.how === 'threw')
    return {
      ...because(wordsOf(ended.error), ended.error),
      isFunctionAtFault: ended.error !== undefined && !isInstanceOf(TercetError, ended.error),
    };
  const failure = refusal ?? failures[0];
  if (isOver) return because('its deadline passed', failure ?? signal.reason);
  if (failure !== undefined) return because(`${wordsOf(failure)} The function went on without it`, failure);
  if (lost.length > 0)
    return {
      ...because(`a part of the function failed that nothing awaited, with “${errorText(lost[0])}”`, lost[0]),
      isFunctionAtFault: true,
    };
  if (untried === null) return null;
  return because(
    `branch “${untried}” stands from an earlier run, and this run took another way and did not call it`,
  );
}

const wordsOf = (error: unknown): string =>
  isInstanceOf(TercetError, error) ? error.summary : `the function threw “${errorText(error)}”`;

async function conclude<Value>(
  ended: Ended<Value>,
  why: CancelCause | null,
  { gid, deadlineAt, succeeded: branchIds, failures }: Branches,
  { client, waitMs, limit, isAborted, ...given }: Limited & { readonly isAborted: boolean },
): Promise<RunOutcome<Value>> {
  // Who aborted waits for nothing.
  const request = { client, gid, waitMs: isAborted ? 0 : waitMs, endMs: limit.endMs, branchIds };
  const verdict = await decide(why === null ? 'confirm' : 'cancel', request);
  const ending = knownOrThrow(verdict, why, { gid, deadlineAt, ...given });
  const confirmed = confirmedOrThrow(gid, ending, why);
  if (why === null && ended.how === 'returned')
    return { ...confirmed, isRepeated: false, value: ended.value };
  // We asked to cancel, and another run with the same key had confirmed: the same, or something else.
  const differing = failures.find(isDiffering);
  if (differing !== undefined) throw confirmedDifferently(gid, differing);
  return { ...confirmed, isRepeated: true };
}

const isDiffering = (failure: unknown): failure is RequestRejected =>
  isInstanceOf(RequestRejected, failure) && failure.code === 'branch_differs';

const confirmedDifferently = (gid: string, { code, detail }: RequestRejected) =>
  new RequestRejected(
    `A run of transaction ${gid}, which another run with the same idempotencyKey confirmed with another payload,`,
    { code, detail: `${detail} For another payload, run with another idempotencyKey.` },
    gid,
  );

/** It was decided before: the function is not called. */
async function repeated(
  { seen }: Begun,
  count: number,
  { client, waitMs, limit }: Limited,
): Promise<RunOutcome<never>> {
  const { gid } = seen;
  let ending = endingOf(seen);
  if (seen.status === 'confirming' && !seen.isParked) {
    // Asking again for what is decided changes nothing, and waits for the end.
    const verdict = await decide('confirm', { client, gid, waitMs, endMs: limit.endMs });
    if (verdict.decision !== null) ending = verdict;
  }
  if (ending === null) throw new Error('only a decided transaction is repeated');
  return { ...confirmedOrThrow(gid, ending, whyLast(ending, count)), isRepeated: true };
}
