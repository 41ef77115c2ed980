/**
 * Which requests are calls: `POST /{activity}/{op}`, to the letter, of an activity of the contract. Neither names nor ops ever
 * need escaping. All else is left to others, and mostly answered 404, which a coordinator takes for "not known".
 */
import type { CallOp } from '../../../src/wire/index.ts';
import type { Mountable, ParticipantRequest, Route } from './mountable.ts';

/** Null for everything that is not a call for one of these routes. */
export function routeOf<Ops extends CallOp>(
  { routes }: Pick<Mountable<Ops>, 'routes'>,
  { method, path }: Pick<ParticipantRequest, 'method' | 'path'>,
): Route<Ops> | null {
  if (method !== 'POST') return null;
  return routes.find((route) => path === pathOf(route)) ?? null;
}

/** Below the place where the participant is mounted. */
export const pathOf = ({ activity, op }: Route<CallOp>): string => `/${activity}/${op}`;
