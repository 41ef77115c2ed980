/**
 * Participants: who takes part under which name, and where each is called. A wrong address is repaired here.
 *
 * Secrets come in here and never go out: a view only says how many there are, and a fault never repeats one.
 */
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { Coordinator } from '../application/coordinator.ts';
import type { Participant } from '../application/ports.ts';
import {
  type Fault,
  ParticipantName,
  ParticipantRemovalQuery,
  ParticipantRemovalView,
  ParticipantRequest,
  ParticipantRetryView,
  ParticipantsQuery,
  ParticipantsView,
  ParticipantView,
} from '../wire/index.ts';
import { checkSecret } from '../wire/signature.ts';
import { cursorOf, placeIn } from './cursor.ts';
import { noBody } from './no-body.ts';
import { faultsProblem, problem } from './problem-document.ts';
import { answer, type Route, route, success } from './route.ts';

const MAX_REGISTRATION_BYTES = 16 * 1024;
const DEFAULT_LIMIT = 50;

const params = Type.Object({ name: ParticipantName });
const shared = { access: 'token', tag: 'participants' } as const;

type ParticipantParts = {
  readonly coordinator: Coordinator;
  /** The longest time for one call that a registration may name. */
  readonly maxCallTimeoutMs: number;
  /** The calls to one participant that this process makes at the same time. */
  readonly participantConcurrency: number;
  /** Why an address is never called, where that can be read from it; null for any other. */
  readonly whyNeverCalled: (url: string) => string | null;
};

export const participantRoutes = (given: ParticipantParts): readonly Route[] => [
  register(given),
  remove(given),
  route({
    ...shared,
    method: 'GET',
    path: '/v1/participants/:name',
    operationId: 'getParticipant',
    summary: 'Read a participant',
    schemas: { params, answers: { 200: answer(ParticipantView, 'The participant.') } },
    async handle({ params }) {
      const participant = await given.coordinator.findParticipant(params.name);
      return participant === null ? problem('participant_not_registered') : success(200, view(participant));
    },
  }),
  route({
    ...shared,
    method: 'GET',
    path: '/v1/participants',
    operationId: 'listParticipants',
    summary: 'List the participants',
    schemas: {
      query: ParticipantsQuery,
      answers: { 200: answer(ParticipantsView, 'One page of the participants, by name.') },
    },
    async handle({ query }) {
      const limit = Number(query.limit ?? DEFAULT_LIMIT);
      const after = query.cursor === undefined ? '' : nameOf(query.cursor);
      if (after === null)
        return {
          problem: faultsProblem([{ parameter: 'cursor', detail: 'is not the nextCursor of a page' }]),
        };
      // One more than a page tells whether another page follows.
      const found = await given.coordinator.listParticipants({ after, limit: limit + 1 });
      const shown = found.slice(0, limit);
      const last = found.length > limit ? shown.at(-1) : undefined;
      return success(200, {
        participants: shown.map(view),
        nextCursor: last === undefined ? null : cursorOf(last.name),
      });
    },
  }),
  route({
    ...shared,
    method: 'POST',
    path: '/v1/participants/:name/retry',
    operationId: 'retryParticipant',
    summary: 'Call now whatever waits for a participant, or is parked because of it',
    schemas: {
      params,
      body: noBody,
      answers: { 200: answer(ParticipantRetryView, 'Its open branches are due now.') },
    },
    async handle({ params: { name } }) {
      const { coordinator } = given;
      if ((await coordinator.findParticipant(name)) === null) return problem('participant_not_registered');
      const retriedCount = await coordinator.retryParticipant(name);
      return success(200, { participant: name, retriedCount });
    },
  }),
];

const remove = ({ coordinator }: ParticipantParts): Route =>
  route({
    ...shared,
    method: 'DELETE',
    path: '/v1/participants/:name',
    operationId: 'removeParticipant',
    summary: 'Remove a participant that nothing waits for, or call what waits at its successor',
    schemas: {
      params,
      query: ParticipantRemovalQuery,
      body: noBody,
      answers: {
        200: answer(ParticipantRemovalView, 'It is removed, or its name stands for its successor.'),
      },
    },
    async handle({ params: { name }, query: { successor: successorName } }) {
      const successor = successorName === undefined ? null : await coordinator.findParticipant(successorName);
      const detail = successorFault(name, successorName, successor);
      if (detail !== null) return { problem: faultsProblem([{ parameter: 'successor', detail }]) };
      const removal = await coordinator.removeParticipant(name, successor);
      if (removal.outcome === 'not_registered') return problem('participant_not_registered');
      if (removal.outcome === 'in_use')
        return problem('participant_in_use', { about: `Transaction ${removal.gid} waits for it.` });
      const isRemoved = removal.outcome === 'removed';
      return success(200, {
        participant: name,
        isRemoved,
        successor: isRemoved ? null : (successor?.name ?? null),
      });
    },
  });

function successorFault(
  name: string,
  successorName: string | undefined,
  successor: Participant | null,
): string | null {
  if (successorName === undefined) return null;
  if (successorName === name) return 'must be another participant';
  return successor === null ? 'is not registered' : null;
}

const register = (given: ParticipantParts): Route =>
  route({
    ...shared,
    method: 'PUT',
    path: '/v1/participants/:name',
    operationId: 'registerParticipant',
    summary: 'Register a participant, or replace what is registered of it',
    schemas: {
      params,
      body: ParticipantRequest,
      answers: {
        200: answer(ParticipantView, 'The participant was replaced.'),
        201: answer(ParticipantView, 'The participant is registered.'),
      },
    },
    async handle({ params: { name }, body }) {
      if (Buffer.byteLength(JSON.stringify(body)) > MAX_REGISTRATION_BYTES)
        return problem('registration_too_large');
      const fault = faultIn(body, given);
      if (fault !== null) return { problem: faultsProblem([fault]) };
      const { baseUrl, baseUrls = [baseUrl as string], ...kept } = body;
      const { isNew, participant } = await given.coordinator.registerParticipant({ name, baseUrls, ...kept });
      return isNew
        ? success(201, view(participant), { location: `/v1/participants/${name}` })
        : success(200, view(participant));
    },
  });

const view = ({
  name,
  baseUrls,
  paths,
  activities,
  callTimeoutMs,
  maxConcurrentCalls,
  maxCallsPerSecond,
  secrets,
}: Participant): ParticipantView => ({
  name,
  baseUrls: [...baseUrls],
  paths: { ...paths },
  activities: { ...activities },
  callTimeoutMs,
  maxConcurrentCalls: maxConcurrentCalls ?? null,
  maxCallsPerSecond: maxCallsPerSecond ?? null,
  secretCount: secrets?.length ?? 0,
});

/** Null for a text that is no cursor. */
function nameOf(cursor: string): string | null {
  const name = placeIn(cursor);
  return Value.Check(ParticipantName, name) ? name : null;
}

/** What the schema cannot say; null when all is well. */
function faultIn(body: ParticipantRequest, given: ParticipantParts): Fault | null {
  const { baseUrl, baseUrls, callTimeoutMs, maxConcurrentCalls } = body;
  if ((baseUrl === undefined) === (baseUrls === undefined))
    return { pointer: '#/baseUrl', detail: ONE_OF_BOTH[baseUrl === undefined ? 'none' : 'both'] };
  for (const [index, url] of (baseUrls ?? [baseUrl as string]).entries()) {
    const detail = faultOf(url) ?? given.whyNeverCalled(url);
    if (detail !== null) return { pointer: baseUrls ? `#/baseUrls/${index}` : '#/baseUrl', detail };
  }
  for (const [key, path] of Object.entries(body.paths ?? {}))
    if (path.includes('\\')) return { pointer: `#/paths/${key.replace('/', '~1')}`, detail: NO_BACKSLASH };
  for (const [index, secret] of (body.secrets ?? []).entries()) {
    const detail = checkSecret(secret);
    if (detail !== null) return { pointer: `#/secrets/${index}`, detail };
  }
  const { maxCallTimeoutMs, participantConcurrency } = given;
  if (callTimeoutMs && callTimeoutMs > maxCallTimeoutMs)
    return {
      pointer: '#/callTimeoutMs',
      detail: `is longer than the coordinator allows: at most ${maxCallTimeoutMs}`,
    };
  if (maxConcurrentCalls && maxConcurrentCalls > participantConcurrency)
    return {
      pointer: '#/maxConcurrentCalls',
      detail: `is more than the coordinator allows: at most ${participantConcurrency}`,
    };
  return null;
}

const ONE_OF_BOTH = {
  none: 'is required, or baseUrls for several addresses',
  both: 'must not be given together with baseUrls',
} as const;

/** A URL parser reads it as a slash. */
const NO_BACKSLASH = 'must not hold a backslash';

/** What is wrong with an address as such. */
function faultOf(baseUrl: string): string | null {
  // A reader may take what stands before it for a user.
  if (baseUrl.includes('\\')) return NO_BACKSLASH;
  const url = URL.parse(baseUrl);
  if (url === null) return 'is not an address';
  if (url.username !== '' || url.password !== '') return 'must not hold a user or a password';
  return /[?#]/.test(baseUrl) ? 'must not have a query or a fragment' : null;
}
