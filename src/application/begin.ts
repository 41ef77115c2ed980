/**
 * Begins a transaction, or answers the one that the same request began before.
 *
 * - What is stored is compared before anything that time and settings can change: the same request gets the same answer,
 *   whatever is registered or allowed by now.
 * - A begin whose gid or Idempotency-Key another one took looks that one up and is compared with it.
 * - One key, one transaction: a key that came with a gid that was stored without it is bound before the answer.
 */
import { planOf } from '../definition/plan.ts';
import {
  type Begun,
  type CallPolicy,
  DEFAULT_PATTERN,
  type Event,
  type Now,
  transition,
  withOwn,
} from '../domain/index.ts';
import type { ActiveTransactions } from './active-transactions.ts';
import { kindMismatchIn } from './declared-kinds.ts';
import { gidAgeFault } from './gid-age.ts';
import { type Outcome, outcomeOf, type Rejected } from './outcome.ts';
import {
  type Chance,
  type ParticipantRegistry,
  Quarantined,
  type Saved,
  StoreUnavailable,
  type Time,
  type TransactionStore,
} from './ports.ts';
import { overMaximumIn, participantsOf, unknownIn } from './request-faults.ts';
import {
  requestedBranchOf,
  type BeginRequest,
  bodyHash,
  callbackOf,
  type MaxPolicy,
  ownPolicyOf,
  type Participants,
} from './requests.ts';
import { settledNow } from './settled-now.ts';
import type { BaggageMemory, CarriedTrace } from './trace-context.ts';
import type { Tracer } from './tracing.ts';

/** A begin that loses its gid or key looks it up and is compared; twice is enough, more is for odd races. */
const BEGIN_ATTEMPTS = 5;

export type BeginParts = {
  readonly active: ActiveTransactions;
  readonly store: TransactionStore;
  readonly registry: ParticipantRegistry;
  readonly time: Time;
  readonly chance: Chance;
  readonly tracer: Tracer;
  readonly baggage: BaggageMemory;
  readonly policy: CallPolicy;
  readonly maxPolicy: MaxPolicy;
  readonly defaultTimeoutMs: number;
  readonly maxTimeoutMs: number;
  /** How long finished transactions are kept. */
  readonly retentionMs: number;
};

/** What a request says that it begins, but for the gid and the moment, and what makes it unusable; null for nothing. */
type Definition = {
  readonly begun: Omit<Begun, 'gid' | 'now'>;
  readonly fault: Rejected | null;
};

/** @throws Overloaded before anything is looked up, when there is no room */
export function begin(
  parts: BeginParts,
  request: BeginRequest,
  beginKey: string | null,
  trace: CarriedTrace,
): Promise<Outcome> {
  const { name = null, pattern = DEFAULT_PATTERN } = request;
  return parts.tracer.begin(
    { trace, name, pattern },
    (stored) => beginOrCompare(parts, request, beginKey, { ...stored, baggage: trace.baggage }),
    (outcome) => (outcome.accepted ? outcome.saved.tx.gid : null),
  );
}

async function beginOrCompare(
  parts: BeginParts,
  request: BeginRequest,
  beginKey: string | null,
  trace: CarriedTrace,
): Promise<Outcome> {
  parts.active.checkRoomToBegin();
  const definition = await definitionOf(parts, request, trace);
  for (let attempt = 1; attempt <= BEGIN_ATTEMPTS; attempt += 1) {
    const known = beginKey === null ? null : await parts.store.gidOfBeginKey(beginKey);
    const gid = known ?? request.gid ?? parts.chance.newId();
    const isMadeNow = known === null && request.gid === undefined;
    // Only a gid that was made just now is surely new.
    const mayExist = !isMadeNow || attempt > 1;
    const ageFault = isMadeNow ? null : await ageFaultOf(parts, gid);
    const eventAt = (now: Now): Event => ({ ...definition.begun, gid, now });
    const fault = ageFault ?? definition.fault;
    let outcome: Outcome | 'lost';
    if (fault !== null) {
      const saved = await parts.store.load(gid);
      if (saved !== null) outcome = await compared(parts, saved, eventAt);
      // Between the two look-ups the transaction was removed, and its key with it.
      else if (ageFault !== null && known !== null) continue;
      else return fault;
    } else {
      parts.baggage.remember(gid, trace.baggage, parts.time.now().latest);
      const answer = await parts.active.ask(gid, { eventAt, begin: { beginKey, mayExist } });
      outcome = answer === 'lost' ? answer : outcomeOf(answer);
    }
    if (outcome !== 'lost' && (await isBound(parts, outcome, beginKey, known))) return naming(gid, outcome);
  }
  await checkRestored(parts, request.gid ?? null);
  throw new StoreUnavailable('the Idempotency-Key is taken, and the transaction that has it cannot be found');
}

/** @throws Quarantined when the gid has a journal and no row: half a restore */
async function checkRestored({ store }: BeginParts, gid: string | null): Promise<void> {
  if (
    gid === null ||
    (await store.load(gid)) !== null ||
    (await store.journalOf(gid, { after: 0, limit: 1 })).length === 0
  )
    return;
  throw new Quarantined({ gid, fault: 'it has a journal, and its row in global_transaction is missing' });
}

async function definitionOf(
  parts: BeginParts,
  request: BeginRequest,
  { traceparent, tracestate }: CarriedTrace,
): Promise<Definition> {
  const { pattern = DEFAULT_PATTERN, name = null, businessKey = null } = request;
  const { timeoutMs = parts.defaultTimeoutMs } = request;
  const requested = request.branches ?? [];
  const called = request.callback === undefined ? requested : [...requested, request.callback];
  const participants = await participantsOf(parts.registry, called);
  const plan = planOf(
    pattern,
    requested.map((branch) => requestedBranchOf(branch, participants)),
  );
  const branches = 'code' in plan ? [] : plan;
  const planFault = 'code' in plan ? ({ accepted: false, ...plan } as const) : null;
  const settingsFault = settingsFaultIn(parts, request, timeoutMs, participants);
  return {
    begun: {
      type: 'begun',
      pattern,
      mode: request.branches ? 'declared' : 'interactive',
      name,
      businessKey,
      bodyHash: bodyHash(request),
      traceparent,
      tracestate,
      timeoutMs,
      policy: withOwn(parts.policy, ownPolicyOf(request) ?? {}),
      callback: callbackOf(request.callback, participants),
      branches,
    },
    fault: settingsFault ?? planFault ?? kindMismatchIn(pattern, branches, participants),
  };
}

function settingsFaultIn(
  { maxTimeoutMs, maxPolicy }: BeginParts,
  request: BeginRequest,
  timeoutMs: number,
  participants: Participants,
): Rejected | null {
  if (timeoutMs > maxTimeoutMs)
    return { accepted: false, code: 'timeout_too_long', about: `${maxTimeoutMs} ms` };
  const overMaxima = [request, ...(request.branches ?? [])].map((part) => overMaximumIn(part, maxPolicy));
  return overMaxima.find((rejected) => rejected !== null) ?? unknownIn(participants);
}

async function ageFaultOf({ time, retentionMs }: BeginParts, gid: string): Promise<Rejected | null> {
  const fault = gidAgeFault(gid, await settledNow(time), retentionMs);
  return fault && { accepted: false, code: fault.code, about: new Date(fault.limitAt).toISOString() };
}

/** Judges without a chance to begin: what was found may be removed at any time, and must not be begun again. */
async function compared({ time }: BeginParts, saved: Saved, eventAt: (now: Now) => Event): Promise<Outcome> {
  const verdict = transition(saved.tx, eventAt(await settledNow(time)));
  return outcomeOf({ verdict, saved, isChanged: false });
}

/** False when the key is another transaction's by now, or this one was removed: then it is looked up and compared anew. */
async function isBound(
  { store }: BeginParts,
  outcome: Outcome,
  beginKey: string | null,
  known: string | null,
): Promise<boolean> {
  if (!outcome.accepted || outcome.isChanged || beginKey === null || known !== null) return true;
  const { gid } = outcome.saved.tx;
  return (await store.bindBeginKey(beginKey, gid)) === gid;
}

/** Who sent another request with a key that is taken may not know whose it is. */
const naming = (gid: string, outcome: Outcome): Outcome =>
  !outcome.accepted && outcome.code === 'transaction_differs' ? { ...outcome, about: gid } : outcome;
