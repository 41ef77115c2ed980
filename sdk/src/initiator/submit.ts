/**
 * Declared transactions: one request names all branches, and the coordinator calls their tries and decides; or all steps of a
 * saga, and it calls their actions.
 */
import { beginHeaders } from './begin.ts';
import { BranchNames } from './branch-names.ts';
import { type CoordinatorClient, PATIENCE_MS } from './coordinator-client.ts';
import { endingOf } from './decide.ts';
import { ActionRefused, OutcomeUnknown, RequestRejected, TransactionDiverged, TryRefused } from './errors.ts';
import { checkedCallback } from './options.ts';
import { withMember, withPayload } from './json-members.ts';
import { confirmedOrThrow, type CancelCause } from './outcome.ts';
import { hasBranches, readTransaction, type TransactionState } from './transaction-state.ts';
import { traceContext } from './trace-context.ts';
import type { DeclaredBranch, SubmitBranches, SubmitOptions, SubmitOutcome, SubmitSaga } from './types.ts';

export type SubmitParts = {
  readonly client: CoordinatorClient;
  readonly waitMs: number;
  /** The initiator's own, or a random one. */
  readonly idempotencyKey: string;
};

/** On the answer to a begin that stood already. */
const REPLAYED = 'idempotent-replayed';

export async function submit(options: SubmitOptions, given: SubmitParts): Promise<SubmitOutcome> {
  const { client, waitMs, idempotencyKey } = given;
  const { body, branchIds } = declared(options);
  const answer = await client.ask(
    {
      method: 'POST',
      path: '/v1/transactions',
      headers: beginHeaders(idempotencyKey, traceContext(options.traceparent)),
      body,
      waitMs,
      reads: readSubmitted(branchIds),
    },
    { patienceMs: PATIENCE_MS, signal: null },
  );
  if (answer.kind === 'rejected') throw new RequestRejected('The submitted transaction', answer.problem);
  if (answer.kind === 'unanswered') throw unknown(answer.failure, idempotencyKey);
  const { value: seen, headers } = answer;
  // A repetition of our own is none: only a key that the caller chose can have been used before.
  const isRepeated = options.idempotencyKey !== undefined && headers.get(REPLAYED) === 'true';
  return { ...outcomeOf(seen), isRepeated };
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

function outcomeOf(seen: TransactionState): Omit<SubmitOutcome, 'isRepeated'> {
  const { gid, status, explanation, isParked } = seen;
  const ending = endingOf(seen);
  if (ending !== null) return confirmedOrThrow(gid, ending, whyCancelled(seen));
  // The pivot of a saga: it waits for an operator, and no one else decides.
  if (isParked) throw new TransactionDiverged({ gid, decision: null, status, explanation });
  return { gid, status: 'trying', explanation };
}

/** The coordinator received the refusal, and says which branch it was. */
function whyCancelled({ gid, decision, branches }: TransactionState): CancelCause | null {
  const branch = branches.find(({ branchId }) => branchId === decision?.branchId);
  if (branch === undefined) return null;
  const of = { ...branch, gid };
  const said = (answer: string | null = null) => ({ code: null, detail: reasonIn(answer) });
  const refusal = branch.action
    ? new ActionRefused(of, said(branch.action.answer))
    : new TryRefused(of, said(branch.try?.answer));
  return { reason: refusal.summary, refusal, cause: refusal, isTimedOut: false };
}

/** What a refusal was answered: its status, and the participant's reason if it gave one, such as `409: too few mugs`. */
function reasonIn(answer: string | null): string | null {
  const reason = answer?.replace(/^\d{3}(?:: |$)/, '').trim();
  return reason ? reason : null;
}

/** It may have begun, and have ended either way. */
const unknown = (failure: string, idempotencyKey: string): OutcomeUnknown =>
  new OutcomeUnknown({
    gid: null,
    idempotencyKey,
    find: null,
    summary:
      'What became of the submitted transaction is not known: the coordinator did not acknowledge it ' +
      `(${failure}).`,
  });
