/**
 * An explicit-state exploration of the protocol: every world that `transition` and `pendingCalls` can get into,
 * with two replicas, messages in flight and a bounded number of each fault, breadth first. Each world is checked
 * against the invariants; the trace to a broken one is a shortest.
 */
import { canonicalKey } from './canonical-key.ts';
import { checkQuiescent, checkStep, checkWorld } from './invariants.ts';
import { Ledger, type LedgerRules } from './ledger.ts';
import { normalForm } from './normal-form.ts';
import { withPlanOfCancel } from './saga-invariants.ts';
import { steps, type Take } from './world-steps.ts';
import { Violation } from './violation.ts';
import { at, type Budget, firstWorld, type World } from './world.ts';

const WORLDS_AT_ONCE = 10_000;

export type Case = LedgerRules & { readonly budget: Budget };

export type Report = {
  readonly worldCount: number;
  readonly quiescentCount: number;
  readonly seconds: number;
  readonly ledger: Ledger;
  readonly violation: (Violation & { trace?: string }) | null;
};

/** Asynchronous only to let others in now and then: the process that explores must hear when it is to end. */
export async function explore(bounds: Case): Promise<Report> {
  const startedAt = performance.now();
  const ledger = new Ledger(bounds);
  const { plan } = bounds;
  const first = firstWorld(bounds.branchCount, bounds.budget);
  const seen = new Set<string>([canonicalKey(ledger, first)]);
  const worlds: (World | null)[] = [first];
  // Each world's predecessor and which of its steps led here: enough to tell the story again.
  const parents: number[] = [0];
  const choices: number[] = [0];
  let quiescentCount = 0;
  let violation: Violation | null = null;
  let index = 0;
  try {
    for (; index < worlds.length; index++) {
      if (index % WORLDS_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
      const world = worlds[index] as World;
      worlds[index] = null;
      checkWorld(plan, world);
      let choice = 0;
      let freeCount = 0;
      steps(ledger, world, (kind, raw) => {
        const next = normalForm(ledger, withPlanOfCancel(plan, world, raw));
        checkStep(world, next);
        choice += 1;
        if (kind === 'free') freeCount += 1;
        const key = canonicalKey(ledger, next);
        if (seen.has(key)) return;
        seen.add(key);
        worlds.push(next);
        parents.push(index);
        choices.push(choice);
      });
      if (freeCount > 0) continue;
      quiescentCount += 1;
      checkQuiescent(plan, world);
    }
  } catch (cause) {
    violation = told(cause, retrace(ledger, first, parents, choices, index));
  }
  const seconds = (performance.now() - startedAt) / 1000;
  return { worldCount: index, quiescentCount, seconds, ledger, violation };
}

/** A throw of the domain itself is a broken promise too: it names its invariant in its message. */
function told(cause: unknown, trace: string): Violation {
  if (!(cause instanceof Error)) throw cause;
  const named = /\((I\d+)\)/.exec(cause.message)?.[1] as Violation['invariant'] | undefined;
  if (!(cause instanceof Violation) && named === undefined) throw cause;
  const invariant = cause instanceof Violation ? cause.invariant : (named ?? 'I9');
  return new Violation(invariant, `${cause.message.replace(/^I\d+: /, '')}\n${trace}`);
}

function retrace(ledger: Ledger, first: World, parents: number[], choices: number[], last: number): string {
  const path: number[] = [];
  for (let index = last; index > 0; index = at(parents, index)) path.unshift(at(choices, index));
  const lines: string[] = [];
  let world = first;
  const { plan } = ledger.rules;
  for (const wanted of path) {
    let choice = 0;
    let taken: World = world;
    const take: Take = (_kind, next, ...words) => {
      choice += 1;
      if (choice !== wanted) return;
      taken = normalForm(ledger, withPlanOfCancel(plan, world, next));
      lines.push(`  ${lines.length + 1}. ${words.join(' ')}`);
    };
    steps(ledger, world, take);
    world = taken;
  }
  return lines.join('\n');
}
