/**
 * The plan of a saga as it is asked for: its defaults, and what can be wrong with it. Whatever passes here can be carried
 * out: the domain relies on it. A tcc has no plan.
 *
 * The pivot divides the plan in two, and nothing runs beside it: so its answer can decide alone.
 */
import { type BranchSpec, hasPlan, type Pattern, stepOf, upstreamOf } from '../domain/index.ts';
import type { Reference } from './references.ts';

/** A branch as it is asked for; of a step, null stands for the default. */
export type RequestedBranch = Omit<BranchSpec, 'step'> & {
  readonly dependsOn: readonly string[] | null;
  readonly isPivot: boolean | null;
  readonly isCompensated: boolean | null;
  readonly references: readonly Reference[];
};

export type PlanFault =
  | 'duplicate_branch'
  | 'only_for_sagas'
  | 'unknown_dependency'
  | 'circular_dependency'
  | 'several_pivots'
  | 'pivot_not_dominant'
  | 'compensation_after_pivot'
  | 'too_many_references'
  | 'malformed_reference'
  | 'unknown_reference'
  | 'reference_not_upstream';

/** `place` is a JSON pointer into the list of branches: `/2/dependsOn/0`; `about` the step that is named there. */
export type Faulty = { readonly code: PlanFault; readonly place: string; readonly about?: string };

/** Each of them may become 4 KiB as the payload is sent. */
const MAX_REFERENCES = 16;

export function planOf(pattern: Pattern, asked: readonly RequestedBranch[]): readonly BranchSpec[] | Faulty {
  const before = new Map(asked.map((branch, n) => [branch.branchId, branch.dependsOn ?? previous(asked, n)]));
  const pivotId = asked.find(({ isPivot }) => isPivot)?.branchId;
  const plan: Plan = { asked, before, pivotId };
  const second = asked.findIndex(
    ({ branchId }, n) => asked.findIndex((each) => each.branchId === branchId) < n,
  );
  if (second >= 0)
    return { code: 'duplicate_branch', place: `/${second}/branchId`, about: asked[second]?.branchId ?? '' };
  for (const [n, branch] of asked.entries()) {
    const fault = hasPlan(pattern) ? faultOf(branch, plan) : misplaced(branch);
    if (fault !== null) return { ...fault, place: `/${n}${fault.place}` };
  }
  return asked.map(({ dependsOn: _, isPivot, isCompensated, references, ...spec }) => {
    if (!hasPlan(pattern)) return { ...spec, step: null };
    const step = {
      dependsOn: before.get(spec.branchId) ?? [],
      isPivot: isPivot ?? false,
      isCompensated: (isCompensated ?? true) && !isFromPivotOn(spec.branchId, plan),
      references: [...new Set(references.flatMap(({ to }) => to ?? []))],
    };
    return { ...spec, step };
  });
}

type Plan = {
  readonly asked: readonly RequestedBranch[];
  readonly before: ReadonlyMap<string, readonly string[]>;
  readonly pivotId: string | undefined;
};

const previous = (asked: readonly RequestedBranch[], n: number): readonly string[] =>
  asked.slice(Math.max(0, n - 1), n).map(({ branchId }) => branchId);

function misplaced(branch: RequestedBranch): Faulty | null {
  const word = (['dependsOn', 'isPivot', 'isCompensated'] as const).find((field) => branch[field] !== null);
  return word === undefined ? null : { code: 'only_for_sagas', place: `/${word}` };
}

/** In the order of the checks: each may rely on those above it. */
function faultOf(branch: RequestedBranch, plan: Plan): Faulty | null {
  const { branchId, dependsOn, isPivot, isCompensated, references } = branch;
  const { before, pivotId } = plan;
  const unknown = (dependsOn ?? []).findIndex((id) => !before.has(id));
  if (unknown >= 0)
    return { code: 'unknown_dependency', place: `/dependsOn/${unknown}`, about: dependsOn?.[unknown] ?? '' };
  const upstream = upstreamOf([branchId], before);
  if (upstream.has(branchId)) return { code: 'circular_dependency', place: '/dependsOn' };
  if (isPivot && branchId !== pivotId) return { code: 'several_pivots', place: '/isPivot' };
  const isBeside = pivotId !== undefined && pivotId !== branchId && !upstream.has(pivotId);
  if (isBeside && !upstreamOf([pivotId], before).has(branchId))
    return { code: 'pivot_not_dominant', place: dependsOn === null ? '' : '/dependsOn' };
  if (isCompensated && isFromPivotOn(branchId, plan))
    return { code: 'compensation_after_pivot', place: '/isCompensated' };
  if (references.length > MAX_REFERENCES) return { code: 'too_many_references', place: '/payload' };
  for (const { to, place } of references) {
    if (to === null) return { code: 'malformed_reference', place: `/payload${place}` };
    const about = stepOf(to);
    if (!before.has(about)) return { code: 'unknown_reference', place: `/payload${place}`, about };
    if (!upstream.has(about)) return { code: 'reference_not_upstream', place: `/payload${place}`, about };
  }
  return null;
}

const isFromPivotOn = (branchId: string, { before, pivotId = '' }: Plan): boolean =>
  branchId === pivotId || upstreamOf([branchId], before).has(pivotId);
