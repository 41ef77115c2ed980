/**
 * Sagas whose coordinator dies at each boundary of each step, of the actions, of the compensates and of the notice of the
 * end.
 */
import {
  killAndRestart,
  killBeforeDeadlines,
  killByTurns,
  killInCommits,
  killUnderLoad,
} from './kill-loops.ts';
import { afterEffect, beforeEffect, pastDeadlines } from './saga-kill-points.ts';
import type { KillTest } from './kill-tests.ts';

const KILLS = 20;
/** A system mostly waits until the work of its dead process is due. */
const SYSTEMS = 2;
const KILLS_PER_SYSTEM = KILLS / SYSTEMS;
/** Half of the calls that had no effect are never sent, as far as anybody can tell. */
const LANDINGS = ['never', 'at once', 'never', 'last', 'at once'] as const;
const KILLS_BEFORE_DEADLINES = 2;
const KILLS_UNDER_LOAD = 8;

export const sagaKillTests: readonly KillTest[] = [
  [
    `that is killed ${KILLS} times before each call is sent, and after its effect, leaves nothing undone, and nothing done twice`,
    SYSTEMS,
    (system) => killAndRestart(system, [...beforeEffect(), ...afterEffect()], KILLS_PER_SYSTEM, LANDINGS),
  ],
  [
    `that is killed ${KILLS} times after the answer to each call, and before it is saved, does nothing twice`,
    SYSTEMS,
    (system) => killInCommits(system, afterEffect(), KILLS_PER_SYSTEM),
  ],
  [
    'that is killed while another replica runs is succeeded by that one',
    1,
    (system) => killByTurns(system, afterEffect()),
  ],
  [
    'that is dead while deadlines pass cancels what was trying, unless its pivot has run',
    1,
    (system) => killBeforeDeadlines(system, pastDeadlines(), KILLS_BEFORE_DEADLINES),
  ],
  [
    `of which two are killed by turns under load, ${KILLS_UNDER_LOAD} times, begin each order once and end it`,
    1,
    (system) => killUnderLoad(system, KILLS_UNDER_LOAD),
  ],
];
