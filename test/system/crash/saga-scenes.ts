/**
 * Sagas whose coordinator dies at each boundary of each step, of the actions, of the compensates and of the notice of the
 * end.
 */
import { killAndRestart, killBeforeDeadlines, killByTurns, killInCommits, killUnderLoad } from './kills.ts';
import { afterEffect, beforeEffect, pastDeadlines } from './saga-points.ts';
import type { Scene } from './scenes.ts';

const KILLS = 20;
/** A lane mostly waits until what its dead process left is due. */
const LANES = 2;
const KILLS_PER_LANE = KILLS / LANES;
/** Half of the calls that had no effect are never sent, as far as anybody can tell. */
const LANDINGS = ['never', 'at once', 'never', 'last', 'at once'] as const;
const KILLS_BEFORE_DEADLINES = 2;
const KILLS_UNDER_LOAD = 8;

export const sagaScenes: readonly Scene[] = [
  [
    `that is killed ${KILLS} times before each call is sent, and after its effect, leaves nothing undone, and nothing done twice`,
    LANES,
    (lane) => killAndRestart(lane, [...beforeEffect(), ...afterEffect()], KILLS_PER_LANE, LANDINGS),
  ],
  [
    `that is killed ${KILLS} times after the answer to each call, and before it is saved, does nothing twice`,
    LANES,
    (lane) => killInCommits(lane, afterEffect(), KILLS_PER_LANE),
  ],
  [
    'that is killed while another replica runs is succeeded by that one',
    1,
    (lane) => killByTurns(lane, afterEffect()),
  ],
  [
    'that is dead while deadlines pass cancels what was trying, unless its pivot has run',
    1,
    (lane) => killBeforeDeadlines(lane, pastDeadlines(), KILLS_BEFORE_DEADLINES),
  ],
  [
    `of which two are killed by turns under load, ${KILLS_UNDER_LOAD} times, begin each order once and end it`,
    1,
    (lane) => killUnderLoad(lane, KILLS_UNDER_LOAD),
  ],
];
