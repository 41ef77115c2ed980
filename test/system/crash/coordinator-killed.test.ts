/**
 * A coordinator dies by SIGKILL, at points that gates pin, and whoever comes after it ends every transaction right, with
 * no person's help. The invariants that are asserted stand with their numbers in checks.ts, saga-effects.ts and with the
 * participants.
 */
import { sagaScenes } from './saga-scenes.ts';
import { testScenes } from './scenes.ts';
import { tccScenes } from './tcc-scenes.ts';

// One after the other, in one file: side by side they would take each other's processors, and held calls would time out.
testScenes('a coordinator', 5000, tccScenes);
// More steps are made before the last of them are at their points.
testScenes('a coordinator of sagas', 7000, sagaScenes);
