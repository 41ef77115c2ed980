/**
 * Runs inside a mutated copy of the tree: says which invariant the small explorations break, and how. Called with the
 * names of those to run.
 */
import { SMALL_CASES } from './tcc-cases.ts';
import { SMALL_SAGAS } from './saga-cases.ts';
import { explore } from './exploration.ts';

const cases = [
  ...(process.argv.includes('tcc') ? SMALL_CASES : []),
  ...(process.argv.includes('sagas') ? SMALL_SAGAS : []),
];
for (const bounds of cases) {
  const { violation } = await explore(bounds);
  if (violation === null) continue;
  console.log(JSON.stringify({ invariant: violation.invariant, message: violation.message }));
  break;
}
