/**
 * A mutant as text: the file it breaks, the invariant that must catch it, the lines to find, and what stands
 * there instead. It fails loudly where the lines are not found exactly once, so that no mutant goes stale.
 */
export type Patch = {
  readonly file: string;
  readonly caughtBy: string;
  readonly search: string;
  readonly replace: string;
};

const SHAPE = /^file: (.+)\ncaught by: (I\d+)\n--- search\n([\s\S]+?)\n--- replace\n([\s\S]*?)\n?--- end\n$/;

export function parsePatch(text: string): Patch {
  const [, file, caughtBy, search, replace] = SHAPE.exec(text) ?? [];
  if (!file || !caughtBy || !search || replace === undefined) throw new Error('this is not a patch');
  return { file, caughtBy, search, replace };
}

export function applyPatch({ file, search, replace }: Patch, source: string): string {
  const parts = source.split(search);
  if (parts.length !== 2) throw new Error(`${file}: the patched lines stand there ${parts.length - 1} times`);
  return parts.join(replace);
}
