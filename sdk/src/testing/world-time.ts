/** What sets the worldTime of a world: its clock, and who keeps it from moving on. */
import { WorldClock } from './clock.ts';
import { UserCode } from './user-code.ts';

export type WorldTime = { readonly clock: WorldClock; readonly userCode: UserCode };

export function newWorldTime(): WorldTime {
  const userCode = new UserCode();
  return { userCode, clock: new WorldClock(userCode) };
}
