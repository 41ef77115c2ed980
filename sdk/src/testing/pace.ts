/** What sets the pace of a world: its clock, and who keeps it from moving on. */
import { WorldClock } from './clock.ts';
import { Guests } from './guests.ts';

export type Pace = { readonly clock: WorldClock; readonly guests: Guests };

export function newPace(): Pace {
  const guests = new Guests();
  return { guests, clock: new WorldClock(guests) };
}
