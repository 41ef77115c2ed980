/**
 * The initiator's side: begins global transactions, calls their tries and asks for the decision.
 *
 *   const tercet = new Tercet({ urls: 'http://127.0.0.1:8080', contracts: [inventory, payment] });
 *   const outcome = await tercet.run({ name: 'order', idempotencyKey: orderId }, async (tx) => {
 *     const reserved = await tx.inventory.reserve({ item: 'tea', quantity: 2 });
 *     await tx.payment.hold({ account: 'ada', cents: 900 });
 *     return reserved.reservationId;
 *   });
 *
 * All of it takes effect or none. `run` resolves when that is decided and durable, and rejects with what is
 * certain: see errors.ts.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { types } from 'node:util';
import { type Contract, kindOf } from '../contract.ts';
import { inSpan, type SpanOptions } from '../spans.ts';
import type { FinalityView, ParticipantView, TransactionView } from '../../../src/wire/index.ts';
import { ParticipantAddresses } from './participant-addresses.ts';
import type { Branches } from './branches.ts';
import { CoordinatorClient, PATIENCE_MS, type CoordinatorRequest } from './coordinator-client.ts';
import { CoordinatorUnavailable, RequestRejected, TransactionCancelled } from './errors.ts';
import {
  checkedContracts,
  checkedKey,
  checkedSecrets,
  checkedToken,
  checkedUrls,
  checkedWaitMs,
} from './options.ts';
import { type Registration, registrationOf } from './registration.ts';
import { run } from './run.ts';
import { readTransactionOf } from './transaction-state.ts';
import { submit } from './submit.ts';
import { strictMembers } from './strict-members.ts';
import { systemTiming } from './timing.ts';
import type { TryTools } from './try-call.ts';
import type {
  Callable,
  RunOptions,
  RunOutcome,
  SubmitOptions,
  SubmitOutcome,
  TercetOptions,
  Transaction,
  TryOptions,
} from './types.ts';

export class Tercet<const All extends readonly Callable[]> {
  readonly #contracts: readonly Contract[];
  readonly #client: CoordinatorClient;
  readonly #tools: TryTools;
  readonly #running = new AsyncLocalStorage<Transaction<All>>();

  /** @throws TypeError for options that cannot work, with words that say what to do */
  constructor(options: TercetOptions<All>) {
    const { token, contracts, secrets = {}, timing = systemTiming } = options ?? {};
    const urls = checkedUrls(options?.urls);
    // Looked up at each call, so that what replaces the global one later is used.
    const fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    this.#contracts = checkedContracts(contracts);
    this.#client = new CoordinatorClient({ urls, token: checkedToken(token), fetch, timing });
    const names = this.#contracts.map(({ name }) => name);
    this.#tools = {
      addresses: new ParticipantAddresses({ client: this.#client, timing }),
      secrets: checkedSecrets(secrets, names),
      fetch,
      timing,
    };
  }

  /**
   * Begins a transaction, runs the function, and confirms when every try succeeded; else cancels.
   *
   * Run again with the same idempotencyKey after a crash, it goes on where it was: the function is run again,
   * the tries are repeated, and each takes effect once. After the end it reports the outcome and calls nothing.
   *
   * @param work gets the transaction; may run its tries in parallel. What it returns is the outcome's `value`
   * @throws TransactionCancelled, TransactionTimedOut: decided, nothing takes effect
   * @throws TransactionDiverged: decided, and a branch waits for an operator
   * @throws OutcomeUnknown: no decision was acknowledged
   * @throws CoordinatorUnavailable: nothing was tried
   * @throws RequestRejected: nothing was begun
   * @throws TypeError for an input that JSON cannot hold, and for a generator function: nothing was begun
   */
  async run<Value>(
    options: RunOptions,
    work: (tx: Transaction<All>) => Value | Promise<Value>,
  ): Promise<RunOutcome<Value>> {
    // It would be confirmed with no branch.
    if (types.isGeneratorFunction(work))
      throw new TypeError(
        'run was given a generator function, whose body would never run: make it a plain or an async function',
      );
    const inside = async (branches: Branches): Promise<Value> => {
      const tx = this.#transactionOf(branches);
      return this.#running.run(tx, () => work(tx));
    };
    const given = {
      client: this.#client,
      tools: this.#tools,
      find: (gid: string) => this.find(gid),
      idempotencyKey: checkedKey(options),
      waitMs: checkedWaitMs(options),
    };
    return inSpan('tercet run', spanOptions(options), () => run(options, inside, given));
  }

  /**
   * Hands over a transaction with all its branches, whose tries the coordinator calls, or a saga with all its steps; the
   * coordinator decides. One request, and nothing is lost when the initiator dies after it.
   *
   *   await tercet.submit({ name: 'order', branches: [branch(inventory, 'reserve', { … })], idempotencyKey });
   *   await tercet.submit({ saga: fulfil, idempotencyKey });
   *
   * @throws TypeError for a saga with a name or branches next to it, and for neither a saga nor branches
   * @throws TransactionDiverged also where the pivot of a saga waits for an operator, so that nothing is decided
   * @throws as `run`; OutcomeUnknown also when it is not known whether it began. Its gid is then not known
   *   either
   */
  async submit(options: SubmitOptions): Promise<SubmitOutcome> {
    const given = {
      client: this.#client,
      timing: this.#tools.timing,
      idempotencyKey: checkedKey(options),
      waitMs: checkedWaitMs(options),
    };
    return inSpan('tercet submit', spanOptions(options), () => submit(options, given));
  }

  /**
   * Registers a participant, or replaces what is registered of it, with the kind of each activity of its contract. From then on a
   * transaction that uses an activity as another kind is refused when it begins. It may be repeated at each start.
   *
   * @param where `baseUrl`, or `baseUrls` for several addresses; `paths`, `callTimeoutMs`, `secrets`,
   * `maxConcurrentCalls` and `maxCallsPerSecond` as the coordinator takes them
   * @throws CoordinatorUnavailable, RequestRejected
   */
  async register(one: Callable, where: Registration): Promise<ParticipantView> {
    const [contract] = checkedContracts([one]);
    return this.#ask('The registration', registrationOf(contract as Contract, where));
  }

  /**
   * The transaction as the coordinator has it; null when it has none of this gid.
   * @throws CoordinatorUnavailable, RequestRejected
   */
  async find(gid: string): Promise<TransactionView | null> {
    try {
      const path = `/v1/transactions/${encodeURIComponent(gid)}`;
      return await this.#ask('The question', { method: 'GET', path, reads: readViewOf(gid) });
    } catch (error) {
      if (error instanceof RequestRejected && error.code === 'unknown_transaction') return null;
      throw error;
    }
  }

  /**
   * Which of the transactions are final, so that participants need their records no more.
   * @param gids 1 to 500; those that the coordinator does not have are left out of the answer
   * @throws CoordinatorUnavailable, RequestRejected
   */
  async finality(gids: readonly string[]): Promise<FinalityView> {
    return this.#ask('The question', {
      method: 'POST',
      path: '/v1/transactions/finality',
      body: JSON.stringify({ gids }),
      reads: readFinality,
    });
  }

  /**
   * The transaction whose function this code was called from, also deep below and after an await; null outside.
   */
  current(): Transaction<All> | null {
    return this.#running.getStore() ?? null;
  }

  async #ask<Answer>(what: string, request: CoordinatorRequest<Answer>): Promise<Answer> {
    const answer = await this.#client.ask(request, { patienceMs: PATIENCE_MS, signal: null });
    if (answer.kind === 'rejected') throw new RequestRejected(what, answer.problem);
    if (answer.kind === 'unanswered')
      throw new CoordinatorUnavailable(`The coordinator did not answer (${answer.failure}).`, null);
    return answer.value;
  }

  #transactionOf(branches: Branches): Transaction<All> {
    const { gid, deadlineAt, signal } = branches;
    const participants = Object.fromEntries(
      this.#contracts.map((contract) => [contract.name, triesOf(contract, branches)]),
    );
    // One member for each contract, by its name: what the type says.
    const tx = { ...participants, gid, deadlineAt, signal } as Transaction<All>;
    return strictMembers('tx', tx, Object.keys(participants));
  }
}

function triesOf(contract: Contract, branches: Branches) {
  const all = Object.entries(contract.activities);
  const names = all.flatMap(([name, activity]) => (kindOf(activity) === 'tcc' ? [name] : []));
  const tries = names.map((activity) => [
    activity,
    (payload: unknown, options?: TryOptions) => branches.call(contract, activity, payload, options),
  ]);
  return strictMembers(`tx.${contract.name}`, Object.fromEntries(tries), names);
}

/** Checked as far as initiators read it; whatever else a coordinator says is passed on as it came. */
function readViewOf(gid: string) {
  const read = readTransactionOf(gid);
  return (body: unknown): TransactionView | null => (read(body) === null ? null : (body as TransactionView));
}

/** Read as far as who asks needs it. */
function readFinality(body: unknown): FinalityView | null {
  if (typeof body !== 'object' || body === null) return null;
  const { now, retentionMs, transactions } = body as Partial<FinalityView>;
  return typeof now === 'string' && typeof retentionMs === 'number' && Array.isArray(transactions)
    ? { now, retentionMs, transactions }
    : null;
}

/** A cancel is an orderly end, and no failure. */
function spanOptions<T extends { readonly gid: string; readonly status: string }>({
  name,
  traceparent,
}: {
  readonly name?: string | undefined;
  readonly traceparent?: string | undefined;
}): SpanOptions<T> {
  return {
    traceparent: traceparent ?? null,
    attributes: name === undefined ? {} : { 'tcc.transaction.name': name },
    attributesOf: ({ gid, status }) => ({ 'tcc.transaction.id': gid, 'tcc.status': status }),
    isFailure: (outcome) => 'error' in outcome && !(outcome.error instanceof TransactionCancelled),
  };
}
