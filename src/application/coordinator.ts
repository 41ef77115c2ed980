/**
 * What a client can ask of the coordinator, in the domain's words: one method for each request.
 *
 * Every request can be repeated and answers the truth. Nothing here knows a status: requests become events, the
 * protocol judges them, and an answer is given only after what it says is durable.
 */
import { hash } from 'node:crypto';
import type { BranchSpec, CallPolicy, Event, Now, Refusal } from '../domain/index.ts';
import type { CarryOut } from './carry-out.ts';
import type { Answer } from './drive.ts';
import {
  type Chance,
  type JournalRow,
  type ParticipantRegistry,
  type Saved,
  StoreUnavailable,
  type TransactionStore,
} from './ports.ts';
import type { Waiters } from './waiters.ts';

/** A begin that loses its gid or key looks it up and is compared; twice is enough, more is for odd races. */
const BEGIN_ATTEMPTS = 5;

export type BranchRequest = {
  readonly branchId: string;
  readonly participant: string;
  readonly activity: string;
  /** Any JSON value; `{}` when absent. */
  readonly payload?: unknown;
};

export type BeginRequest = {
  /** A UUIDv7 of the initiator's own. */
  readonly gid?: string;
  readonly name?: string;
  readonly businessKey?: string;
  readonly timeoutMs?: number;
  /** All branches, of a declared transaction; absent for an interactive one. */
  readonly branches?: readonly BranchRequest[];
};

/** Why a request was refused: the protocol's reasons, and those that only the coordinator can know. */
export type CoordinatorRefusal = Refusal | 'unknown_participant' | 'timeout_too_long';

/** `about` names what the refusal is about, where that is not the transaction. */
export type Refused = {
  readonly accepted: false;
  readonly code: CoordinatorRefusal;
  readonly about?: string;
};

export type Outcome =
  | { readonly accepted: true; readonly saved: Saved; readonly isChanged: boolean }
  | Refused;

export type CoordinatorParts = {
  readonly carryOut: CarryOut;
  readonly store: TransactionStore;
  readonly registry: ParticipantRegistry;
  readonly waiters: Waiters;
  readonly chance: Chance;
  readonly policy: CallPolicy;
  readonly defaultTimeoutMs: number;
  readonly maxTimeoutMs: number;
};

export class Coordinator {
  readonly #given: CoordinatorParts;

  constructor(given: CoordinatorParts) {
    this.#given = given;
  }

  /**
   * Begins a transaction, or answers the one that the same request began before.
   * @param beginKey the initiator's Idempotency-Key
   * @param traceparent W3C trace context of the request
   */
  async begin(request: BeginRequest, beginKey: string | null, traceparent: string | null): Promise<Outcome> {
    const { chance, policy, defaultTimeoutMs } = this.#given;
    const timeoutMs = request.timeoutMs ?? defaultTimeoutMs;
    const { name = null, businessKey = null } = request;
    const given = {
      type: 'begun',
      mode: request.branches ? 'declared' : 'interactive',
      name,
      businessKey,
      bodyHash: bodyHash(request),
      traceparent,
      timeoutMs,
      policy,
      branches: (request.branches ?? []).map(specOf),
    } as const;
    const unusable = await this.#unusableIn(request, timeoutMs);
    for (let attempt = 1; attempt <= BEGIN_ATTEMPTS; attempt += 1) {
      const known = beginKey === null ? null : await this.#given.store.gidOfBeginKey(beginKey);
      const gid = known ?? request.gid ?? chance.newId();
      // What stands is compared first: the same request answers the same, whatever is registered or allowed by now.
      if (unusable !== null && (await this.find(gid)) === null) return unusable;
      const answer = await this.#given.carryOut.ask(gid, {
        eventAt: (now) => ({ ...given, gid, now }),
        // Only a gid that was made just now is surely new.
        begin: { beginKey, mayExist: known !== null || request.gid !== undefined || attempt > 1 },
      });
      // The gid or the key stands already: look it up, and be compared with it.
      if (answer !== 'lost') return outcomeOf(answer);
    }
    throw new StoreUnavailable(
      'the Idempotency-Key is taken, and the transaction that has it cannot be found',
    );
  }

  async registerBranch(gid: string, request: BranchRequest): Promise<Outcome> {
    const unusable = await this.#unknownParticipant([request]);
    if (unusable !== null) return unusable;
    const branch = specOf(request);
    return this.#ask(gid, (now) => ({ type: 'branchRegistered', branch, now }));
  }

  confirm(gid: string): Promise<Outcome> {
    return this.#ask(gid, (now) => ({ type: 'confirmRequested', now }));
  }

  cancel(gid: string): Promise<Outcome> {
    return this.#ask(gid, (now) => ({ type: 'cancelRequested', now }));
  }

  /** Makes every waiting and parked branch due now, with a new budget. */
  retry(gid: string): Promise<Outcome> {
    return this.#ask(gid, (now) => ({ type: 'retryRequested', now }));
  }

  find(gid: string): Promise<Saved | null> {
    return this.#given.store.load(gid);
  }

  journalOf(gid: string): Promise<readonly JournalRow[]> {
    return this.#given.store.journalOf(gid);
  }

  /** Waits for the end, also when another replica reaches it; answers the newest state after `waitMs` at most. */
  waitForEnd(saved: Saved, waitMs: number): Promise<Saved> {
    return this.#given.waiters.wait(saved, waitMs);
  }

  async #ask(gid: string, eventAt: (now: Now) => Event): Promise<Outcome> {
    const answer = await this.#given.carryOut.ask(gid, { eventAt });
    if (answer === 'lost') throw new Error('only a begin can lose its transaction to another');
    return outcomeOf(answer);
  }

  async #unusableIn(request: BeginRequest, timeoutMs: number): Promise<Refused | null> {
    const { maxTimeoutMs } = this.#given;
    if (timeoutMs > maxTimeoutMs)
      return { accepted: false, code: 'timeout_too_long', about: `${maxTimeoutMs} ms` };
    return this.#unknownParticipant(request.branches ?? []);
  }

  async #unknownParticipant(branches: readonly BranchRequest[]): Promise<Refused | null> {
    const names = [...new Set(branches.map(({ participant }) => participant))];
    const found = await Promise.all(names.map((name) => this.#given.registry.find(name)));
    const about = names.find((_name, index) => found[index] === null);
    return about === undefined ? null : { accepted: false, code: 'unknown_participant', about };
  }
}

function outcomeOf({ verdict, saved, isChanged }: Answer): Outcome {
  if (!verdict.accepted) return verdict;
  if (saved === null) throw new Error('a request was accepted for a transaction that is not stored');
  return { accepted: true, saved, isChanged };
}

const specOf = (request: BranchRequest): BranchSpec => ({
  branchId: request.branchId,
  participant: request.participant,
  activity: request.activity,
  payload: JSON.stringify(request.payload === undefined ? {} : request.payload),
  bodyHash: bodyHash(request),
});

/** SHA-256, in hex, over a request as JSON with sorted keys: equal for requests that say the same. */
const bodyHash = (request: object): string => hash('sha256', sortedJson(request));

function sortedJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(sortedJson).join()}]`;
  const fields = Object.entries(value).filter(([, part]) => part !== undefined);
  fields.sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${fields.map(([key, part]) => `${JSON.stringify(key)}:${sortedJson(part)}`).join()}}`;
}
