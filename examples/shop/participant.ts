/**
 * One participant of the shop: a plain HTTP service with its own database, which takes part in global transactions.
 *
 *   POST /{activity}/{op}   the coordinator, or in phase one the initiator, asks for a try, a confirm or a cancel
 *   GET  /numbers           what there is, what is set aside and what is gone
 *   GET  /effects           what came of every call, oldest first
 *
 * Set by the environment: SHOP_DATABASE, the SQLite file; SHOP_PORT, where 0 is any free one. Once it listens it prints
 * one line: `{"name":"payment","port":40123}`.
 *
 * How an outcome becomes a status: done, also when done before, is 200; a refusal is 409, which the coordinator takes as
 * "no" to a try; anything else that goes wrong is 503, which it takes as "not known, ask again".
 */
import SQLite, { type Database } from 'better-sqlite3';
import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { barrierIn, type Call, type Op, Refusal } from './barrier.ts';
import { type Effects, effectsIn } from './effects.ts';
import { type Answer, type Handler, listen, type Question } from './http.ts';
import { isTroubleAllowed, trouble } from './trouble.ts';

/** The business side: each op is a little SQL, runs inside the barrier, and refuses by throwing a Refusal. */
export type Activity<Payload> = {
  try(payload: Payload): unknown;
  confirm(payload: Payload): unknown;
  cancel(payload: Payload): unknown;
};

export type Participant<Schema extends TSchema> = {
  readonly name: string;
  readonly db: Database;
  readonly activity: string;
  readonly payload: Schema;
  readonly ops: Activity<Static<Schema>>;
  readonly numbers: () => readonly unknown[];
};

/** The participant's own database, with its tables and the stock it opens with. */
export function openDatabase(tables: string): Database {
  const db = new SQLite(process.env.SHOP_DATABASE ?? ':memory:');
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec(tables);
  return db;
}

export async function serve<Schema extends TSchema>(participant: Participant<Schema>): Promise<void> {
  const handler = handlerOf(participant);
  const port = Number(process.env.SHOP_PORT ?? 0);
  const listening = await listen(isTroubleAllowed ? trouble.around(handler) : handler, port);
  process.stdout.write(`${JSON.stringify({ name: participant.name, port: listening.port })}\n`);
}

function handlerOf<Schema extends TSchema>(participant: Participant<Schema>): Handler {
  const { name, db, activity, numbers } = participant;
  const effects = effectsIn(db);
  const carryOut = carrierOf(participant, effects);
  return (question) => {
    const route = `${question.method} ${question.path}`;
    if (route === 'GET /numbers') return { status: 200, body: numbers() };
    if (route === 'GET /effects') return { status: 200, body: effects.all() };
    const op = (['try', 'confirm', 'cancel'] as const).find((op) => route === `POST /${activity}/${op}`);
    if (op === undefined) return { status: 404, body: { detail: `${name} knows no ${route}` } };
    const call = readCall(op, question);
    return call ? carryOut(call, question) : { status: 400, body: { detail: 'the TCC headers are missing' } };
  };
}

/** What carries a call out, behind the barrier, and notes what came of it. */
function carrierOf<Schema extends TSchema>(participant: Participant<Schema>, effects: Effects) {
  const { name, db, payload, ops } = participant;
  const guard = trouble.isWithoutBarrier(name) ? trouble.noBarrier(db) : barrierIn(db);
  return (call: Call, question: Question): Answer => {
    const attempt = Number(question.headers['tcc-attempt'] ?? 1);
    // The payload is read inside the barrier: the cancel of a branch whose payload was refused has to succeed.
    const work = () => ops[call.op](readPayload(payload, question.body));
    try {
      const { outcome, answer } = guard.run(call, Date.now(), work);
      effects.note(call, attempt, outcome);
      return { status: 200, body: answer };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      effects.note(call, attempt, `refused: ${error.message}`);
      return { status: 409, body: { detail: error.message } };
    }
  };
}

function readCall(op: Op, { headers }: Question): Call | null {
  const gid = headers['tcc-transaction-id'];
  const branchId = headers['tcc-branch-id'];
  const deadlineAt = Date.parse(String(headers['tcc-deadline']));
  if (typeof gid !== 'string' || typeof branchId !== 'string' || Number.isNaN(deadlineAt)) return null;
  return { gid, branchId, op, deadlineAt };
}

function readPayload<Schema extends TSchema>(schema: Schema, body: string): Static<Schema> {
  const payload: unknown = JSON.parse(body);
  if (!Value.Check(schema, payload)) throw new Refusal('the payload is not what this activity takes');
  return payload;
}
