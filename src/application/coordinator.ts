/**
 * What a client can ask of the coordinator, in the domain's words: one method for each request.
 *
 * Every request can be repeated and answers the truth. Nothing here knows a status: requests become events, the
 * protocol judges them, and an answer is given only after what it says is durable.
 */
import { type PlanFault, planOf } from '../definition/plan.ts';
import {
  type CallPolicy,
  DEFAULT_PATTERN,
  type Event,
  type GlobalTransaction,
  type Instant,
  type Now,
  type Rejection,
  transition,
  waitingSince,
  withOwn,
} from '../domain/index.ts';
import { isAddress } from './allowed-addresses.ts';
import type { CallGate } from './call-gate.ts';
import type { CarryOut } from './carry-out.ts';
import type { Answer } from './drive.ts';
import { type KindMismatch, kindMismatchIn } from './declared-kinds.ts';
import { explanationOf } from './explanation.ts';
import { gidAgeFault } from './gid-age.ts';
import { NOTE_VERSION } from './journal.ts';
import {
  type Chance,
  type JournalRow,
  type Observer,
  Overloaded,
  type Participant,
  type ParticipantRegistry,
  type Saved,
  StoreUnavailable,
  type Time,
  type TransactionEnd,
  type TransactionFilter,
  type TransactionStore,
} from './ports.ts';
import {
  type BeginRequest,
  type BranchRequest,
  bodyHash,
  callbackOf,
  type MaxPolicy,
  overMaximum,
  askedOf,
  ownPolicyOf,
  type Participants,
  type PolicyRequest,
  specOf,
} from './requests.ts';
import { type BaggageMemory, type CarriedTrace, NO_TRACE } from './trace-context.ts';
import type { Tracer } from './tracing.ts';
import type { Waiters } from './waiters.ts';

/** A begin that loses its gid or key looks it up and is compared; twice is enough, more is for odd races. */
const BEGIN_ATTEMPTS = 5;

/** A participant's retries are looked up and begun by so many at a time. */
const RETRY_PAGE = 200;
const ROOM_PAUSE_MS = 500;
const ROOM_ATTEMPTS = 60;

/** Why a request was rejected: the protocol's reasons, and those that only the coordinator can know. */
export type CoordinatorRejection =
  | Rejection
  | PlanFault
  | 'unknown_participant'
  | 'kind_mismatch'
  | 'address_not_allowed'
  | 'timeout_too_long'
  | 'setting_over_maximum'
  | 'gid_too_old'
  | 'gid_in_future'
  | 'upgrade_in_progress';

/** Which transactions are final, by the clock that their instants are by. */
export type Ends = {
  readonly now: Instant;
  readonly retentionMs: number;
  readonly ends: readonly TransactionEnd[];
};

/** `about` names what the rejection is about, where that is not the transaction. */
export type Rejected = {
  readonly accepted: false;
  readonly code: CoordinatorRejection;
  readonly about?: string;
  /** What is at fault, as a JSON pointer into the list of branches. */
  readonly place?: string;
};

export type Outcome =
  | { readonly accepted: true; readonly saved: Saved; readonly isChanged: boolean }
  | Rejected;

export type CoordinatorParts = {
  readonly carryOut: CarryOut;
  readonly store: TransactionStore;
  readonly registry: ParticipantRegistry;
  readonly waiters: Waiters;
  readonly gate: CallGate;
  readonly observer: Observer;
  readonly time: Time;
  readonly chance: Chance;
  readonly tracer: Tracer;
  readonly baggage: BaggageMemory;
  /** The version of the journal to write now. */
  readonly journalVersion: () => number;
  readonly policy: CallPolicy;
  readonly maxPolicy: MaxPolicy;
  readonly defaultTimeoutMs: number;
  readonly maxTimeoutMs: number;
  /** How long finished transactions are kept. */
  readonly retentionMs: number;
  /** How long a success that must come is waited for before an operator is to look. */
  readonly attentionAfterMs: number;
};

/** Which transactions to list, as a client says it. */
export type ListRequest = Omit<TransactionFilter, 'attention'> & { readonly needsAttention: boolean | null };

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
    const { name = null, pattern = DEFAULT_PATTERN } = request;
    return this.#given.tracer.begin(
      { trace, name, pattern },
      (stored) => this.#begin(request, beginKey, { ...stored, baggage: trace.baggage }),
      (outcome) => (outcome.accepted ? outcome.saved.tx.gid : null),
    );
  }

  async #begin(
    request: BeginRequest,
    beginKey: string | null,
    { traceparent, tracestate, baggage }: CarriedTrace,
  ): Promise<Outcome> {
    const { carryOut, chance, policy, defaultTimeoutMs } = this.#given;
    carryOut.checkRoomToBegin();
    const timeoutMs = request.timeoutMs ?? defaultTimeoutMs;
    const { pattern = DEFAULT_PATTERN, name = null, businessKey = null } = request;
    const asked = request.branches ?? [];
    const called = request.callback === undefined ? asked : [...asked, request.callback];
    const participants = await this.#participantsOf(called);
    const given = {
      type: 'begun',
      pattern,
      mode: request.branches ? 'declared' : 'interactive',
      name,
      businessKey,
      bodyHash: bodyHash(request),
      traceparent,
      tracestate,
      timeoutMs,
      policy: withOwn(policy, ownPolicyOf(request) ?? {}),
      callback: callbackOf(request.callback, participants),
    } as const;
    const plan = planOf(
      pattern,
      asked.map((branch) => askedOf(branch, participants)),
    );
    const branches = 'code' in plan ? [] : plan;
    const planRejected = 'code' in plan ? ({ accepted: false, ...plan } as const) : null;
    const unusable =
      this.#unusableIn(request, timeoutMs, participants) ??
      planRejected ??
      kindMismatchIn(pattern, branches, participants);
    for (let attempt = 1; attempt <= BEGIN_ATTEMPTS; attempt += 1) {
      const known = beginKey === null ? null : await this.#given.store.gidOfBeginKey(beginKey);
      const gid = known ?? request.gid ?? chance.newId();
      const eventAt = (now: Now) => ({ ...given, branches, gid, now });
      const isMadeNow = known === null && request.gid === undefined;
      const ageFault = isMadeNow ? null : await this.#ageFaultOf(gid);
      const rejected = ageFault ?? unusable;
      if (rejected !== null) {
        // What stands is compared first: the same request answers the same, whatever is registered or allowed by now.
        const saved = await this.find(gid);
        if (saved !== null) {
          const outcome = naming(gid, await this.#compared(saved, eventAt));
          if (await this.#isBound(outcome, beginKey, known)) return outcome;
          continue;
        }
        // Between the two looks the transaction was removed, and its key with it.
        if (ageFault !== null && known !== null) continue;
        return rejected;
      }
      this.#given.baggage.remember(gid, baggage, this.#given.time.now().latest);
      const answer = await carryOut.ask(gid, {
        eventAt,
        // Only a gid that was made just now is surely new.
        begin: { beginKey, mayExist: !isMadeNow || attempt > 1 },
      });
      // The gid or the key stands already: look it up, and be compared with it.
      if (answer === 'lost') continue;
      const outcome = naming(gid, outcomeOf(answer));
      if (await this.#isBound(outcome, beginKey, known)) return outcome;
    }
    throw new StoreUnavailable(
      'the Idempotency-Key is taken, and the transaction that has it cannot be found',
    );
  }

  /** @param trace of the request */
  registerBranch(gid: string, request: BranchRequest, trace: CarriedTrace = NO_TRACE): Promise<Outcome> {
    const { branchId, participant } = request;
    const act = () => this.#registerBranch(gid, request);
    return this.#given.tracer.register({ trace, gid, branchId, participant }, act);
  }

  async #registerBranch(gid: string, request: BranchRequest): Promise<Outcome> {
    const participants = await this.#participantsOf([request]);
    const branch = specOf(request, participants);
    const unusable =
      unknownIn(participants) ??
      this.#overMaximum(request) ??
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

  /** Makes every waiting and parked branch due now, with a new budget. */
  retry(gid: string): Promise<Outcome> {
    this.#given.tracer.retried(gid);
    return this.#ask(gid, (now) => ({ type: 'retryRequested', participant: null, now }));
  }

  /** The same for all branches of one participant, which is said to be well again; answers how many transactions. */
  async retryParticipant(participant: string): Promise<number> {
    const { store } = this.#given;
    this.forgive(participant);
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

  /** It was mended, or said to be well: what it failed before says nothing of it any more. */
  forgive(participant: string): void {
    this.#given.gate.close(participant);
  }

  /**
   * Stores a participant, or what replaces it. Its circuit is closed: what failed before says nothing of the new addresses.
   * @returns what is stored: secrets and activities may be those of an earlier registration
   */
  async registerParticipant(
    participant: Participant,
  ): Promise<{ readonly participant: Participant; readonly isNew: boolean }> {
    const { registry, observer } = this.#given;
    const { name } = participant;
    const former = await registry.find(name);
    const { isNew } = await registry.put(participant);
    observer.participantRegistered(participant, former);
    this.forgive(name);
    return { participant: (await registry.find(name)) ?? participant, isNew };
  }

  findParticipant(name: string): Promise<Participant | null> {
    return this.#given.registry.find(name);
  }

  listParticipants(): Promise<readonly Participant[]> {
    return this.#given.registry.list();
  }

  list({ needsAttention, ...filter }: ListRequest): Promise<readonly GlobalTransaction[]> {
    const attention =
      needsAttention === null ? null : { isNeeded: needsAttention, since: this.#attentionSince() };
    return this.#given.store.list({ ...filter, attention });
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

  /** What the transaction waits for, since when, what happened last and what comes next, in one sentence. */
  explain(tx: GlobalTransaction): string {
    const { carryOut, gate, time } = this.#given;
    return explanationOf(tx, {
      current: carryOut.currentOf(tx),
      circuitOf: (participant) => gate.stateOf(participant),
      now: time.now().earliest,
    });
  }

  find(gid: string): Promise<Saved | null> {
    return this.#given.store.load(gid);
  }

  journalOf(gid: string): Promise<readonly JournalRow[]> {
    return this.#given.store.journalOf(gid);
  }

  /** Which of these are over for good; those that the store does not have are left out. */
  async endsOf(gids: readonly string[]): Promise<Ends> {
    const { store, retentionMs } = this.#given;
    const { earliest: now } = await this.#settledNow();
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
    const answer = await this.#given.carryOut.ask(gid, { eventAt });
    if (answer === 'lost') throw new Error('only a begin can lose its transaction to another');
    return outcomeOf(answer);
  }

  async #settledNow(): Promise<Now> {
    const { time } = this.#given;
    const settling = time.settle();
    if (settling !== null) await settling;
    return time.now();
  }

  /** Judges without a chance to begin: what was found may be removed at any time, and must not be begun again. */
  async #compared(saved: Saved, eventAt: (now: Now) => Event): Promise<Outcome> {
    const verdict = transition(saved.tx, eventAt(await this.#settledNow()));
    return outcomeOf({ verdict, saved, isChanged: false });
  }

  /**
   * One key, one transaction: a key that came with a gid that stood without it is bound before the answer. False when it is
   * another transaction's by now, or this one was removed: then it is looked up, and compared, anew.
   */
  async #isBound(outcome: Outcome, beginKey: string | null, known: string | null): Promise<boolean> {
    if (!outcome.accepted || outcome.isChanged || beginKey === null || known !== null) return true;
    const { gid } = outcome.saved.tx;
    return (await this.#given.store.bindBeginKey(beginKey, gid)) === gid;
  }

  async #ageFaultOf(gid: string): Promise<Rejected | null> {
    const fault = gidAgeFault(gid, await this.#settledNow(), this.#given.retentionMs);
    return fault && { accepted: false, code: fault.code, about: new Date(fault.limitAt).toISOString() };
  }

  #unusableIn(request: BeginRequest, timeoutMs: number, participants: Participants): Rejected | null {
    const { maxTimeoutMs } = this.#given;
    if (timeoutMs > maxTimeoutMs)
      return { accepted: false, code: 'timeout_too_long', about: `${maxTimeoutMs} ms` };
    const overMaxima = [request, ...(request.branches ?? [])].map((asked) => this.#overMaximum(asked));
    return overMaxima.find((rejected) => rejected !== null) ?? unknownIn(participants);
  }

  #overMaximum(asked: PolicyRequest): Rejected | null {
    const about = overMaximum(asked, this.#given.maxPolicy);
    return about === null ? null : { accepted: false, code: 'setting_over_maximum', about };
  }

  /** Whether the branch is registered already: what time and settings can change is then not asked again. */
  async #stands(gid: string, { branchId }: BranchRequest): Promise<boolean> {
    const known = await this.find(gid);
    return known?.tx.branches.some((branch) => branch.branchId === branchId) ?? true;
  }

  async #participantsOf(called: readonly { participant: string }[]): Promise<Participants> {
    const names = [...new Set(called.map(({ participant }) => participant))];
    const find = async (name: string) => [name, await this.#given.registry.find(name)] as const;
    return new Map(await Promise.all(names.map(find)));
  }
}

function unknownIn(participants: Participants): Rejected | null {
  const [about] = [...participants].find(([, found]) => found === null) ?? [];
  if (about === undefined) return null;
  return { accepted: false, code: isAddress(about) ? 'address_not_allowed' : 'unknown_participant', about };
}

/** The request is one branch: there is no list that a pointer could lead into. */
const withoutPlace = (mismatch: KindMismatch | null): Rejected | null =>
  mismatch && { accepted: false, code: mismatch.code, about: mismatch.about };

/** Who sent another request with a key that is taken may not know whose it is. */
const naming = (gid: string, outcome: Outcome): Outcome =>
  !outcome.accepted && outcome.code === 'transaction_differs' ? { ...outcome, about: gid } : outcome;

function outcomeOf({ verdict, saved, isChanged }: Answer): Outcome {
  if (!verdict.accepted) return { accepted: false, code: verdict.code };
  if (saved === null) throw new Error('a request was accepted for a transaction that is not stored');
  return { accepted: true, saved, isChanged };
}
