// A shop's inventory as a participant: real SQLite, the real barrier, and what is asked of it.
import {
  defineContract,
  defineParticipant,
  type Participant,
  type ParticipantRequest,
  Refusal,
} from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import { type Op, ProblemDocument } from '@tercet/sdk/wire';
import SQLite from 'better-sqlite3';
import { Type } from 'typebox';
import { Value } from 'typebox/value';

export const inventory = defineContract('inventory', {
  reserve: {
    payload: Type.Object({ item: Type.String(), quantity: Type.Integer({ minimum: 1 }) }),
    result: Type.Object({ reservationId: Type.String() }),
  },
});

export type Told = { readonly error: unknown; readonly key: string };

/** Ten teapots; each op is a little SQL. What `onError` hears is kept. */
export async function openShop(secrets?: readonly string[]) {
  const db = new SQLite(':memory:');
  db.exec(`CREATE TABLE stock (item TEXT, available INTEGER, reserved INTEGER, sold INTEGER);
    INSERT INTO stock VALUES ('teapot', 10, 0, 0)`);
  const reserve = db.prepare(
    `UPDATE stock SET available = available - @quantity, reserved = reserved + @quantity
     WHERE item = @item AND available >= @quantity`,
  );
  const sell = db.prepare('UPDATE stock SET reserved = reserved - @quantity, sold = sold + @quantity');
  const putBack = db.prepare(
    'UPDATE stock SET available = available + @quantity, reserved = reserved - @quantity',
  );
  const barrier = sqliteBarrier({ db });
  await barrier.createTable();
  const told: Told[] = [];
  const participant = defineParticipant(inventory, {
    barrier,
    activities: {
      reserve: {
        try(order, { call }) {
          if (reserve.run(order).changes === 0) throw new Refusal(`not enough of ${order.item}`);
          return { reservationId: `${call.branchId}-1` };
        },
        confirm: (order) => void sell.run(order),
        cancel: (order) => void putBack.run(order),
      },
    },
    ...(secrets !== undefined && { secrets }),
    onError: (error, { gid, branchId, op }) => void told.push({ error, key: `${gid}/${branchId}/${op}` }),
  });
  const stock = () => db.prepare('SELECT available, reserved, sold FROM stock').raw().get();
  return { participant, stock, told, barrier, db };
}

let callCount = 0;

/** A gid that no other call has. */
export const newGid = (): string => {
  callCount += 1;
  return `0198c5a2-7b1e-7d40-9f3a-${callCount.toString(16).padStart(12, '0')}`;
};

export const TEAPOTS = { item: 'teapot', quantity: 2 };

export type Asked = {
  readonly gid?: string;
  readonly activity?: string;
  readonly op?: Op;
  /** Not sent when absent. */
  readonly kind?: string;
  readonly payload?: unknown;
  readonly deadlineAt?: Date;
};

/** A call as the coordinator sends it, not signed. */
export function callFor(asked: Asked = {}) {
  const { gid = newGid(), activity = 'reserve', op = 'try', payload = TEAPOTS } = asked;
  const headers: Record<string, string> = {
    'tcc-transaction-id': gid,
    'tcc-branch-id': 'stock',
    'tcc-op': op,
    ...(asked.kind !== undefined && { 'tcc-kind': asked.kind }),
    'tcc-attempt': '1',
    'tcc-deadline': (asked.deadlineAt ?? new Date('2999-01-01')).toISOString(),
    'idempotency-key': `${gid}/stock/${op}`,
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  };
  return { method: 'POST', path: `/${activity}/${op}`, headers, body: JSON.stringify(payload) };
}

/** What is answered to a call, with its body read. */
export async function answerOf(participant: Participant, request: ParticipantRequest) {
  const answer = await participant.handle(request);
  if (answer === null) throw new Error('the request was taken for no call');
  const body: unknown = JSON.parse(answer.body);
  return { status: answer.status, headers: answer.headers, body };
}

/** The problem that is answered, which has to be one by its schema and its content type. */
export async function problemOf(participant: Participant, request: ParticipantRequest) {
  const { status, headers, body } = await answerOf(participant, request);
  if (!Value.Check(ProblemDocument, body)) throw new Error(`no problem document: ${JSON.stringify(body)}`);
  if (headers['content-type'] !== 'application/problem+json')
    throw new Error('a problem of the wrong content type');
  return { ...body, httpStatus: status };
}
