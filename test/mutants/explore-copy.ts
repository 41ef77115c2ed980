/**
 * Runs inside a mutated copy of the tree: says which invariant the small explorations break, and how. Called with the
 * names of those to run.
 */
import { SMALL_CASES } from '../domain/cases.ts';
import { SMALL_SAGAS } from '../domain/cases-of-sagas.ts';
import { explore } from '../domain/exploration.ts';

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
