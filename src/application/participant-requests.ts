/** What a client can ask about participants: their registration, its removal, and a retry of all that waits for one. */
import type { Event, Now } from '../domain/index.ts';
import type { CallGate } from './call-gate.ts';
import type { Outcome } from './outcome.ts';
import {
  type Observer,
  Overloaded,
  type Participant,
  type ParticipantRegistry,
  type Registration,
  type Time,
  type TransactionStore,
} from './ports.ts';
import type { Tracer } from './tracing.ts';

export type ParticipantParts = {
  readonly store: TransactionStore;
  readonly registry: ParticipantRegistry;
  readonly time: Time;
  readonly tracer: Tracer;
  readonly gate: CallGate;
  readonly observer: Observer;
  /** An operator has changed or retried a participant: it counts as recovered, on every replica. */
  readonly onRecovered: (participant: string) => void;
};

export type Registered = { readonly participant: Participant; readonly isNew: boolean };

/** What became of the removal of a participant; `gid` is one of the transactions that wait for it. */
export type Removal =
  | { readonly outcome: 'removed' | 'succeeded_by' | 'not_registered' }
  | { readonly outcome: 'in_use'; readonly gid: string };

/** After this long all replicas call a participant as it was registered last. */
const REGISTRATION_READ_MS = 1500;

/**
 * Stores a participant, or what replaces it. Its circuit is closed: what failed before says nothing of the new addresses.
 * @returns what is stored: what the registration leaves out may be that of an earlier one
 */
export async function registerParticipant(
  { registry, observer, gate, time, onRecovered }: ParticipantParts,
  registration: Registration,
): Promise<Registered> {
  const { name } = registration;
  const former = await registry.find(name);
  const { isNew } = await registry.put(registration);
  gate.close(name);
  const stored = (await registry.find(name)) ?? { paths: {}, callTimeoutMs: null, ...registration };
  observer.participantRegistered(stored, former);
  if (former !== null && JSON.stringify(former) !== JSON.stringify(stored))
    time.after(REGISTRATION_READ_MS, () => onRecovered(name));
  return { participant: stored, isNew };
}

// ── Removal ──────────────────────────────────────────────────────────────────────────────────────────────────

/** A begin at the same moment may still name it: its calls are answered by no one, until the name is registered again. */
export async function removeParticipant(
  parts: ParticipantParts,
  name: string,
  successor: Participant | null,
): Promise<Removal> {
  const { store, registry, observer, gate } = parts;
  if ((await registry.find(name)) === null) return { outcome: 'not_registered' };
  const gid = await waitingFor(store, name);
  if (gid !== null) {
    if (successor === null) return { outcome: 'in_use', gid };
    await registerParticipant(parts, { ...NOTHING_MORE, ...successor, name });
    return { outcome: 'succeeded_by' };
  }
  if (!(await registry.remove(name))) return { outcome: 'not_registered' };
  gate.close(name);
  observer.participantRemoved(name);
  return { outcome: 'removed' };
}

/** Of a registration that leaves out what another may have stored. */
const NOTHING_MORE = { secrets: [], activities: {}, maxConcurrentCalls: null, maxCallsPerSecond: null };

const NO_FILTER = {
  status: null,
  isParked: null,
  attention: null,
  name: null,
  businessKey: null,
  beganAfter: null,
  before: null,
};

/** A transaction that waits for the participant, or would once it is released; null for none. */
async function waitingFor(store: TransactionStore, participant: string): Promise<string | null> {
  const [waiting] = await store.gidsWaitingFor(participant, '', 1);
  if (waiting !== undefined) return waiting;
  const [quarantined] = await store.list({ ...NO_FILTER, participant, isQuarantined: true, limit: 1 });
  return quarantined?.gid ?? null;
}

// ── Retry ────────────────────────────────────────────────────────────────────────────────────────────────────

/** Retries are looked up and begun by so many at a time. */
const RETRY_PAGE = 200;
const ROOM_PAUSE_MS = 500;
const ROOM_ATTEMPTS = 60;

type Ask = (gid: string, eventAt: (now: Now) => Event) => Promise<Outcome>;

/** @returns how many transactions were retried */
export async function retryParticipant(
  { store, gate, time, tracer, onRecovered }: ParticipantParts,
  participant: string,
  ask: Ask,
): Promise<number> {
  gate.close(participant);
  onRecovered(participant);
  const eventAt = (now: Now) => ({ type: 'retryRequested', participant, now }) as const;
  let retriedCount = 0;
  for (let after = ''; ; ) {
    const gids = await store.gidsWaitingFor(participant, after, RETRY_PAGE);
    for (const gid of gids) tracer.retried(gid);
    const outcomes = await Promise.all(gids.map((gid) => whenThereIsRoom(time, () => ask(gid, eventAt))));
    retriedCount += outcomes.filter(({ accepted }) => accepted).length;
    if (gids.length < RETRY_PAGE) return retriedCount;
    after = gids.at(-1) ?? '';
  }
}

/** For a request that asks for many: what finds no room now finds some soon, since what was asked before ends. */
async function whenThereIsRoom(time: Time, ask: () => Promise<Outcome>): Promise<Outcome> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Overloaded) || attempt === ROOM_ATTEMPTS) throw error;
      await new Promise<void>((resolve) => time.after(ROOM_PAUSE_MS, resolve));
    }
  }
}
