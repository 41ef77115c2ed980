/**
 * The branchIds of one transaction. Those without a name are numbered, so that a function that is run again
 * after a crash, and calls the same, registers the same branches.
 */
import { Value } from 'typebox/value';
import { BranchId } from '../../../src/wire/index.ts';

/** Room for a dash and three digits within 64 characters: a transaction has at most 100 branches. */
const LONGEST_PREFIX = 60;

export class BranchNames {
  readonly #taken = new Set<string>();
  readonly #counts = new Map<string, number>();

  /**
   * @param own the initiator's own name for the branch
   * @throws TypeError when the name is none, or taken
   */
  take(participant: string, activity: string, own: string | undefined): string {
    const branchId = own ?? this.#counted(`${participant}-${activity}`.slice(0, LONGEST_PREFIX));
    if (!Value.Check(BranchId, branchId))
      throw new TypeError(`“${branchId}” is no branchId: use 1 to 64 of A-Z a-z 0-9 _ -`);
    if (this.#taken.has(branchId))
      throw new TypeError(`Branch “${branchId}” was named before: give each branch a branchId of its own`);
    this.#taken.add(branchId);
    return branchId;
  }

  #counted(prefix: string): string {
    const count = (this.#counts.get(prefix) ?? 0) + 1;
    this.#counts.set(prefix, count);
    return `${prefix}-${count}`;
  }
}
