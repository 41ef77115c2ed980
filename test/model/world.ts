/**
 * One world of the exploration: everything that can differ between two moments of one transaction's life.
 *
 * Worlds are immutable. The transaction inside is the real value that `src/domain` made; all around it is the
 * least that can go wrong with it: two replicas, the messages in flight, the participants, an initiator, and
 * what is left of each fault budget.
 */
import type { Now, Op } from '../../src/domain/global-transaction.ts';
import type { Ask, StoredTransaction, Stage } from './ledger.ts';
import { NO_RECORDS, type Participant } from './participant.ts';

/** What is asked of a participant with its branch. */
export type BranchOp = Exclude<Op, 'notify'>;
export const BRANCH_OPS: readonly BranchOp[] = ['try', 'confirm', 'cancel', 'action', 'compensate'];

/** Before the deadline, astride it (nobody can tell which side), after it, and once what is parked is due. */
export type Time = 0 | 1 | 2 | 3;

export const TIMEOUT_MS = 100;
const HOURS_LATER = 2 * 3_600_000;

/** Outside the doubtful moment the clock is exact, so that what is due at once is due in the same world. */
const MOMENTS: readonly Now[] = [
  { earliest: 0, latest: 0 },
  { earliest: TIMEOUT_MS - 1, latest: TIMEOUT_MS + 1 },
  { earliest: TIMEOUT_MS * 2, latest: TIMEOUT_MS * 2 },
  { earliest: HOURS_LATER, latest: HOURS_LATER },
];
export const nowAt = (time: Time): Now => at(MOMENTS, time);

/** A call that its sender still waits for. A status is a reply on its way back; a lost one can only time out. */
export type Call = {
  readonly op: BranchOp;
  readonly stage: Stage;
  /** Of its branch, by the state that it was sent from. */
  readonly lateSuccessCount: number;
};

/** A save that was computed, and then its replica stalled: it reaches the store whenever it likes. */
export type Held = {
  readonly base: StoredTransaction;
  readonly saving: StoredTransaction;
  readonly ask: Ask;
};

export type Replica = {
  /** The last durable state it knows; null when it drives nothing. */
  readonly known: StoredTransaction | null;
  /** By branch: at most one outstanding call each. */
  readonly calls: readonly (Call | null)[];
  readonly held: Held | null;
  /** Late successes that changed nothing of the older state it knows: it hears them again of a newer one. */
  readonly kept: readonly Ask[];
};

/**
 * Requests whose sender waits no more: timed out, crashed, or the copy of a duplicate. They may still arrive. Of
 * two that are alike the second changes nothing once the first arrived, so they count as one.
 */
export type Strays = { readonly [op in BranchOp]: boolean };

/** What the initiator of an interactive transaction knows of a branch. */
export type Registered = 'no' | 'yes' | 'tried' | 'refused';

export type Initiator = {
  readonly branches: readonly Registered[];
  readonly calls: readonly (Call | null)[];
};

/** How often each thing may still go wrong, or a person may still interfere. The deadline may pass in every world. */
export type Budget = {
  /** A request or a reply vanishes. */
  readonly losses: number;
  /** A request arrives twice. */
  readonly duplicates: number;
  /** A request arrives after its sender's time-out. */
  readonly lateDeliveries: number;
  /** A replica stands still, another takes over, and the first acts later on what it knew. */
  readonly stalls: number;
  readonly crashes: number;
  /** Tries, or actions up to the pivot. */
  readonly refusedTries: number;
  /** A 503 although the work was done, or a 404 that did nothing; after the pivot a 409 as well. */
  readonly brokenAnswers: number;
  /** A participant takes a request on, answers 202, and does the work later. */
  readonly acceptances: number;
  /** A person retries what is parked. */
  readonly retries: number;
};

export type World = {
  readonly time: Time;
  /** The newest row of the journal. */
  readonly durable: StoredTransaction | null;
  /** The driver, and the one that it took over from. */
  readonly replicas: readonly [Replica, Replica];
  readonly participants: readonly Participant[];
  readonly strays: readonly Strays[];
  readonly initiator: Initiator;
  /** Of a saga that is cancelled, by step: it may have run, by what was durable as the cancel became so; else null. */
  readonly ran: readonly boolean[] | null;
  readonly left: Budget;
};

export const NO_STRAYS: Strays = {
  try: false,
  confirm: false,
  cancel: false,
  action: false,
  compensate: false,
};

export function firstWorld(branchCount: number, budget: Budget): World {
  const each = <T>(value: T): readonly T[] => Array.from({ length: branchCount }, () => value);
  const idle = idleReplica(branchCount);
  return {
    time: 0,
    durable: null,
    replicas: [idle, idle],
    participants: each(NO_RECORDS),
    strays: each(NO_STRAYS),
    initiator: { branches: each('no'), calls: each(null) },
    ran: null,
    left: budget,
  };
}

export const DRIVER = 0;
export const STRAGGLER = 1;

export const idleReplica = (branchCount: number): Replica => ({
  known: null,
  calls: Array.from({ length: branchCount }, () => null),
  held: null,
  kept: [],
});

export const isIdle = ({ known, calls, held }: Replica): boolean =>
  known === null && held === null && calls.every((call) => call === null);

// ── Pieces ───────────────────────────────────────────────────────────────────────────────────────────────────

/** An index that is there by construction. */
export function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new Error(`nothing stands at ${index}`);
  return item;
}

export function put<T>(list: readonly T[], index: number, item: T): readonly T[] {
  const copy = list.slice();
  copy[index] = item;
  return copy;
}

export function withReplica(world: World, r: number, change: Partial<Replica>): World {
  const [first, second] = world.replicas;
  const replicas: [Replica, Replica] =
    r === 0 ? [{ ...first, ...change }, second] : [first, { ...second, ...change }];
  return { ...world, replicas };
}

export const spend = (world: World, fault: keyof Budget): World => ({
  ...world,
  left: { ...world.left, [fault]: world.left[fault] - 1 },
});

export function withStray(world: World, b: number, { op }: Pick<Call, 'op'>): World {
  const strays = at(world.strays, b);
  return { ...world, strays: put(world.strays, b, { ...strays, [op]: true }) };
}
