/** Compares the kinds that a transaction asks for with those that its participants declared, before it begins. */
import { type BranchSpec, isServed, kindOf, type Pattern } from '../domain/index.ts';
import type { Participants } from './requests.ts';

export type KindMismatch = {
  readonly accepted: false;
  readonly code: 'kind_mismatch';
  /** A JSON pointer into the list of branches. */
  readonly place: string;
  readonly about: string;
};

/** The first branch that its participant would refuse for its kind; null when there is none. An activity that is not declared passes. */
export function kindMismatchIn(
  pattern: Pattern,
  branches: readonly BranchSpec[],
  participants: Participants,
): KindMismatch | null {
  for (const [index, branch] of branches.entries()) {
    const { participant, activity } = branch;
    const declared = declaredIn(participants.get(participant)?.activities, activity);
    if (declared === null) continue;
    const kind = kindOf(pattern, branches, branch);
    if (isServed(declared, kind)) continue;
    const about = `${participant} declares ${activity} as ${declared}, and here it is ${kind}`;
    return { accepted: false, code: 'kind_mismatch', place: `/${index}/activity`, about };
  }
  return null;
}

/** Names come from requests: `constructor` is none of an object's own. */
const declaredIn = <Kind>(
  kinds: Readonly<Record<string, Kind>> | undefined,
  activity: string,
): Kind | null => (kinds !== undefined && Object.hasOwn(kinds, activity) ? (kinds[activity] ?? null) : null);
