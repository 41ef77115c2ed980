/**
 * Completes a branch from outside: a participant reports how an op of it ended, before it is called again. It may, once it has
 * recorded the outcome itself.
 */
import { type Completed, type GlobalTransaction, isPhaseOne, wantedOf } from '../domain/index.ts';
import type { ActiveTransactions } from './active-transactions.ts';
import { type Outcome, outcomeOf, type Rejected } from './outcome.ts';
import type { TransactionStore } from './ports.ts';
import { resultFault } from './results.ts';

export type CompleteRequest = Pick<Completed, 'branchId' | 'op' | 'reply'> & {
  /** Any JSON value; absent for none. */
  readonly result?: unknown;
  /** Why it is refused. */
  readonly reason?: string;
};

type CompleteParts = {
  readonly active: ActiveTransactions;
  readonly store: Pick<TransactionStore, 'load'>;
};

/** What is answered is stored with the branch, which has room for so many characters. */
const MAX_ANSWER_LENGTH = 200;

export async function complete(
  { active, store }: CompleteParts,
  gid: string,
  request: CompleteRequest,
): Promise<Outcome> {
  const loaded = await store.load(gid);
  if (loaded === null) return { accepted: false, code: 'unknown_transaction' };
  const found = resultIn(loaded.tx, request);
  if (found.rejected !== null) return found.rejected;
  const { branchId, op, reply, reason = null } = request;
  const { result } = found;
  const answer = answerOf(request);
  const answered = await active.ask(gid, {
    eventAt: (now) => ({ type: 'completed', branchId, op, reply, result, answer, now }),
    completion: { branchId, op, reply, reason },
  });
  if (answered === 'lost') throw new Error('only a begin can lose its transaction to another');
  return outcomeOf(answered);
}

type FoundResult = { readonly result: string | null; readonly rejected: Rejected | null };

/** Only what later steps refer to is kept. The plan never changes, so any state of the transaction says what that is. */
function resultIn(tx: GlobalTransaction, { branchId, op, reply, result }: CompleteRequest): FoundResult {
  const wanted = isPhaseOne(op) && reply === 'succeeded' ? wantedOf(tx, branchId) : [];
  if (wanted.length === 0) return { result: null, rejected: null };
  const text = result === undefined ? null : JSON.stringify(result);
  const fault =
    text === null ? 'a later step refers to its result, and there is none' : resultFault(text, wanted);
  const rejected =
    fault === null ? null : ({ accepted: false, code: 'result_unusable', about: fault } as const);
  return { result: text, rejected };
}

function answerOf({ reply, reason }: CompleteRequest): string {
  if (reply === 'succeeded') return 'completed from outside';
  const answer = reason === undefined ? REFUSED : `${REFUSED}: ${reason}`;
  return answer.length > MAX_ANSWER_LENGTH
    ? `${answer.slice(0, MAX_ANSWER_LENGTH - 1).toWellFormed()}…`
    : answer;
}

const REFUSED = 'refused from outside';
