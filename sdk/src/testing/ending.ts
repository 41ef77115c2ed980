/**
 * The end of a transaction, and whether it is what it should be: what the test expects of it, and what has to hold of every
 * transaction, whatever a test expects.
 *
 * - Confirmed: every branch's confirm took effect at its participant, and no cancel did (I1, I8).
 * - Cancelled: nothing is left set aside, and no confirm took effect (I1, I6, I8).
 */
import type { Coordinator } from '../../../src/application/coordinator.ts';
import { type GlobalTransaction, pendingCalls } from '../../../src/domain/index.ts';
import type { DecisionReason, Status } from '../wire/index.ts';
import type { WorldClock } from './clock.ts';
import type { Door } from './door.ts';
import type { Effect, RecordedCall } from './recorded-call.ts';
import { waitsForPerson } from './wakes.ts';

/** What is absent is not asked for. */
export type ExpectedEnd = {
  readonly status?: Extract<Status, 'confirmed' | 'cancelled'>;
  /** Why it was decided so. */
  readonly reason?: DecisionReason;
  /** What took effect at the participants, by branchId. */
  readonly branches?: Readonly<Record<string, Effect>>;
};

/** The transaction did not end, or not as it should have. The message tells the difference, and all calls. */
export class UnexpectedEnd extends Error {
  override readonly name = 'UnexpectedEnd';
}

export type EndParts = { readonly coordinator: Coordinator; readonly clock: WorldClock; readonly door: Door };

/** @throws UnexpectedEnd */
export async function expectEnd(parts: EndParts, gid: string | null, expected: ExpectedEnd): Promise<void> {
  if (gid === null) throw new UnexpectedEnd('there is no transaction: no gid is known');
  const tx = await endOf(parts, gid);
  const { coordinator, clock, door } = parts;
  const effects = new Map(tx.branches.map(({ branchId }) => [branchId, door.effectOf(gid, branchId)]));
  const faults = isOver(tx, clock)
    ? [...differencesFrom(expected, tx, effects), ...contradictionsIn(tx, effects)]
    : ['it has not ended, and will not by itself'];
  if (faults.length === 0) return;
  const calls = door.calls.filter((call) => call.gid === gid);
  throw new UnexpectedEnd(
    [
      `transaction ${gid} is not as expected:`,
      ...faults.map((fault) => `  - ${fault}`),
      coordinator.explain(tx),
      ...(calls.length === 0 ? ['No participant was called.'] : ['The calls:', ...calls.map(lineOf)]),
    ].join('\n'),
  );
}

/** Lets time pass until nothing is owed for it any more, or until nobody but a person can go on. */
async function endOf({ coordinator, clock }: EndParts, gid: string): Promise<GlobalTransaction> {
  const load = async () => (await coordinator.find(gid))?.tx ?? null;
  await clock.passUntil(async () => {
    const tx = await load();
    return tx === null || isOver(tx, clock) || waitsForPerson(tx);
  }, ['handler', 'body']);
  const tx = await load();
  if (tx === null) throw new UnexpectedEnd(`there is no transaction ${gid} in this world`);
  return tx;
}

/** Finished, and no late try is still to be cancelled once more. */
function isOver(tx: GlobalTransaction, clock: WorldClock): boolean {
  const { calls, lookAgainAt } = pendingCalls(tx, clock.now());
  return calls.length === 0 && lookAgainAt === null;
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
function contradictionsIn({ decision }: GlobalTransaction, effects: Effects): string[] {
  const allowed: readonly Effect[] = decision?.decision === 'confirm' ? ['confirmed'] : ['none', 'cancelled'];
  return [...effects]
    .filter(([, effect]) => !allowed.includes(effect))
    .map(
      ([branchId, effect]) =>
        `branch ${branchId}: ${decision?.decision} was decided, and at its participant ${WORDS[effect]}`,
    );
}

const WORDS: Readonly<Record<Effect, string>> = {
  none: 'nothing took effect',
  tried: 'what its try set aside is left so',
  confirmed: 'its confirm took effect',
  cancelled: 'its cancel took effect',
  both: 'both its confirm and its cancel were answered with success',
};

function lineOf({ caller, participant, activity, op, branchId, attempt, ...answer }: RecordedCall): string {
  const { status, answeredBy, isHeard } = answer;
  const by = answeredBy === 'script' ? ' (scripted)' : '';
  const end = status === null ? 'not answered' : `${status}${by}${isHeard ? '' : ', not heard'}`;
  return `  ${caller} → ${participant} ${activity}/${op} of ${branchId}, attempt ${attempt}: ${end}`;
}
