/** Cuts the payloads of a request from its text, by their positions: a parsed value does not tell how it was written. */
import { PAYLOAD_TEXT } from '../application/requests.ts';
import { eachKey, endOfValue, nameOf } from '../domain/index.ts';

export type PayloadTexts = {
  /** How many names stand in the text. */
  keyCount: number;
  own: string | null;
  /** By the index of the branch. */
  readonly ofBranches: (string | null)[];
};

/** Of a branch, and of each of the `branches`. That these have the right form is for the schema to say. */
export function payloadTexts(text: string): PayloadTexts {
  const found: PayloadTexts = { keyCount: 0, own: null, ofBranches: [] };
  let isInBranches = false;
  let branchAt = -1;
  eachKey(text, (key) => {
    found.keyCount += 1;
    if (key.depth === 1) isInBranches = nameOf(text, key) === 'branches';
    const isOfBranch = key.depth === 3 && isInBranches;
    if (isOfBranch && key.objectAt !== branchAt) {
      branchAt = key.objectAt;
      found.ofBranches.push(null);
    }
    if ((key.depth !== 1 && !isOfBranch) || nameOf(text, key) !== 'payload') return;
    const payload = text.slice(key.valueAt, endOfValue(text, key.valueAt));
    if (isOfBranch) found.ofBranches[found.ofBranches.length - 1] = payload;
    else found.own = payload;
  });
  return found;
}

/** Kept with the branches of a parsed body. */
export function keepTexts(value: unknown, { own, ofBranches }: PayloadTexts): void {
  keepText(value, own);
  const { branches } = (value ?? {}) as { readonly branches?: unknown };
  if (Array.isArray(branches))
    for (const [index, branch] of branches.entries()) keepText(branch, ofBranches[index] ?? null);
}

function keepText(branch: unknown, payload: string | null): void {
  if (payload !== null && typeof branch === 'object' && branch !== null)
    Object.assign(branch, { [PAYLOAD_TEXT]: payload });
}
