/**
 * The end of a transaction, and whether it is what it should be: what the test expects of it, and what has to hold of every
 * transaction, whatever a test expects.
 *
 * - Confirmed: every branch's confirm took effect at its participant, and no cancel did (I1, I8); of a saga every step is done.
 * - Cancelled: nothing is left set aside, and no confirm took effect (I1, I6, I8); of a saga nothing is left done but what
 *   has no compensation, and neither the pivot nor what comes after it was done (I10).
 * - The callback is delivered, where there is one.
 */
import type { Coordinator } from '../../../src/application/coordinator.ts';
import {
  type Branch,
  type GlobalTransaction,
  isFinished,
  type OpenCall,
  openCalls,
  pendingCalls,
  upstreamOf,
} from '../../../src/domain/index.ts';
import type { DecisionReason, Status } from '../../../src/wire/index.ts';
import type { WorldClock } from './clock.ts';
import type { ParticipantGateway } from './participant-gateway.ts';
import type { Effect, RecordedCall } from './recorded-call.ts';

/** What is absent is not asked for. */
export type ExpectedEnd = {
  readonly status?: Extract<Status, 'confirmed' | 'cancelled'>;
  /** Why it was decided so. */
  readonly reason?: DecisionReason;
  /** What took effect at the participants, by branchId. */
  readonly branches?: Readonly<Record<string, Effect>>;
};

/** The transaction did not end, or not as it should have. The message has the difference, and all calls. */
export class UnexpectedEnd extends Error {
  override readonly name = 'UnexpectedEnd';
}

export type EndParts = {
  readonly coordinator: Coordinator;
  readonly clock: WorldClock;
  readonly gateway: ParticipantGateway;
};

/** @throws UnexpectedEnd */
export async function expectEnd(parts: EndParts, gid: string | null, expected: ExpectedEnd): Promise<void> {
  if (gid === null) throw new UnexpectedEnd('there is no transaction: no gid is known');
  const tx = await endOf(parts, gid);
  const { coordinator, clock, gateway } = parts;
  const effects = new Map(tx.branches.map(({ branchId }) => [branchId, gateway.effectOf(gid, branchId)]));
  const faults =
    isOver(tx, clock) || owesNoticeOnly(tx)
      ? [...differencesFrom(expected, tx, effects), ...contradictionsIn(tx, effects), ...owedIn(tx)]
      : ['it has not ended, and will not by itself'];
  if (faults.length === 0) return;
  const calls = gateway.calls.filter((call) => call.gid === gid);
  throw new UnexpectedEnd(
    [
      `transaction ${gid} is not as expected:`,
      ...faults.map((fault) => `  - ${fault}`),
      coordinator.explain(tx),
      ...(calls.length === 0 ? ['No participant was called.'] : ['The calls:', ...calls.map(lineOf)]),
    ].join('\n'),
  );
}

/** Lets time pass until nothing is owed for it any more, or until only an operator can continue it. */
async function endOf({ coordinator, clock }: EndParts, gid: string): Promise<GlobalTransaction> {
  const load = async () => (await coordinator.find(gid))?.tx ?? null;
  const enough = noticesOf(await load()) + MAX_NOTICES;
  await clock.passUntil(async () => {
    const tx = await load();
    return tx === null || isOver(tx, clock) || isStuck(tx, enough);
  }, ['handler', 'body']);
  const tx = await load();
  if (tx === null) throw new UnexpectedEnd(`there is no transaction ${gid} in this world`);
  return tx;
}

/** After so many more attempts, the callback is taken for undeliverable. */
const MAX_NOTICES = 10;

const noticesOf = (tx: GlobalTransaction | null): number => tx?.notification?.attemptCount ?? 0;

/** All that is still to be called waits for an operator, or is a callback that cannot be delivered. */
function isStuck(tx: GlobalTransaction, enoughNotices: number): boolean {
  const open = openCalls(tx);
  const isStuckCall = ({ branch, call }: OpenCall) =>
    branch === null ? call.attemptCount >= enoughNotices : call.parkedAt !== null;
  return open.length > 0 && open.every(isStuckCall);
}

/** Only its callback is not delivered. */
const owesNoticeOnly = (tx: GlobalTransaction): boolean =>
  isFinished(tx) && openCalls(tx).every(({ branch }) => branch === null);

/** Finished, and no late try or action is still to be undone once more. */
function isOver(tx: GlobalTransaction, clock: WorldClock): boolean {
  const { calls, checkAgainAt } = pendingCalls(tx, clock.now());
  return calls.length === 0 && checkAgainAt === null;
}

// ── Comparing ────────────────────────────────────────────────────────────────────────────────────────────────

type Effects = ReadonlyMap<string, Effect>;

function differencesFrom(expected: ExpectedEnd, tx: GlobalTransaction, effects: Effects): string[] {
  const differences: string[] = [];
  const compare = (what: string, wanted: string | undefined, found: string | undefined) => {
    if (wanted !== undefined && wanted !== found)
      differences.push(`${what}: expected ${wanted}, found ${found ?? 'nothing'}`);
  };
  compare('status', expected.status, tx.status);
  compare('reason', expected.reason, tx.decision?.reason);
  for (const [branchId, wanted] of Object.entries(expected.branches ?? {})) {
    const found = effects.get(branchId);
    if (found !== undefined) compare(`branch ${branchId}`, wanted, found);
    else
      differences.push(
        `branch ${branchId}: there is none; there are ${[...effects.keys()].join(', ') || 'no branches'}`,
      );
  }
  return differences;
}

/** What no end allows. */
function contradictionsIn(tx: GlobalTransaction, effects: Effects): string[] {
  return tx.branches.flatMap((branch) => {
    const effect = effects.get(branch.branchId) ?? 'none';
    if (allowedFor(tx, branch).includes(effect)) return [];
    const { branchId } = branch;
    return `branch ${branchId}: ${tx.decision?.decision} was decided, and at its participant ${EFFECT_TEXTS[effect]}`;
  });
}

function allowedFor(tx: GlobalTransaction, { branchId, step }: Branch): readonly Effect[] {
  const isConfirmed = tx.decision?.decision === 'confirm';
  if (step === null) return isConfirmed ? ['confirmed'] : ['none', 'cancelled'];
  if (isConfirmed) return ['done'];
  if (step.isCompensated) return ['none', 'undone'];
  return isBeforePivot(tx, branchId) ? ['none', 'done'] : ['none'];
}

/** Without a pivot everything comes before it. */
function isBeforePivot({ branches }: GlobalTransaction, branchId: string): boolean {
  const pivot = branches.find(({ step }) => step?.isPivot);
  if (pivot === undefined) return true;
  const before = new Map(branches.map((branch) => [branch.branchId, branch.step?.dependsOn ?? []]));
  return upstreamOf([pivot.branchId], before).has(branchId);
}

/** A callback that is not delivered after many attempts. */
const owedIn = ({ callback, notification }: GlobalTransaction): string[] =>
  callback === null || notification === null || notification.reply === 'succeeded'
    ? []
    : [
        `${callback.participant} was told of the end by ${callback.activity}/notify, ` +
          `${notification.attemptCount} times, and did not answer with a 2xx`,
      ];

const EFFECT_TEXTS: Readonly<Record<Effect, string>> = {
  none: 'nothing took effect',
  tried: 'what its try set aside is left so',
  confirmed: 'its confirm took effect',
  cancelled: 'its cancel took effect',
  done: 'its action took effect, and is not undone',
  undone: 'its compensate took effect',
  both: 'ops that exclude each other were answered with success, such as both confirm and cancel',
};

function lineOf({ caller, participant, activity, op, branchId, attempt, ...answer }: RecordedCall): string {
  const { status, answeredBy, isHeard } = answer;
  const by = answeredBy === 'script' ? ' (scripted)' : '';
  const end = status === null ? 'not answered' : `${status}${by}${isHeard ? '' : ', not heard'}`;
  const of = branchId === null ? '' : ` of ${branchId}`;
  return `  ${caller} → ${participant} ${activity}/${op}${of}, attempt ${attempt}: ${end}`;
}
