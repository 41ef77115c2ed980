/**
 * Two participants as services really are, over HTTP: each try, confirm and cancel takes effect once, and each action and
 * compensate, behind a barrier that is a Map. A test may answer in their place.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { defineContract } from '@tercet/sdk';
import { CALL_HEADERS } from '@tercet/sdk/wire';
import { Type } from 'typebox';

export const inventory = defineContract('inventory', {
  reserve: {
    payload: Type.Object({ item: Type.String(), quantity: Type.Integer({ minimum: 1 }) }),
    result: Type.Object({ reservationId: Type.String() }),
  },
});

export const payment = defineContract('payment', {
  hold: { payload: Type.Object({ account: Type.String(), cents: Type.Integer({ minimum: 1 }) }) },
});

/** The same for sagas: the shop does not look at the kind. */
export const inventorySteps = defineContract('inventory', {
  reserve: { kind: 'step', ...inventory.activities.reserve },
});
export const paymentPivot = defineContract('payment', {
  hold: { kind: 'pivot', ...payment.activities.hold },
});

export type Arrival = {
  readonly participant: string;
  readonly activity: string;
  readonly op: string;
  readonly gid: string;
  readonly branchId: string;
  readonly attempt: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
};

export type Answer = {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

/** Null leaves the answer to the participant; `never` keeps the caller waiting until the shop closes. */
export type Answers = (arrival: Arrival) => Answer | 'never' | null | Promise<Answer | null>;

export type Shop = Awaited<ReturnType<typeof openShop>>;

export async function openShop() {
  const arrivals: Arrival[] = [];
  const effects: string[] = [];
  const done = new Map<string, string>();
  const waiting = new Set<() => void>();
  const told: { answers: Answers } = { answers: () => null };

  const server = createServer(async (request, response) => {
    const arrival = arrivalOf(request, await text(request));
    arrivals.push(arrival);
    for (const look of waiting) look();
    const answer = await told.answers(arrival);
    if (answer !== 'never') send(response, answer ?? answerOnce(arrival, done, effects));
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    arrivals,
    /** What happened in the end, in the order in which it did: `try inventory-reserve-1`. */
    effects,
    answer(answers: Answers) {
      told.answers = answers;
    },
    /** The first arrival that matches, when it is there. */
    arrived(op: string, participant?: string): Promise<Arrival> {
      return new Promise((resolve) => {
        const look = () => {
          const found = arrivals.find(
            (one) => one.op === op && (participant ?? one.participant) === one.participant,
          );
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      });
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function arrivalOf({ headers, url = '' }: IncomingMessage, body: string): Arrival {
  const [, participant = '', activity = ''] = url.split('/');
  const header = (name: string) => String(headers[name]);
  return {
    participant,
    activity,
    path: url,
    headers,
    body,
    op: header(CALL_HEADERS.op),
    gid: header(CALL_HEADERS.gid),
    branchId: header(CALL_HEADERS.branchId),
    attempt: header(CALL_HEADERS.attempt),
  };
}

/** The least that a barrier owes: once each, tombstones, and no confirm without a try. */
function answerOnce({ gid, branchId, op }: Arrival, done: Map<string, string>, effects: string[]): Answer {
  const key = `${gid}/${branchId}`;
  const state = done.get(key);
  const ok = { status: 200, body: JSON.stringify({ reservationId: `r-${branchId}` }) };
  const isFirst = op === 'try' || op === 'action';
  if (isFirst) {
    if (state === 'cancel' || state === 'compensate')
      return { status: 409, body: '{"code":"cancelled_before"}' };
    if (state !== undefined) return ok;
  } else {
    if (state === op) return ok;
    if (op === 'confirm' && state !== 'try') return { status: 409 };
  }
  done.set(key, op);
  if (isFirst || state === 'try' || state === 'action') effects.push(`${op} ${branchId}`);
  return ok;
}

function send(response: ServerResponse, { status, body = '', headers = {} }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(body);
}
