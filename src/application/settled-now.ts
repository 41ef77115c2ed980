import type { Now } from '../domain/index.ts';
import type { Time } from './ports.ts';

/** The present, once the clock can be trusted. */
export async function settledNow(time: Time): Promise<Now> {
  const settling = time.settle();
  if (settling !== null) await settling;
  return time.now();
}
