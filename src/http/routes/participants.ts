/** Participants: who takes part under which name, and where each is called. A wrong address is repaired here. */
import { ParticipantName, ParticipantRequest, ParticipantsView, ParticipantView } from '@tercet/sdk/wire';
import { Type } from 'typebox';
import type { Participant, ParticipantRegistry } from '../../application/ports.ts';
import { answer, problems } from '../answers.ts';
import { sendFaults, sendProblem } from '../problem.ts';
import type { App } from '../typed-app.ts';

const tags = ['participants'];
const params = Type.Object({ name: ParticipantName });

export function participantRoutes(app: App, { registry }: { registry: ParticipantRegistry }): void {
  app.put(
    '/v1/participants/:name',
    {
      schema: {
        tags,
        summary: 'Register a participant, or replace its address',
        params,
        body: ParticipantRequest,
        response: {
          200: answer(ParticipantView, 'The participant was replaced.'),
          201: answer(ParticipantView, 'The participant is registered.'),
          ...problems,
        },
      },
    },
    async ({ params: { name }, body: { baseUrl, paths = {} } }, reply) => {
      const fault = faultOf(baseUrl);
      if (fault !== null) return sendFaults(reply, [{ pointer: '#/baseUrl', detail: fault }]);
      const participant = { name, baseUrl, paths };
      const { isNew } = await registry.put(participant);
      if (isNew) reply.header('location', `/v1/participants/${name}`);
      return reply.code(isNew ? 201 : 200).send(participant);
    },
  );

  app.get(
    '/v1/participants/:name',
    {
      schema: {
        tags,
        summary: 'Read a participant',
        params,
        response: { 200: answer(ParticipantView, 'The participant.'), ...problems },
      },
    },
    async ({ params }, reply) => {
      const participant = await registry.find(params.name);
      return participant ? view(participant) : sendProblem(reply, 'participant_not_registered');
    },
  );

  app.get(
    '/v1/participants',
    {
      schema: {
        tags,
        summary: 'List the participants',
        response: { 200: answer(ParticipantsView, 'All participants, by name.'), ...problems },
      },
    },
    async () => ({ participants: (await registry.list()).map(view) }),
  );
}

const view = ({ name, baseUrl, paths }: Participant): ParticipantView => ({
  name,
  baseUrl,
  paths: { ...paths },
});

/** What the schema cannot say of an address; null when it is well. */
function faultOf(baseUrl: string): string | null {
  const url = URL.parse(baseUrl);
  if (url === null) return 'is not an address';
  if (url.username !== '' || url.password !== '') return 'must not hold a user or a password';
  return /[?#]/.test(baseUrl) ? 'must not have a query or a fragment' : null;
}
