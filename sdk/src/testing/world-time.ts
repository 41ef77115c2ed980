/** What decides when time passes in a world: its clock, and the code of the test, for which the clock waits. */
import { WorldClock } from './clock.ts';
import { UserCode } from './user-code.ts';

export type WorldTime = { readonly clock: WorldClock; readonly userCode: UserCode };

export function newWorldTime(): WorldTime {
  const userCode = new UserCode();
  return { userCode, clock: new WorldClock(userCode) };
}
