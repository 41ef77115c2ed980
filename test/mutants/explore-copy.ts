/** Runs inside a mutated copy of the tree: says which invariant the small explorations break, and how. */
import { SMALL_CASES } from '../domain/cases.ts';
import { explore } from '../domain/exploration.ts';

for (const bounds of SMALL_CASES) {
  const { violation } = await explore(bounds);
  if (violation === null) continue;
  console.log(JSON.stringify({ invariant: violation.invariant, message: violation.message }));
  break;
}
