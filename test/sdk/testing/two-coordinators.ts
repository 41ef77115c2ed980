/**
 * The coordinator of a test world beside the real one behind Fastify, with the same participants and settings; and what both
 * answer to the same requests, less what no two of them have in common: gids, instants, and when a key was taken.
 */
import { defineContract, type Participant, type ParticipantRequest } from '@tercet/sdk';
import { createTestWorld } from '@tercet/sdk/testing';
import { CallOp } from '@tercet/sdk/wire';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { gidAt, openWorld } from '../../http/world.ts';
import { engineSettings } from '../../support/engine.ts';
import { everyRoute } from './shop.ts';

export type Asked = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  /** Text is sent as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

export type Answered = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | null>>;
  readonly body: unknown;
};

/** One of the two, as a story sees it. */
export type Side = {
  /** What participants answer to this op from now on, as an HTTP status. */
  readonly answer: (op: CallOp, status: 200 | 409 | 425 | 503) => void;
  /** A gid of the initiator's own, so many milliseconds old. */
  readonly gidOf: (ageMs: number) => string;
  readonly ask: (asked: Asked) => Promise<Answered>;
};

const COMPARED_HEADERS = ['content-type', 'location', 'retry-after', 'idempotent-replayed'];
const FINE = { try: 200, confirm: 200, cancel: 200, action: 200, compensate: 200, notify: 200 };
const opIn = (path: string) => Value.Parse(CallOp, path.split('/').at(-1));
const backoff = { firstDelayMs: 100, maxDelayMs: 1000, budgetMs: 1000 };
/** Spent at the second poll, however long the pause before it was drawn. */
const poll = { ...backoff, budgetMs: 1 };
const calls = { callTimeoutMs: 1000, retry: backoff, poll, maxRetryAfterMs: 1000 };

const payload = Type.Unknown();
/** An activity of each kind; both coordinators know the kinds. */
const CONTRACT = {
  reserve: { kind: 'tcc', payload },
  take: { kind: 'step', payload },
  look: { kind: 'step_uncompensated', payload },
  charge: { kind: 'pivot', payload },
} as const;
const KINDS = { reserve: 'tcc', take: 'step', look: 'step_uncompensated', charge: 'pivot' } as const;

export async function openBoth() {
  const [real, double] = await Promise.all([openReal(), openDouble()]);
  return { real, double, close: () => real.close() };
}

async function openReal(): Promise<Side & { close(): Promise<unknown> }> {
  const maxPolicy = { callTimeoutMs: 60_000, retryDelayMs: 3_600_000, retryBudgetMs: 604_800_000 };
  const world = await openWorld({
    settings: engineSettings({
      policy: calls,
      maxPolicy,
      maxTimeoutMs: 600_000,
      retentionMs: 30 * 86_400_000,
    }),
  });
  for (const participant of await world.registry.list())
    await world.registry.put({ ...participant, activities: KINDS });
  const statuses = { ...FINE };
  world.answer(({ op }) => statuses[op]);
  return {
    answer(op, status) {
      statuses[op] = status;
    },
    gidOf: (ageMs) => gidAt(world.time.now().earliest - ageMs),
    async ask({ method, path, body, headers = {} }) {
      const sent = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
      const answer = await world.time.passUntil(
        world.app.inject({
          method,
          url: path,
          headers: { ...contentType(sent), ...headers },
          ...(sent !== undefined && { payload: sent }),
        }),
      );
      const header = (name: string) => answer.headers[name]?.toString() ?? null;
      return { status: answer.statusCode, headers: headersBy(header), body: JSON.parse(answer.body) };
    },
    close: world.close,
  };
}

async function openDouble(): Promise<Side> {
  const statuses = { ...FINE };
  const participant = (name: string): Participant => {
    const contract = defineContract(name, CONTRACT);
    const handle = async ({ path }: ParticipantRequest) => ({
      status: statuses[opIn(path)],
      headers: {},
      body: '',
    });
    return { contract, routes: everyRoute(contract), handle };
  };
  const world = await createTestWorld({
    participants: [participant('inventory'), participant('payment')],
    settings: { ...calls, maxTimeoutMs: 600_000 },
  });
  return {
    answer(op, status) {
      statuses[op] = status;
    },
    gidOf: (ageMs) => gidAt(world.clock.nowMs - ageMs),
    async ask({ method, path, body, headers = {} }) {
      const sent = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
      const answer = await world.fetch(world.coordinatorUrl + path, {
        method,
        headers: { ...contentType(sent), ...headers },
        ...(sent !== undefined && { body: sent }),
      });
      const header = (name: string) => answer.headers.get(name);
      return { status: answer.status, headers: headersBy(header), body: await answer.json() };
    },
  };
}

const contentType = (body: string | undefined): Record<string, string> =>
  body === undefined ? {} : { 'content-type': 'application/json' };

const headersBy = (header: (name: string) => string | null) =>
  Object.fromEntries(COMPARED_HEADERS.map((name) => [name, header(name)]));

const GID = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g;
const INSTANT = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z/g;

/** Gids by the order in which they appear, instants as such. */
export function comparable(answers: readonly Answered[]): unknown {
  const gids = new Map<string, string>();
  const text = JSON.stringify(answers)
    .replace(GID, (gid) => {
      if (!gids.has(gid)) gids.set(gid, `gid ${gids.size + 1}`);
      return gids.get(gid) ?? '';
    })
    .replace(INSTANT, 'an instant');
  return JSON.parse(text);
}
