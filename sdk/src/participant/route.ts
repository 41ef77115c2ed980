/**
 * Which requests are calls: `POST /{activity}/{op}`, to the letter. Neither names nor ops ever need escaping.
 */
import type { Contract } from '../contract.ts';
import { Op } from '../wire/index.ts';
import type { ParticipantRequest } from './participant.ts';

export type Route = { readonly activity: string; readonly op: Op };

const OPS: readonly Op[] = Op.enum;

/** Null for everything that is not a call for one of the contract's activities. */
export function routeOf(
  { activities }: Contract,
  { method, path }: Pick<ParticipantRequest, 'method' | 'path'>,
): Route | null {
  if (method !== 'POST') return null;
  const [root, activity = '', last, ...more] = path.split('/');
  const op = OPS.find((one) => one === last);
  if (root !== '' || op === undefined || more.length > 0 || !Object.hasOwn(activities, activity)) return null;
  return { activity, op };
}

export const routesOf = ({ activities }: Contract): readonly Route[] =>
  Object.keys(activities).flatMap((activity) => OPS.map((op) => ({ activity, op })));
