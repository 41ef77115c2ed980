/**
 * Participants: who takes part under which name, and where each is called. A wrong address is repaired here.
 *
 * Secrets come in here and never go out: a view only says how many there are, and a fault never repeats one.
 */
import { checkSecret } from '../../wire/signature.ts';
import {
  type Fault,
  ParticipantName,
  ParticipantRequest,
  ParticipantRetryView,
  ParticipantsView,
  ParticipantView,
} from '../../wire/index.ts';
import { Type } from 'typebox';
import type { Coordinator } from '../../application/coordinator.ts';
import type { Participant, ParticipantRegistry } from '../../application/ports.ts';
import { answer, problems } from '../answers.ts';
import { noBody } from '../no-body.ts';
import { sendFaults, sendProblem } from '../problem.ts';
import type { App } from '../typed-app.ts';

const tags = ['participants'];
const params = Type.Object({ name: ParticipantName });

export type ParticipantParts = {
  readonly coordinator: Coordinator;
  readonly registry: ParticipantRegistry;
  /** The longest time for one call that may be asked for. */
  readonly maxCallTimeoutMs: number;
  /** Why an address is never called, where that can be read off it; null for any other. */
  readonly whyNeverCalled: (url: string) => string | null;
};

export function participantRoutes(app: App, given: ParticipantParts): void {
  const { coordinator, registry } = given;
  app.put(
    '/v1/participants/:name',
    {
      schema: {
        tags,
        summary: 'Register a participant, or replace what is registered of it',
        params,
        body: ParticipantRequest,
        response: {
          200: answer(ParticipantView, 'The participant was replaced.'),
          201: answer(ParticipantView, 'The participant is registered.'),
          ...problems,
        },
      },
    },
    async ({ params: { name }, body, log }, reply) => {
      const fault = faultIn(body, given);
      if (fault !== null) return sendFaults(reply, [fault]);
      const { baseUrl, baseUrls = [baseUrl as string], paths = {}, activities } = body;
      const { callTimeoutMs = null, secrets } = body;
      const optional = { ...(activities && { activities }), ...(secrets && { secrets }) };
      const participant: Participant = { name, baseUrls, paths, callTimeoutMs, ...optional };
      const former = await registry.find(name);
      const { isNew } = await registry.put(participant);
      if (isNew || former?.baseUrls.join() !== baseUrls.join())
        log.info(registrationLine(participant, former), 'participant registered');
      coordinator.forgive(name);
      if (isNew) reply.header('location', `/v1/participants/${name}`);
      // Secrets and activities may be those of an earlier registration.
      const stored = (await registry.find(name)) ?? participant;
      return reply.code(isNew ? 201 : 200).send(view(stored));
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

  app.post(
    '/v1/participants/:name/retry',
    {
      schema: {
        tags,
        summary: 'Call now whatever waits for a participant, or is parked because of it',
        params,
        body: noBody,
        response: { 200: answer(ParticipantRetryView, 'Its open branches are due now.'), ...problems },
      },
    },
    async ({ params: { name } }, reply) => {
      if ((await registry.find(name)) === null) return sendProblem(reply, 'participant_not_registered');
      return { participant: name, retriedCount: await coordinator.retryParticipant(name) };
    },
  );
}

/** An operator who looks for the cause of a 404 needs the address from before. */
const registrationLine = ({ name, baseUrls }: Participant, former: Participant | null) => ({
  participant: name,
  base_urls: baseUrls.join(' '),
  ...(former && { former_base_urls: former.baseUrls.join(' ') }),
});

const view = ({
  name,
  baseUrls,
  paths,
  activities,
  callTimeoutMs,
  secrets,
}: Participant): ParticipantView => ({
  name,
  baseUrls: [...baseUrls],
  paths: { ...paths },
  activities: { ...activities },
  callTimeoutMs,
  secretCount: secrets?.length ?? 0,
});

/** What the schema cannot say; null when all is well. */
function faultIn(body: ParticipantRequest, given: ParticipantParts): Fault | null {
  const { baseUrl, baseUrls, callTimeoutMs } = body;
  if ((baseUrl === undefined) === (baseUrls === undefined))
    return { pointer: '#/baseUrl', detail: ONE_OF_BOTH[baseUrl === undefined ? 'none' : 'both'] };
  for (const [index, url] of (baseUrls ?? [baseUrl as string]).entries()) {
    const detail = faultOf(url) ?? given.whyNeverCalled(url);
    if (detail !== null) return { pointer: baseUrls ? `#/baseUrls/${index}` : '#/baseUrl', detail };
  }
  for (const [index, secret] of (body.secrets ?? []).entries()) {
    const detail = checkSecret(secret);
    if (detail !== null) return { pointer: `#/secrets/${index}`, detail };
  }
  const { maxCallTimeoutMs } = given;
  if (callTimeoutMs && callTimeoutMs > maxCallTimeoutMs)
    return {
      pointer: '#/callTimeoutMs',
      detail: `is longer than the coordinator allows: at most ${maxCallTimeoutMs}`,
    };
  return null;
}

const ONE_OF_BOTH = {
  none: 'is required, or baseUrls for several addresses',
  both: 'must not be given together with baseUrls',
} as const;

/** What is wrong with an address as such. */
function faultOf(baseUrl: string): string | null {
  const url = URL.parse(baseUrl);
  if (url === null) return 'is not an address';
  if (url.username !== '' || url.password !== '') return 'must not hold a user or a password';
  return /[?#]/.test(baseUrl) ? 'must not have a query or a fragment' : null;
}
