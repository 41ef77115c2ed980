/** What came of every call that reached a participant: kept in its database, so that it survives the process. */
import type { Barrier, Participant } from '@tercet/sdk';
import { CALL_HEADERS, type Op } from '@tercet/sdk/wire';
import type { Database } from 'better-sqlite3';

export type Effect = {
  readonly at: number;
  readonly gid: string;
  readonly branchId: string;
  readonly op: Op;
  readonly attempt: number;
  /** `done`, `repeated`, `nothing to undo`, or `refused: …` with its reason. */
  readonly outcome: string;
  /** What was answered, as JSON; null when nothing was. */
  readonly result: string | null;
};

type Noted = Pick<Effect, 'gid' | 'branchId' | 'op' | 'attempt'>;

export type Effects = ReturnType<typeof effectsIn>;

const TABLE = `
  CREATE TABLE IF NOT EXISTS effect (
    at INTEGER NOT NULL, gid TEXT NOT NULL, branchId TEXT NOT NULL, op TEXT NOT NULL, attempt INTEGER NOT NULL,
    outcome TEXT NOT NULL, result TEXT
  )`;

export function effectsIn(db: Database) {
  db.exec(TABLE);
  const insert = db.prepare('INSERT INTO effect VALUES (?, ?, ?, ?, ?, ?, ?)');
  const select = db.prepare<[], Effect>('SELECT * FROM effect ORDER BY rowid');
  return {
    all: (): readonly Effect[] => select.all(),
    note: ({ gid, branchId, op, attempt }: Noted, outcome: string, result: unknown = null): void => {
      const text = result === null ? null : JSON.stringify(result);
      insert.run(Date.now(), gid, branchId, op, attempt, outcome, text);
    },
  };
}

/** A barrier that notes what it let pass. */
export const noted = (barrier: Barrier<Database>, effects: Effects): Barrier<Database> => ({
  async run(call, work, options) {
    const passed = await barrier.run(call, work, options);
    effects.note({ ...call, attempt: attemptOf(call) }, passed.outcome.replaceAll('_', ' '), passed.result);
    return passed;
  },
  outside: (call, work, options) => barrier.outside(call, work, options),
  createTable: () => barrier.createTable(),
});

/** Barriers are told of the whole call, and care for less. */
const attemptOf = (call: object): number =>
  'attempt' in call && typeof call.attempt === 'number' ? call.attempt : 1;

/** A participant that notes what it refused. */
export const notingRefusals = (participant: Participant, effects: Effects): Participant => ({
  ...participant,
  async handle(request) {
    const answer = await participant.handle(request);
    if (answer?.status !== 409) return answer;
    const header = (name: keyof typeof CALL_HEADERS) => String(request.headers[CALL_HEADERS[name]]);
    const call = { gid: header('gid'), branchId: header('branchId'), op: header('op') as Op };
    effects.note(
      { ...call, attempt: Number(header('attempt')) },
      `refused: ${JSON.parse(answer.body).detail}`,
    );
    return answer;
  },
});
