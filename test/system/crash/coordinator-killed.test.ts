/**
 * A coordinator is killed by SIGKILL at points that gates pin. Its successor ends every transaction correctly, without an
 * operator.
 *
 * Proves I1 to I13: invariant-checks.ts, support/saga-effects.ts and participants.ts check them by number.
 */
import { sagaKillTests } from './saga-kill-tests.ts';
import { declareKillTests } from './kill-tests.ts';
import { tccKillTests } from './tcc-kill-tests.ts';

// One after the other, in one file: concurrently they would compete for the processors, and held calls would time out.
declareKillTests('a coordinator', 5000, tccKillTests);
// More steps are made before the last of them are at their points.
declareKillTests('a coordinator of sagas', 7000, sagaKillTests);
