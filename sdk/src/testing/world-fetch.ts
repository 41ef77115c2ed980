/**
 * `fetch` in a world: the coordinator and the participants answer at addresses of their own. No request
 * leaves the process.
 */
import type { ParticipantAnswer } from '../serving/mountable.ts';
import type { CoordinatorApi } from './coordinator-api.ts';
import type { Called, ParticipantGateway } from './participant-gateway.ts';
import type { UserCode } from './user-code.ts';

/** With a dot before `.test`, which no participant has in its name. */
export const COORDINATOR_URL = 'http://coordinator.tercet.test';
export const addressOf = (participant: string): string => `http://${participant}.test`;

export type WorldFetchParts = {
  readonly api: CoordinatorApi;
  readonly participants: ReadonlyMap<string, Called>;
  readonly gateway: ParticipantGateway;
  readonly userCode: UserCode;
};

export type Fetch = typeof globalThis.fetch;

export function worldFetch(given: WorldFetchParts): Fetch {
  const { userCode } = given;
  const participantByHost = new Map(
    [...given.participants].map(([name, participant]) => [new URL(addressOf(name)).host, participant]),
  );
  return (input, init) =>
    userCode.waitFor(async () => {
      const request = new Request(input, init);
      const signal = init?.signal ?? (input instanceof Request ? input.signal : null);
      const url = new URL(request.url);
      const body = await request.text();
      const { method, headers } = request;
      if (url.origin === COORDINATOR_URL) {
        const asked = { method, path: url.pathname, query: url.searchParams, headers, body };
        return abortable(signal, () => userCode.runOutside(() => given.api(asked)));
      }
      const participant = participantByHost.get(url.host);
      if (participant === undefined) throw failure(`nobody is at ${url.origin} in this world`);
      const asked = { method, path: url.pathname, headers: Object.fromEntries(headers), body };
      const answer = await abortable(signal, () =>
        userCode.runOutside(() =>
          given.gateway.call(participant, {
            caller: 'initiator',
            request: asked,
            hasGivenUp: () => signal?.aborted === true,
          }),
        ),
      );
      if (answer === null) throw failure('other side closed');
      return responseOf(answer);
    });
}

/** As `fetch` fails: the reason is in the cause. */
const failure = (reason: string): TypeError => new TypeError('fetch failed', { cause: new Error(reason) });

const responseOf = ({ status, headers, body }: ParticipantAnswer): Response =>
  new Response(body === '' ? null : body, { status, headers });

/** What is aborted goes on without its caller. */
function abortable<T>(signal: AbortSignal | null, work: () => Promise<T>): Promise<T> {
  if (signal === null) return work();
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', stop));
  });
}
