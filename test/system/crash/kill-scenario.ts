/** What a transaction of a round does, its state when its coordinator is killed, and how it must end. */
import type { Decision, Status } from '../../../src/domain/index.ts';
import type { WorkRecord } from './participant-records.ts';
import type { BranchId, TransactionShape } from './transaction-shapes.ts';
import type { Initiator } from './initiator.ts';
import type { Script } from './participants.ts';

/** One transaction of a round. */
export type KillScenario = {
  readonly title: string;
  /** A tcc when absent. */
  readonly shape?: TransactionShape;
  /** The branch that its participant refuses. */
  readonly refused?: BranchId;
  readonly timeoutMs?: number;
  readonly script: Script;
  /** What its initiator does in the life that ends. */
  readonly before: (initiator: Initiator) => Promise<void>;
  /** `before` is still under way when the process dies. */
  readonly isUnanswered?: true;
  /** What its initiator requests while nothing can be saved. It gets no answer, and may repeat the request later. */
  readonly askedInCommit?: (initiator: Initiator) => Promise<void>;
  /** What its initiator does with the next coordinator; nothing when absent. */
  readonly after?: (initiator: Initiator) => Promise<void>;
  readonly atDeath: StateAtDeath;
  readonly ends: 'confirmed' | 'cancelled';
  /** It waits for its deadline, through later rounds and other deaths. */
  readonly isLong?: true;
};

/** How many of its calls are held at gates when the process dies. */
export const heldCountOf = ({ script }: KillScenario): number => Object.keys(script).length;

/**
 * What must be durable of a reply when the process dies. How many journal rows hold the replies depends on time, and is
 * not stated.
 * - `succeeded`, `refused`: the next step depends on it.
 * - `answered`: it succeeded while a sibling was held. It is durable only if something else had to be saved since, such
 *   as a call that was given up on a slow machine.
 * - null: its answer was never given, so it is not settled.
 */
export type DurableReply = 'succeeded' | 'refused' | 'answered' | null;

/**
 * What the database and the participants show of a transaction whose coordinator is dead; lists are in the order of the
 * branches.
 */
export type StateAtDeath = {
  readonly status: Status;
  readonly decision: Decision | null;
  /** Of the phases one and two; empty where no branch is registered. */
  readonly one: readonly DurableReply[];
  readonly two: readonly DurableReply[];
  readonly records: readonly WorkRecord[];
};

export type KillPoint = { readonly title: string; readonly scenarios: readonly KillScenario[] };
