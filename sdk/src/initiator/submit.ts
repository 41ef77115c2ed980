/**
 * Declared transactions: one request names all branches, and the coordinator calls their tries and decides; or all steps of a
 * saga, and it calls their actions.
 */
import { goesOn, nthKey, whyLast } from './again.ts';
import { beginHeaders } from './begin.ts';
import { BranchNames } from './branch-names.ts';
import { type CoordinatorClient, PATIENCE_MS } from './coordinator-client.ts';
import { endingOf } from './decide.ts';
import {
  ActionRefused,
  CoordinatorUnavailable,
  OutcomeUnknown,
  RequestRejected,
  TransactionDiverged,
  TryRefused,
} from './errors.ts';
import { checkedCallback } from './options.ts';
import { withMember, withPayload } from './json-members.ts';
import { confirmedOrThrow, type CancelCause } from './outcome.ts';
import {
  hasBranches,
  readTransaction,
  readTransactionOf,
  type TransactionState,
} from './transaction-state.ts';
import { type TimeLimit, timeLimitOf } from './time-limit.ts';
import { pause, type Timing } from './timing.ts';
import { traceContext } from './trace-context.ts';
import type { DeclaredBranch, SubmitBranches, SubmitOptions, SubmitOutcome, SubmitSaga } from './types.ts';

export type SubmitParts = {
  readonly client: CoordinatorClient;
  readonly timing: Timing;
  readonly waitMs: number;
  /** The initiator's own, or a random one. */
  readonly idempotencyKey: string;
};

/** On the answer to a begin that stood already. */
const REPLAYED = 'idempotent-replayed';

export async function submit(options: SubmitOptions, given: SubmitParts): Promise<SubmitOutcome> {
  const { timing, waitMs, idempotencyKey } = given;
  const submission = {
    ...given,
    declared: declared(options),
    traceparent: traceContext(options.traceparent),
    limit: timeLimitOf(options, timing),
    waitUntilMs: timing.elapsedMs() + waitMs,
    signal: options.signal ?? null,
  };
  for (let count = 1; ; count += 1) {
    const { seen, isReplayed } = await begin(submission, nthKey(idempotencyKey, count));
    const ending = endingOf(seen);
    // It may be our own, whose first answer was lost: it is cancelled all the same.
    if (isReplayed && goesOn(options, ending, count)) continue;
    const last = await decidedInTime(seen, submission);
    // A repetition of our own is none: only a key that the caller chose can have been used before.
    const isRepeated = isReplayed && options.idempotencyKey !== undefined;
    return { ...outcomeOf(last, ending && whyLast(ending, count)), isRepeated };
  }
}

type Submission = SubmitParts & {
  readonly declared: Declared;
  readonly traceparent: string | null;
  readonly limit: TimeLimit;
  readonly waitUntilMs: number;
  readonly signal: AbortSignal | null;
};

async function begin(
  { client, timing, idempotencyKey, declared, traceparent, limit, waitUntilMs, signal }: Submission,
  key: string,
): Promise<{ readonly seen: TransactionState; readonly isReplayed: boolean }> {
  if (signal?.aborted) throw notSent(idempotencyKey, signal);
  const answer = await client.ask(
    {
      method: 'POST',
      path: '/v1/transactions',
      headers: beginHeaders(key, traceparent),
      body: declared.body,
      waitMs: Math.max(0, waitUntilMs - timing.elapsedMs()),
      reads: readSubmitted(declared.branchIds),
    },
    { patienceMs: PATIENCE_MS, endMs: limit.endMs, signal },
  );
  if (answer.kind === 'rejected') throw new RequestRejected('The submitted transaction', answer.problem);
  if (answer.kind === 'unanswered') throw unknown(answer.failure, idempotencyKey, signal);
  return { seen: answer.value, isReplayed: answer.headers.get(REPLAYED) === 'true' };
}

const ASK_AGAIN_MS = 200;

/** The coordinator waits whole seconds, which may end just before the deadline decides: so it is asked until the time is up. */
async function decidedInTime(
  begun: TransactionState,
  { client, timing, limit, waitUntilMs, signal }: Submission,
): Promise<TransactionState> {
  const endMs = Math.min(limit.endMs, waitUntilMs);
  let seen = begun;
  while (Number.isFinite(limit.endMs) && seen.status === 'trying' && !seen.isParked) {
    if (signal?.aborted || timing.elapsedMs() + ASK_AGAIN_MS >= endMs) return seen;
    await pause(timing, ASK_AGAIN_MS, signal);
    const answer = await client.ask(
      { method: 'GET', path: `/v1/transactions/${seen.gid}`, reads: readTransactionOf(seen.gid) },
      { patienceMs: endMs - timing.elapsedMs(), endMs, signal },
    );
    if (answer.kind === 'accepted') seen = answer.value;
  }
  return seen;
}

type Declared = { readonly body: string; readonly branchIds: readonly string[] };

/** @throws TypeError, RequestRejected */
function declared(options: SubmitOptions): Declared {
  checkForm(options);
  const { businessKey, timeoutMs } = options;
  const about = { businessKey, timeoutMs, callback: checkedCallback(options) };
  return options.branches === undefined ? declaredSaga(options, about) : declaredBranches(options, about);
}

const OF_A_SAGA = ['name', 'branches'] as const;

/** As plain JavaScript may call it: branches or a saga. @throws TypeError */
function checkForm(options: SubmitOptions): void {
  if (options.branches === undefined && !('saga' in options))
    throw new TypeError('branches is missing: list what branch(…) has made, or give a saga');
  const beside = OF_A_SAGA.filter((word) => options[word] !== undefined);
  if (options.saga !== undefined && beside.length > 0)
    throw new TypeError(
      `${beside.join(' and ')} cannot stand beside saga, which has its own: leave ${beside.length > 1 ? 'them' : 'it'} ` +
        'out, or leave the saga out',
    );
}

function declaredSaga({ saga }: SubmitSaga, about: object): Declared {
  // As plain JavaScript may call it.
  const definition = saga?.definition;
  if (definition === undefined) throw new TypeError('saga is no saga: give what saga(…) has built');
  return {
    body: JSON.stringify({ ...definition, ...about }),
    branchIds: definition.branches.map(({ branchId }) => branchId),
  };
}

type NamedBranch = DeclaredBranch & { readonly branchId: string };

function declaredBranches({ name, branches }: SubmitBranches, about: object): Declared {
  const named = namedBranches(branches);
  const texts = named.map(({ payload, participant, activity, branchId }) =>
    withPayload({ branchId, participant, activity }, payload),
  );
  return {
    body: withMember({ name, ...about }, 'branches', `[${texts.join()}]`),
    branchIds: named.map(({ branchId }) => branchId),
  };
}

/** @throws TypeError when two branches have one branchId */
function namedBranches(branches: readonly DeclaredBranch[]): readonly NamedBranch[] {
  const names = new BranchNames();
  return branches.map((branch) => ({
    ...branch,
    branchId: names.take(branch.participant, branch.activity, branch.branchId),
  }));
}

/** Its gid is not known before; its branches show that it is the one that was submitted. */
const readSubmitted =
  (branchIds: readonly string[]) =>
  (body: unknown): TransactionState | null => {
    const seen = readTransaction(body);
    return seen !== null && hasBranches(seen, branchIds) ? seen : null;
  };

function outcomeOf(seen: TransactionState, why: CancelCause | null): Omit<SubmitOutcome, 'isRepeated'> {
  const { gid, status, explanation, isParked } = seen;
  const ending = endingOf(seen);
  if (ending !== null) return confirmedOrThrow(gid, ending, why ?? whyCancelled(seen));
  // The pivot of a saga: it waits for an operator, and no one else decides.
  if (isParked) throw new TransactionDiverged({ gid, decision: null, status, explanation });
  return { gid, status: 'trying', explanation };
}

/** The coordinator knows what it had no usable answer for. */
function whyTimedOut({ branches }: TransactionState): CancelCause {
  const unanswered = branches.flatMap(({ branchId, participant, action, try: tried }) => {
    const { reply = null, answer = null } = action ?? tried ?? {};
    const isOpen = reply === 'unknown' && answer !== null;
    return isOpen ? [`${participant} had no usable answer for branch “${branchId}”, last “${answer}”`] : [];
  });
  const reason = ['its deadline passed before it was decided', unanswered.slice(0, MAX_NAMED).join(', ')];
  return { reason: reason.filter(Boolean).join(': '), refusal: null, isTimedOut: true };
}

/** More would hide the rest of the message. */
const MAX_NAMED = 3;

/** The coordinator received the refusal, and says which branch it was. */
function whyCancelled(seen: TransactionState): CancelCause | null {
  const { gid, decision, branches } = seen;
  if (decision?.reason === 'deadline_passed') return whyTimedOut(seen);
  const branch = branches.find(({ branchId }) => branchId === decision?.branchId);
  if (branch === undefined) return null;
  const of = { ...branch, gid };
  const said = (answer: string | null = null) => ({ code: null, detail: reasonIn(answer) });
  const refusal = branch.action
    ? new ActionRefused(of, said(branch.action.answer))
    : new TryRefused(of, said(branch.try?.answer));
  return { reason: refusal.summary, refusal, cause: refusal, isTimedOut: false };
}

/**
 * What a refusal was answered: its status, or how it was completed, and the participant's reason if it gave one, such as
 * `409: too few mugs`.
 */
function reasonIn(answer: string | null): string | null {
  const reason = answer?.replace(/^(?:\d{3}|refused from outside)(?:: |$)/, '').trim();
  return reason ? reason : null;
}

const notSent = (idempotencyKey: string, { reason }: AbortSignal): CoordinatorUnavailable =>
  new CoordinatorUnavailable('The submission was aborted before it was sent.', idempotencyKey, reason);

/** It may have begun, and have ended either way. */
const unknown = (failure: string, idempotencyKey: string, signal: AbortSignal | null): OutcomeUnknown =>
  new OutcomeUnknown({
    gid: null,
    idempotencyKey,
    find: null,
    summary:
      'What became of the submitted transaction is not known: ' +
      (signal?.aborted
        ? 'its caller aborted the submission before the coordinator had answered.'
        : `the coordinator did not acknowledge it (${failure}).`),
    cause: signal?.aborted ? signal.reason : undefined,
  });
