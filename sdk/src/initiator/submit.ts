/** Declared transactions: one request names all branches, and the coordinator calls their tries and decides. */
import { beginHeaders } from './begin.ts';
import { BranchNames } from './branch-names.ts';
import { withPayload } from './branches.ts';
import { type CoordinatorLink, PATIENCE_MS } from './coordinator-link.ts';
import { endingOf } from './decide.ts';
import { OutcomeUnknown, RequestRejected, TryRefused } from './errors.ts';
import { confirmedOrThrow, type Why } from './outcome.ts';
import { lists, readTransaction, type SeenTransaction } from './seen-transaction.ts';
import { traceContext } from './trace-context.ts';
import type { DeclaredBranch, SubmitOptions, SubmitOutcome } from './types.ts';

export type SubmitParts = {
  readonly link: CoordinatorLink;
  readonly waitMs: number;
  /** The initiator's own, or a random one. */
  readonly idempotencyKey: string;
};

/** On the answer to a begin that stood already. */
const REPLAYED = 'idempotent-replayed';

export async function submit(options: SubmitOptions, given: SubmitParts): Promise<SubmitOutcome> {
  const { link, waitMs, idempotencyKey } = given;
  const branches = namedBranches(options);
  const answer = await link.ask(
    {
      method: 'POST',
      path: '/v1/transactions',
      headers: beginHeaders(idempotencyKey, traceContext(options.traceparent)),
      body: bodyOf(options, branches),
      waitMs,
      reads: readSubmitted(branches),
    },
    { patienceMs: PATIENCE_MS, signal: null },
  );
  if (answer.kind === 'rejected') throw new RequestRejected('The submitted transaction', answer.problem);
  if (answer.kind === 'unanswered') throw unknown(answer.failure, idempotencyKey);
  const { value: seen, headers } = answer;
  // A repetition of our own is none: only a key that somebody chose can have been used before.
  const isRepeated = options.idempotencyKey !== undefined && headers.get(REPLAYED) === 'true';
  return { ...outcomeOf(seen), isRepeated };
}

type NamedBranch = DeclaredBranch & { readonly branchId: string };

/** @throws TypeError when two branches have one branchId */
function namedBranches({ branches }: SubmitOptions): readonly NamedBranch[] {
  const names = new BranchNames();
  return branches.map((branch) => ({
    ...branch,
    branchId: names.take(branch.participant, branch.activity, branch.branchId),
  }));
}

function bodyOf({ name, businessKey, timeoutMs }: SubmitOptions, branches: readonly NamedBranch[]): string {
  const texts = branches.map(({ payload, participant, activity, branchId }) =>
    withPayload({ branchId, participant, activity }, payload),
  );
  const fields = JSON.stringify({ name, businessKey, timeoutMs });
  return `${fields.slice(0, -1)},"branches":[${texts.join()}]}`;
}

/** Its gid is not known before; that it is the one that was submitted, can be told by its branches. */
const readSubmitted =
  (branches: readonly NamedBranch[]) =>
  (body: unknown): SeenTransaction | null => {
    const seen = readTransaction(body);
    const branchIds = branches.map(({ branchId }) => branchId);
    return seen !== null && lists(seen, branchIds) ? seen : null;
  };

function outcomeOf(seen: SeenTransaction): Omit<SubmitOutcome, 'isRepeated'> {
  const { gid, explanation } = seen;
  const ending = endingOf(seen);
  return ending === null
    ? { gid, status: 'trying', explanation }
    : confirmedOrThrow(gid, ending, whyCancelled(seen));
}

/** The coordinator heard the refusal, and says which branch it was. */
function whyCancelled({ gid, decision, branches }: SeenTransaction): Why | null {
  const branch = branches.find(({ branchId }) => branchId === decision?.branchId);
  if (branch === undefined) return null;
  const refusal = new TryRefused({ ...branch, gid }, { code: null, detail: branch.try?.answer ?? null });
  return { reason: refusal.summary, refusal, cause: refusal, isTimedOut: false };
}

/** It may have begun, and have ended either way. */
const unknown = (failure: string, idempotencyKey: string): OutcomeUnknown =>
  new OutcomeUnknown({
    ...{ gid: null, idempotencyKey, find: null },
    summary:
      'What became of the submitted transaction is not known: the coordinator did not acknowledge it ' +
      `(${failure}).`,
  });
