/**
 * The end of an op that was accepted: recorded by the barrier first, then posted to the coordinator. In this order, because a
 * completion speaks for the participant: what the coordinator was notified of must be found by every later call of the branch.
 *
 * Where the post does not arrive, or the process dies before it, the coordinator's next poll is answered by the record.
 */
import { Value } from 'typebox/value';
import type { Known } from '../barrier/barrier.ts';
import type { CompletedAs } from '../barrier/barrier.ts';
import type { AcceptedCall } from '../call.ts';
import type { Contract } from '../contract.ts';
import { Kind, MAX_REASON_LENGTH, Op } from '../../../src/wire/index.ts';
import { isPhaseOne } from '../../../src/wire/reply.ts';
import type { Participant } from './participant.ts';
import { postCompletion, type PostOptions, type PostTools } from './post-completion.ts';
import { isCompletionUrl } from './read-call.ts';
import type { CompletionWork, ServedActivity } from './served-activity.ts';

export type CompleteOptions = PostOptions;

export type Completion = {
  /** `done`: recorded now · `repeated`: recorded before, the work did not run, and it was posted again. */
  readonly outcome: 'done' | 'repeated';
  /** As it is recorded: the result, or the reason of a refusal. */
  readonly result: unknown;
  /** Null once the coordinator has accepted it. Otherwise why it has not, in words: its next poll is answered by the record. */
  readonly notPosted: string | null;
};

/** JSON; for a try or an action what its contract promises, which is checked. `unknown` would hide the type of the work. */
type ResultGiven = string | number | boolean | object | null | undefined;

/** What `defineParticipant` returns. */
export interface DefinedParticipant<Of extends Contract = Contract, SqlTx = unknown> extends Participant<Of> {
  /**
   * Records that an accepted op has succeeded, and posts it to the coordinator. The same again is a repetition: nothing is done,
   * and the recorded result is posted again.
   *
   * @param call as the op was given it, or what was kept of it
   * @param given the result; or work that is done in the SQL transaction that records the end, under the lock of the branch, and
   *   returns the result. It may run several times, of which one is committed, and is synchronous with `sqliteBarrier`
   * @throws NotCompleted when the op is not accepted, when the branch was cancelled meanwhile, and when it was refused before
   * @throws InProgress while the op is still at work outside the database, or was started and came to no end: complete it again
   *   a moment later, since its caller calls it again
   * @throws whatever the work throws; it is rolled back, and the op stays accepted
   * @throws TypeError for an async function with `sqliteBarrier`, which is not called
   */
  complete(
    call: AcceptedCall,
    given: ResultGiven | ((sqlTx: SqlTx, known: Known) => unknown),
    options?: CompleteOptions,
  ): Promise<Completion>;

  /**
   * Records that an accepted try, action or pivot is refused: nothing of it is left to undo. A cancel or compensate then finds
   * nothing to do. As `complete` otherwise.
   *
   * @param given the reason, in a few words for people; or work that returns it, and undoes what the op has set aside
   * @throws TypeError for a confirm, cancel or compensate, and for a step behind the pivot: they must succeed
   */
  refuse(
    call: AcceptedCall,
    given: string | ((sqlTx: SqlTx, known: Known) => string | Promise<string>),
    options?: CompleteOptions,
  ): Promise<Completion>;
}

export async function completeCall(
  { name }: Contract,
  activities: ReadonlyMap<string, ServedActivity>,
  { call: kept, as, given, options = {} }: CompletionRequest,
  tools: PostTools,
): Promise<Completion> {
  const call = checkedAcceptedCall(kept, as);
  const activity = activities.get(call.activity);
  if (activity === undefined)
    throw new TypeError(`${name} has no activity “${call.activity}”: complete a call of this participant`);
  const work = typeof given === 'function' ? (given as CompletionWork) : () => given;
  const { outcome, result } = await activity.complete(call, as, work);
  const body =
    as === 'refused'
      ? { op: call.op, reply: as, ...reasonIn(result) }
      : { op: call.op, reply: as, ...(isPhaseOne(call.op) && result !== null && { result }) };
  const notPosted = await postCompletion(call.completionUrl, JSON.stringify(body), options, tools);
  return { outcome: outcome === 'repeated' ? 'repeated' : 'done', result, notPosted };
}

/** As the coordinator takes it: one line, cut where it is longer. */
function reasonIn(result: unknown): { readonly reason?: string } {
  const line = typeof result === 'string' ? oneLine(result) : '';
  if (line === '') return {};
  const isLong = line.length > MAX_REASON_LENGTH;
  return { reason: isLong ? `${line.slice(0, MAX_REASON_LENGTH - 1).toWellFormed()}…` : line };
}

const oneLine = (text: string): string =>
  text
    .toWellFormed()
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim();

export type CompletionRequest = {
  readonly call: AcceptedCall;
  readonly as: CompletedAs;
  readonly given: unknown;
  readonly options: CompleteOptions | undefined;
};

/** @throws TypeError before anything is written */
function checkedAcceptedCall(given: AcceptedCall, as: CompletedAs): AcceptedCall {
  const { gid, branchId, activity, op, kind, deadlineAt, completionUrl = null } = given;
  if (!Value.Check(Op, op)) throw new TypeError(`“${op}” is no op: keep the call as the op was given it`);
  if (!Value.Check(Kind, kind))
    throw new TypeError(`“${kind}” is no kind: keep the call as the op was given it`);
  if (completionUrl !== null && !isCompletionUrl(completionUrl))
    throw new TypeError('completionUrl is to be the http or https URL of the call, or null');
  if (as === 'refused' && (!isPhaseOne(op) || kind === 'final'))
    throw new TypeError(
      `a ${kind === 'final' ? 'step behind the pivot' : op} cannot be refused: it is called until it succeeds. Complete it`,
    );
  return { gid, branchId, activity, op, kind, deadlineAt, completionUrl };
}
