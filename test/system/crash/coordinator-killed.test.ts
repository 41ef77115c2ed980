/**
 * A coordinator is killed by SIGKILL at points that gates pin. Its successor ends every transaction correctly, without an
 * operator.
 *
 * Proves I1, I2, I3, I5, I6, I7, I8, I9, I10, I11, I12 and I13: invariant-checks.ts, participants.ts and
 * support/saga-effects.ts check them.
 */
import { sagaKillTests } from './saga-kill-tests.ts';
import { declareKillTests } from './kill-tests.ts';
import { tccKillTests } from './tcc-kill-tests.ts';

// One after the other, in one file: concurrently they would compete for the processors, and held calls would time out.
declareKillTests('a coordinator', 5000, tccKillTests);
// More steps are made before the last of them are at their points.
declareKillTests('a coordinator of sagas', 7000, sagaKillTests);
