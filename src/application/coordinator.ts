/**
 * What a client can ask of the coordinator, in the domain's words: one method for each request.
 *
 * Every request can be repeated and answers the truth. Nothing here knows a status: requests become events, the
 * protocol judges them, and an answer is given only after what it says is durable.
 */
import {
  DEFAULT_PATTERN,
  type Event,
  type GlobalTransaction,
  type Instant,
  type Now,
  waitingSince,
} from '../domain/index.ts';
import { type BeginParts, begin } from './begin.ts';
import type { CallGate } from './call-gate.ts';
import { complete, type CompleteRequest } from './complete.ts';
import { type KindMismatch, kindMismatchIn } from './declared-kinds.ts';
import { explanationOf } from './explanation.ts';
import { NOTE_VERSION } from './journal.ts';
import { type Outcome, outcomeOf, type Rejected } from './outcome.ts';
import {
  type JournalPage,
  type JournalRow,
  type Observer,
  Overloaded,
  type Participant,
  type ParticipantPage,
  type Registration,
  type QuarantinedTransaction,
  type Saved,
  type TransactionEnd,
  type TransactionFilter,
} from './ports.ts';
import { overMaximumIn, participantsOf, unknownIn } from './request-faults.ts';
import { type BeginRequest, type BranchRequest, specOf } from './requests.ts';
import { settledNow } from './settled-now.ts';
import { takeOverAt } from './take-over.ts';
import { type CarriedTrace, NO_TRACE } from './trace-context.ts';
import type { Waiters } from './waiters.ts';

export type { CoordinatorRejection, Outcome, Rejected } from './outcome.ts';

/** A participant's retries are looked up and begun by so many at a time. */
const RETRY_PAGE = 200;
/** After this long all replicas call a participant as it was registered last. */
const REGISTRATION_READ_MS = 1500;
const ROOM_PAUSE_MS = 500;
const ROOM_ATTEMPTS = 60;

/** What became of the removal of a participant; `gid` is one of the transactions that wait for it. */
export type Removal =
  | { readonly outcome: 'removed' | 'succeeded_by' | 'not_registered' }
  | { readonly outcome: 'in_use'; readonly gid: string };

const NO_FILTER = {
  status: null,
  isParked: null,
  attention: null,
  name: null,
  businessKey: null,
  beganAfter: null,
  before: null,
};

/** Of a registration that leaves out what another may have stored. */
const NOTHING_MORE = { secrets: [], activities: {}, maxConcurrentCalls: null, maxCallsPerSecond: null };

/** Which transactions are final, by the clock that their instants are by. */
export type Ends = {
  readonly now: Instant;
  readonly retentionMs: number;
  readonly ends: readonly TransactionEnd[];
};

export type CoordinatorParts = BeginParts & {
  readonly waiters: Waiters;
  readonly gate: CallGate;
  readonly observer: Observer;
  /** An operator has changed or retried a participant: it counts as recovered, on every replica. */
  readonly onRecovered: (participant: string) => void;
  /** The version of the journal to write now. */
  readonly journalVersion: () => number;
  /** How long a commit may take. */
  readonly commitTimeoutMs: number;
  /** How long a success that must come is waited for before an operator is to look. */
  readonly attentionAfterMs: number;
};

/** Which transactions to list, as a client says it. */
export type ListRequest = Omit<TransactionFilter, 'attention' | 'from'> & {
  readonly needsAttention: boolean | null;
};

/** `searchedTo`: the gid at which the search ended, found or not; null where nothing is left to search. */
export type Listed = {
  readonly found: readonly (GlobalTransaction | QuarantinedTransaction)[];
  readonly searchedTo: string | null;
};

export class Coordinator {
  readonly #given: CoordinatorParts;

  constructor(given: CoordinatorParts) {
    this.#given = given;
  }

  /**
   * Begins a transaction, or answers the one that the same request began before.
   * @throws Overloaded before anything is looked up, when there is no room
   * @param beginKey the initiator's Idempotency-Key
   * @param trace of the request
   */
  begin(request: BeginRequest, beginKey: string | null, trace: CarriedTrace = NO_TRACE): Promise<Outcome> {
    return begin(this.#given, request, beginKey, trace);
  }

  /** @param trace of the request */
  registerBranch(gid: string, request: BranchRequest, trace: CarriedTrace = NO_TRACE): Promise<Outcome> {
    const { branchId, participant } = request;
    const act = () => this.#registerBranch(gid, request);
    return this.#given.tracer.register({ trace, gid, branchId, participant }, act);
  }

  async #registerBranch(gid: string, request: BranchRequest): Promise<Outcome> {
    const { registry, maxPolicy } = this.#given;
    const participants = await participantsOf(registry, [request]);
    const branch = specOf(request, participants);
    const unusable =
      unknownIn(participants) ??
      overMaximumIn(request, maxPolicy) ??
      withoutPlace(kindMismatchIn(DEFAULT_PATTERN, [branch], participants));
    if (unusable !== null && !(await this.#stands(gid, request))) return unusable;
    return this.#ask(gid, (now) => ({ type: 'branchRegistered', branch, now }));
  }

  /** @param branchIds all that were tried: if others are registered, it is rejected; null when the initiator does not say */
  confirm(gid: string, branchIds: readonly string[] | null = null): Promise<Outcome> {
    return this.#ask(gid, (now) => ({ type: 'confirmRequested', branchIds, now }));
  }

  /** @param note why, for operators; it is rejected while a replica runs that does not read it */
  async cancel(gid: string, note: string | null = null): Promise<Outcome> {
    if (note === null) return this.#ask(gid, (now) => ({ type: 'cancelRequested', now }));
    if (this.#given.journalVersion() < NOTE_VERSION)
      return { accepted: false, code: 'upgrade_in_progress', about: 'note' };
    return this.#ask(gid, (now) => ({ type: 'cancelRequested', note, now }));
  }

  /** Completes an op of a branch from outside, once its call may have been sent. */
  complete(gid: string, request: CompleteRequest): Promise<Outcome> {
    return complete(this.#given, gid, request);
  }

  /** Makes every waiting and parked branch due now, with a new budget. */
  retry(gid: string): Promise<Outcome> {
    this.#given.tracer.retried(gid);
    return this.#ask(gid, (now) => ({ type: 'retryRequested', participant: null, now }));
  }

  /** The same for all branches of one participant that has recovered; answers how many transactions. */
  async retryParticipant(participant: string): Promise<number> {
    const { store, onRecovered } = this.#given;
    this.#given.gate.close(participant);
    onRecovered(participant);
    let retriedCount = 0;
    for (let after = ''; ; ) {
      const gids = await store.gidsWaitingFor(participant, after, RETRY_PAGE);
      const eventAt = (now: Now) => ({ type: 'retryRequested', participant, now }) as const;
      for (const gid of gids) this.#given.tracer.retried(gid);
      const outcomes = await Promise.all(gids.map((gid) => this.#askWhenThereIsRoom(gid, eventAt)));
      retriedCount += outcomes.filter(({ accepted }) => accepted).length;
      if (gids.length < RETRY_PAGE) return retriedCount;
      after = gids.at(-1) ?? '';
    }
  }

  /**
   * Stores a participant, or what replaces it. Its circuit is closed: what failed before says nothing of the new addresses.
   * @returns what is stored: what the registration leaves out may be that of an earlier one
   */
  async registerParticipant(
    registration: Registration,
  ): Promise<{ readonly participant: Participant; readonly isNew: boolean }> {
    const { registry, observer, time, onRecovered } = this.#given;
    const { name } = registration;
    const former = await registry.find(name);
    const { isNew } = await registry.put(registration);
    this.#given.gate.close(name);
    const stored = (await registry.find(name)) ?? { paths: {}, callTimeoutMs: null, ...registration };
    observer.participantRegistered(stored, former);
    if (former !== null && JSON.stringify(former) !== JSON.stringify(stored))
      time.after(REGISTRATION_READ_MS, () => onRecovered(name));
    return { participant: stored, isNew };
  }

  findParticipant(name: string): Promise<Participant | null> {
    return this.#given.registry.find(name);
  }

  listParticipants(page: ParticipantPage): Promise<readonly Participant[]> {
    return this.#given.registry.list(page);
  }

  /**
   * Removes a participant that nothing waits for. While something waits, its name gets the registration of the successor.
   * A begin at the same moment may still name it: its calls are answered by no one, until the name is registered again.
   * @param successor what waits is called as this one is; null for none
   */
  async removeParticipant(name: string, successor: Participant | null): Promise<Removal> {
    const { registry, observer, gate } = this.#given;
    if ((await registry.find(name)) === null) return { outcome: 'not_registered' };
    const gid = await this.#waitingFor(name);
    if (gid !== null) {
      if (successor === null) return { outcome: 'in_use', gid };
      await this.registerParticipant({ ...NOTHING_MORE, ...successor, name });
      return { outcome: 'succeeded_by' };
    }
    if (!(await registry.remove(name))) return { outcome: 'not_registered' };
    gate.close(name);
    observer.participantRemoved(name);
    return { outcome: 'removed' };
  }

  /** A transaction that waits for the participant, or would once it is released; null for none. */
  async #waitingFor(participant: string): Promise<string | null> {
    const { store } = this.#given;
    const [waiting] = await store.gidsWaitingFor(participant, '', 1);
    if (waiting !== undefined) return waiting;
    const [quarantined] = await store.list({ ...NO_FILTER, participant, isQuarantined: true, limit: 1 });
    return quarantined?.gid ?? null;
  }

  async list({ needsAttention, ...request }: ListRequest): Promise<Listed> {
    const { store } = this.#given;
    const attention =
      needsAttention === null ? null : { isNeeded: needsAttention, since: this.#attentionSince() };
    const filter = { ...request, attention };
    const searchedTo = await store.searchEnd(filter);
    const found = await store.list(searchedTo === null ? filter : { ...filter, from: searchedTo });
    return { found, searchedTo };
  }

  /** It has waited too long for a success that must come: an operator should look, whether or not it is parked. */
  needsAttention(tx: GlobalTransaction): boolean {
    const since = waitingSince(tx);
    return since !== null && since <= this.#attentionSince();
  }

  #attentionSince(): Instant {
    const { time, attentionAfterMs } = this.#given;
    return time.now().earliest - attentionAfterMs;
  }

  /**
   * Ends the quarantine of a transaction whose rows add up again, and carries it on.
   * @throws Quarantined when they still do not
   */
  async release(gid: string): Promise<Outcome> {
    const { store, active, time, commitTimeoutMs } = this.#given;
    await settledNow(time);
    const dateOf = (tx: GlobalTransaction) => takeOverAt(tx, time.now(), commitTimeoutMs);
    const saved = await store.release(gid, dateOf);
    if (saved === null) return { accepted: false, code: 'unknown_transaction' };
    active.wake(gid);
    return { accepted: true, saved, isChanged: false };
  }

  /** What the transaction waits for, since when, what happened last and what comes next, in one sentence. */
  explain(tx: GlobalTransaction): string {
    const { active, gate, time } = this.#given;
    return explanationOf(tx, {
      current: active.currentOf(tx),
      circuitOf: (participant) => gate.stateOf(participant),
      now: time.now().earliest,
    });
  }

  find(gid: string): Promise<Saved | null> {
    return this.#given.store.load(gid);
  }

  journalOf(gid: string, page?: JournalPage): Promise<readonly JournalRow[]> {
    return this.#given.store.journalOf(gid, page);
  }

  /** Which of these are over for good; those that the store does not have are left out. */
  async endsOf(gids: readonly string[]): Promise<Ends> {
    const { store, retentionMs } = this.#given;
    const { earliest: now } = await settledNow(this.#given.time);
    return { now, retentionMs, ends: await store.findEnds(gids) };
  }

  /** Waits for the end, also when another replica reaches it; answers the newest state after `waitMs` at most. */
  waitForEnd(saved: Saved, waitMs: number): Promise<Saved> {
    return this.#given.waiters.wait(saved, waitMs);
  }

  /** For a request that asks for many: what finds no room now finds some soon, since what was asked before ends. */
  async #askWhenThereIsRoom(gid: string, eventAt: (now: Now) => Event): Promise<Outcome> {
    const { time } = this.#given;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#ask(gid, eventAt);
      } catch (error) {
        if (!(error instanceof Overloaded) || attempt === ROOM_ATTEMPTS) throw error;
        await new Promise<void>((resolve) => time.after(ROOM_PAUSE_MS, resolve));
      }
    }
  }

  async #ask(gid: string, eventAt: (now: Now) => Event): Promise<Outcome> {
    const answer = await this.#given.active.ask(gid, { eventAt });
    if (answer === 'lost') throw new Error('only a begin can lose its transaction to another');
    return outcomeOf(answer);
  }

  /** Whether the branch is registered already: what time and settings can change is then not asked again. */
  async #stands(gid: string, { branchId }: BranchRequest): Promise<boolean> {
    const known = await this.find(gid);
    return known?.tx.branches.some((branch) => branch.branchId === branchId) ?? true;
  }
}

/** The request is one branch: there is no list that a pointer could lead into. */
const withoutPlace = (mismatch: KindMismatch | null): Rejected | null =>
  mismatch && { accepted: false, code: mismatch.code, about: mismatch.about };
