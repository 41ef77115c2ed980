/** What came of every call that reached a participant: kept in its database, so that it survives the process. */
import type { Database } from 'better-sqlite3';
import type { Call, Op } from './barrier.ts';

export type Effect = {
  readonly at: number;
  readonly gid: string;
  readonly branchId: string;
  readonly op: Op;
  readonly attempt: number;
  /** `done`, `repeated`, `nothing to undo`, or `refused: …` with its reason. */
  readonly outcome: string;
};

export type Effects = ReturnType<typeof effectsIn>;

const TABLE = `
  CREATE TABLE IF NOT EXISTS effect (
    at INTEGER NOT NULL, gid TEXT NOT NULL, branchId TEXT NOT NULL, op TEXT NOT NULL, attempt INTEGER NOT NULL,
    outcome TEXT NOT NULL
  )`;

export function effectsIn(db: Database) {
  db.exec(TABLE);
  const insert = db.prepare('INSERT INTO effect VALUES (?, ?, ?, ?, ?, ?)');
  const select = db.prepare<[], Effect>('SELECT * FROM effect ORDER BY rowid');
  return {
    all: (): readonly Effect[] => select.all(),
    note: ({ gid, branchId, op }: Call, attempt: number, outcome: string): void => {
      insert.run(Date.now(), gid, branchId, op, attempt, outcome);
    },
  };
}
