/**
 * The branches of one interactive transaction while its function runs: each registered first, and then tried.
 *
 * 1. A try is called only when the coordinator has acknowledged its branch (I9): what was tried can be cancelled.
 * 2. A try without a received success has failed, whether or not the function looks at it.
 * 3. `settle` ends when no try is under way any more; what is called after it, is refused.
 */
import { inSpan } from '../spans.ts';
import { setMaxListeners } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import type { Contract } from '../contract.ts';
import { BranchNames } from './branch-names.ts';
import type { CoordinatorClient, Problem } from './coordinator-client.ts';
import { RequestRejected, TryNotSent, type TryOf, TryUnknown } from './errors.ts';
import { withPayload } from './json-members.ts';
import { payloadAsJson } from './payload.ts';
import { hasBranches, readTransactionOf, type TransactionState } from './transaction-state.ts';
import { callTry, type TryTools } from './try-call.ts';
import { resultOf } from './try-result.ts';
import type { TryOptions } from './types.ts';

export type BranchesParts = {
  readonly begun: TransactionState;
  /** When it ends undecided, in elapsed milliseconds of our own clock. */
  readonly deadlineMs: number;
  readonly traceparent: string | null;
  readonly callerSignal: AbortSignal | null;
  readonly client: CoordinatorClient;
  readonly tools: TryTools;
};

type Branch = TryOf & { readonly gid: string };

export class Branches {
  readonly gid: string;
  readonly deadlineAt: Date;
  readonly #given: BranchesParts;
  readonly #stop = new AbortController();
  readonly #noMore = new AbortController();
  readonly #names = new BranchNames();
  /** As the coordinator's answers list them; none is ever taken away. */
  readonly #registered = new Set<string>();
  readonly #succeeded = new Set<string>();
  readonly #failures: unknown[] = [];
  readonly #underWay = new Set<Promise<void>>();
  readonly #forget: () => void;
  #state: 'open' | 'settling' | 'closed' = 'open';
  #isWorking = true;

  constructor(given: BranchesParts) {
    const { begun, deadlineMs, callerSignal, tools } = given;
    this.#given = given;
    this.gid = begun.gid;
    this.deadlineAt = new Date(begun.deadlineAt);
    this.#recordRegistered(begun);
    // A hundred tries may listen.
    setMaxListeners(0, this.#stop.signal, this.#noMore.signal);
    this.signal.addEventListener('abort', () => this.#noMore.abort(), { once: true });
    const leftMs = Math.max(0, deadlineMs - tools.timing.elapsedMs());
    const cancelTimer = tools.timing.after(leftMs, () =>
      this.#stop.abort(new DOMException('the deadline of the transaction has passed', 'TimeoutError')),
    );
    const abort = () => this.#stop.abort(callerSignal?.reason);
    callerSignal?.addEventListener('abort', abort, { once: true });
    if (callerSignal?.aborted) abort();
    this.#forget = () => {
      cancelTimer();
      callerSignal?.removeEventListener('abort', abort);
    };
  }

  /** Aborted at the deadline, and by the caller. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** What went wrong, in the order in which it did. */
  get failures(): readonly unknown[] {
    return this.#failures;
  }

  /** All that were tried with success by us. */
  get succeeded(): readonly string[] {
    return [...this.#succeeded];
  }

  /** A branch that stands and was not tried with success by us; null when there is none. */
  get untried(): string | null {
    return [...this.#registered].find((branchId) => !this.#succeeded.has(branchId)) ?? null;
  }

  /**
   * Registers a branch and calls its try; answers what the participant answered.
   * @throws TryRefused, TryUnknown, TryNotSent, RequestRejected
   */
  call(contract: Contract, activity: string, payload: unknown, options?: TryOptions): Promise<unknown> {
    if (this.#state === 'closed') return this.#refuse(contract, activity);
    const trying = this.#try(contract, activity, payload, options?.branchId);
    // Observed here in any case: one that is not awaited is no unhandled rejection, and is not overlooked either.
    const heard = trying.then(
      () => {},
      (error: unknown) => this.#failed(error),
    );
    this.#underWay.add(heard);
    void heard.then(() => this.#underWay.delete(heard));
    return trying;
  }

  /**
   * Waits for the tries that are under way, and takes no more.
   * @param isLost no branch needs another attempt: the transaction is cancelled anyway
   * @param isWorking the function was stopped, and has not ended
   */
  async settle({
    isLost,
    isWorking,
  }: {
    readonly isLost: boolean;
    readonly isWorking: boolean;
  }): Promise<void> {
    this.#state = 'settling';
    this.#isWorking = isWorking;
    if (isLost || this.#failures.length > 0) this.#noMore.abort();
    const { timing } = this.#given.tools;
    do {
      await Promise.all(this.#underWay);
      // Parts of the function that were not awaited, and wait for nothing else, call their tries in this turn.
      if (!isWorking) await (timing.nextTurn?.() ?? setImmediate());
    } while (this.#underWay.size > 0);
    this.#state = 'closed';
    this.#forget();
  }

  /**
   * A function that goes on after its deadline is not at fault; one that has ended forgot to await, and nobody
   * else says so.
   */
  #refuse(contract: Contract, activity: string): Promise<never> {
    const refused = Promise.reject(this.#tooLate(contract, activity));
    if (this.#isWorking) refused.catch(() => {});
    return refused;
  }

  #failed(error: unknown): void {
    this.#failures.push(error);
    if (this.#state !== 'open') this.#noMore.abort();
  }

  async #try(contract: Contract, activity: string, payload: unknown, ownId?: string): Promise<unknown> {
    if (this.#state !== 'open') throw this.#tooLate(contract, activity);
    const { gid } = this;
    const participant = contract.name;
    const body = this.#orNotSent('invalid_payload', () => payloadAsJson(contract, activity, payload));
    const branchId = this.#orNotSent('invalid_branch_id', () =>
      this.#names.take(participant, activity, ownId),
    );
    const branch: Branch = { gid, branchId, participant, activity };
    await this.#register(branch, body);
    const { tools, deadlineMs, traceparent } = this.#given;
    const limits = { deadlineMs, signal: this.signal, noMore: this.#noMore.signal };
    const call = { ...branch, body, traceparent, deadlineAt: this.deadlineAt };
    const tried = await inSpan(
      `tcc try ${participant}`,
      {
        attributes: { 'tcc.transaction.id': gid, 'tcc.branch.id': branchId, 'tcc.participant': participant },
        attributesOf: ({ reply }) => ({ 'tcc.reply': reply }),
        isFailure: (outcome) => 'error' in outcome || outcome.done.reply === 'unknown',
      },
      () => callTry(call, tools, limits),
    );
    const result = resultOf(tried, contract, branch, this.signal);
    this.#succeeded.add(branchId);
    return result;
  }

  async #register(branch: Branch, body: string): Promise<void> {
    this.#checkNotStopped(branch);
    const { client, deadlineMs, tools } = this.#given;
    const { gid, ...rest } = branch;
    const answer = await client.ask(
      {
        method: 'POST',
        path: `/v1/transactions/${gid}/branches`,
        body: withPayload(rest, body),
        reads: readRegistered(branch),
      },
      { patienceMs: deadlineMs - tools.timing.elapsedMs(), signal: this.#noMore.signal },
    );
    if (answer.kind === 'rejected') throw notRegistered(branch, answer.problem);
    if (answer.kind === 'unanswered')
      throw new TryUnknown(branch, {
        answer: `its registration was not acknowledged, and it was not called; last ${answer.failure}`,
      });
    this.#recordRegistered(answer.value);
    this.#checkNotStopped(branch);
  }

  #recordRegistered({ branches }: TransactionState): void {
    for (const { branchId } of branches) this.#registered.add(branchId);
  }

  #checkNotStopped({ branchId }: Branch): void {
    if (!this.#noMore.signal.aborted) return;
    throw new TryNotSent(
      'stopped',
      this.gid,
      `Branch “${branchId}” is not tried: the transaction is being cancelled`,
      this.signal.reason,
    );
  }

  #orNotSent<Value>(code: 'invalid_payload' | 'invalid_branch_id', make: () => Value): Value {
    try {
      return make();
    } catch (error) {
      throw new TryNotSent(code, this.gid, (error as Error).message, error);
    }
  }

  #tooLate({ name }: Contract, activity: string): TryNotSent {
    return new TryNotSent(
      'run_is_over',
      this.gid,
      `${activity} of ${name} was called after the function of its transaction had ended, and the transaction is decided without it`,
    );
  }
}

/** What does not list the branch of this transaction has not acknowledged it. */
function readRegistered({ gid, branchId }: Branch) {
  const read = readTransactionOf(gid);
  return (body: unknown): TransactionState | null => {
    const seen = read(body);
    return seen !== null && hasBranches(seen, [branchId]) ? seen : null;
  };
}

const DECIDED_CODES: readonly string[] = ['decided_cancel', 'decided_confirm', 'deadline_passed'];

function notRegistered(branch: Branch, problem: Problem): TryNotSent | RequestRejected {
  const { gid, branchId } = branch;
  return DECIDED_CODES.includes(problem.code)
    ? new TryNotSent('transaction_decided', gid, `Branch “${branchId}” is not tried: ${problem.detail}`)
    : new RequestRejected(`The registration of branch “${branchId}”`, problem, gid);
}
