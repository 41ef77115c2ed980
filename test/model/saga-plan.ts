/**
 * The plan of a saga as the exploration sees it, worked out from what a plan is and not from what the coordinator does
 * with one: which steps come before and after each other, and which of them look alike.
 */
import type { Branch, Step } from '../../src/domain/global-transaction.ts';

export type PlannedStep = Step & {
  readonly branchId: string;
  /** By index: all that have to succeed before it, directly or not. */
  readonly upstream: readonly number[];
  /** By index: all that it has to succeed before, directly or not. */
  readonly downstream: readonly number[];
  readonly isAfterPivot: boolean;
};

export type Plan = {
  readonly words: string;
  readonly steps: readonly PlannedStep[];
  /** The index of the pivot; null where there is none. */
  readonly pivot: number | null;
};

type Kinds = {
  readonly pivot?: string;
  /** A step that leaves nothing to undo. */
  readonly notCompensated?: string;
};

/** @param before the steps in their order, each with those that it depends on */
export function plan(before: Readonly<Record<string, readonly string[]>>, kinds: Kinds = {}): Plan {
  const ids = Object.keys(before);
  const comesAfter = closure(ids.map((id) => ids.map((other) => before[id]?.includes(other) === true)));
  const pivot = kinds.pivot === undefined ? null : ids.indexOf(kinds.pivot);
  const steps = ids.map((branchId, b): PlannedStep => {
    const isPivot = b === pivot;
    const isAfterPivot = pivot !== null && comesAfter[b]?.[pivot] === true;
    const dependsOn = before[branchId] ?? [];
    return {
      branchId,
      dependsOn,
      isPivot,
      isAfterPivot,
      isCompensated: !isPivot && !isAfterPivot && branchId !== kinds.notCompensated,
      // Each takes the whole of what those before it answered.
      references: dependsOn,
      upstream: [...ids.keys()].filter((n) => comesAfter[b]?.[n]),
      downstream: [...ids.keys()].filter((n) => comesAfter[n]?.[b]),
    };
  });
  return { words: wordsOf(steps), steps, pivot };
}

/** Of the relation "comes directly after": what comes after what by any way. */
function closure(direct: readonly (readonly boolean[])[]): readonly (readonly boolean[])[] {
  const longer = direct.map((row) => row.map((is, n) => is || direct.some((via, m) => row[m] && via[n])));
  const isClosed = longer.every((row, b) => row.every((is, n) => is === direct[b]?.[n]));
  return isClosed ? longer : closure(longer);
}

function wordsOf(steps: readonly PlannedStep[]): string {
  const words = steps.map(({ branchId, dependsOn, isPivot, isAfterPivot, isCompensated }) => {
    const kind = isPivot ? 'pivot ' : isCompensated || isAfterPivot ? '' : 'not compensated ';
    return `${kind}${branchId}${dependsOn.length > 0 ? ` after ${dependsOn.join(' and ')}` : ''}`;
  });
  return words.join(', ');
}

/** By index: steps that stand in the same place and are alike in all. Their worlds differ only in names. */
export function interchangeable({ steps }: Plan): readonly (readonly number[])[] {
  const groups = new Map<string, number[]>();
  for (const [b, { upstream, downstream, isPivot, isCompensated }] of steps.entries()) {
    const place = JSON.stringify([upstream, downstream, isPivot, isCompensated]);
    groups.set(place, [...(groups.get(place) ?? []), b]);
  }
  return [...groups.values()];
}

/** By index: all before it have succeeded, so its action may have run, whatever was heard of it. */
export const mayHaveRun = ({ steps }: Pick<Plan, 'steps'>, branches: readonly Branch[]): readonly boolean[] =>
  steps.map(({ upstream }) => upstream.every((n) => branches[n]?.phaseOne.reply === 'succeeded'));

/** What the action of a step answers, as JSON. */
export const resultOf = (branchId: string): string => JSON.stringify(`the result of ${branchId}`);
