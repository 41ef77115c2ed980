/** Registers a participant with the coordinator, with the kinds of its activities, so that a wrong use is refused at begin. */
import type { Static } from 'typebox';
import { type Contract, kindsOf } from '../contract.ts';
import type { ParticipantRequest, ParticipantView } from '../../../src/wire/index.ts';
import type { CoordinatorRequest } from './coordinator-client.ts';

/** Where the participant is called, and how; the contract says the rest. */
export type Registration = Omit<Static<typeof ParticipantRequest>, 'activities'>;

/** `PUT /v1/participants/{name}`, which may be repeated. */
export function registrationOf(contract: Contract, where: Registration): CoordinatorRequest<ParticipantView> {
  const { name } = contract;
  return {
    method: 'PUT',
    path: `/v1/participants/${name}`,
    body: JSON.stringify({ ...where, activities: kindsOf(contract) }),
    reads: (body) =>
      typeof body === 'object' && body !== null && Reflect.get(body, 'name') === name
        ? (body as ParticipantView)
        : null,
  };
}
