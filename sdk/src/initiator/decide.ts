/**
 * Asking for a decision, and hearing which one stands. Both requests can be repeated; the first decision
 * counts, whoever asked for it, so that the answer may be the opposite of what was asked.
 */
import type { Decision, Status } from '../../../src/wire/index.ts';
import { type Answer, type CoordinatorClient, PATIENCE_MS, type Problem } from './coordinator-client.ts';
import { readTransactionOf, type TransactionState } from './transaction-state.ts';

/** A durable decision, and how far it is carried out. */
export type Ending = {
  readonly decision: Decision;
  readonly status: Status;
  readonly isTimedOut: boolean;
  readonly isParked: boolean;
  readonly explanation: string;
};

/** `decision` null: none was acknowledged. It may be taken all the same. */
export type Verdict = Ending | { readonly decision: null; readonly failure: string };

export type DecisionRequest = {
  readonly client: CoordinatorClient;
  readonly gid: string;
  readonly waitMs: number;
  /** In elapsed milliseconds. */
  readonly endMs: number;
  /** All that were tried with success, where a confirm is asked for: when another branch stands, it is refused. */
  readonly branchIds?: readonly string[];
};

/** The decision that an answer shows; null while there is none. */
export function endingOf(seen: TransactionState): Ending | null {
  const { status, isParked, explanation, decision } = seen;
  if (status === 'trying') return null;
  return {
    decision: status === 'confirming' || status === 'confirmed' ? 'confirm' : 'cancel',
    status,
    isParked,
    explanation,
    isTimedOut: decision?.reason === 'deadline_passed',
  };
}

/** @param wanted asked for; the decision that stands may be the other one */
export async function decide(wanted: Decision, request: DecisionRequest): Promise<Verdict> {
  const answer = await ask(wanted, request);
  if (answer.kind !== 'rejected') return verdictOf(answer);
  const { problem } = answer;
  if (wanted === 'confirm' && problem.code === 'deadline_passed') return cancelAfterDeadline(request);
  if (problem.code === 'other_branches') return cancelForOtherBranches(request);
  const stands = DECISION_BY_CODE[problem.code];
  if (stands === undefined) return rejected(problem);
  // It is durable, as the refusal says. Asking for the same changes nothing, and returns how far it is.
  const again = await ask(stands, request);
  return again.kind === 'accepted' ? verdictOf(again) : endingBy(stands, problem);
}

/**
 * A confirm of ours that went unanswered may still be under way while a later one is refused: what is decided,
 * is certain.
 */
async function cancelAfterDeadline(request: DecisionRequest): Promise<Verdict> {
  const verdict = await decide('cancel', request);
  return verdict.decision === 'cancel' ? { ...verdict, isTimedOut: true } : verdict;
}

/** Another run with the same key is under way, and has gone another way: what it tried, we cannot speak for. */
async function cancelForOtherBranches(request: DecisionRequest): Promise<Verdict> {
  const verdict = await decide('cancel', request);
  return verdict.decision === 'cancel' ? { ...verdict, explanation: ANOTHER_RUN } : verdict;
}

const ANOTHER_RUN =
  'another run with the same idempotencyKey has registered branches that this one did not call';

const DECISION_BY_CODE: Readonly<Record<string, Decision | undefined>> = {
  decided_confirm: 'confirm',
  decided_cancel: 'cancel',
};

function ask(
  decision: Decision,
  { client, gid, waitMs, endMs, branchIds }: DecisionRequest,
): Promise<Answer<TransactionState>> {
  const isNamed = decision === 'confirm' && branchIds !== undefined;
  return client.ask(
    {
      method: 'POST',
      path: `/v1/transactions/${gid}/${decision}`,
      waitMs,
      reads: readTransactionOf(gid),
      ...(isNamed && { body: JSON.stringify({ branchIds }) }),
    },
    { patienceMs: PATIENCE_MS, endMs, signal: null },
  );
}

function verdictOf(answer: Exclude<Answer<TransactionState>, { kind: 'rejected' }>): Verdict {
  if (answer.kind === 'unanswered') return { decision: null, failure: answer.failure };
  return (
    endingOf(answer.value) ?? { decision: null, failure: 'the coordinator says that it is still trying' }
  );
}

/** Durable, as a refusal says that it is; nothing else is known of it. */
const endingBy = (decision: Decision, { detail }: Problem): Ending => ({
  decision,
  status: decision === 'confirm' ? 'confirming' : 'cancelling',
  isTimedOut: false,
  isParked: false,
  explanation: detail,
});

const rejected = ({ code, detail }: Problem): Verdict => ({ decision: null, failure: `${code}: ${detail}` });
