/**
 * The barrier: what lets a participant be called twice, too late or in the wrong order without harm.
 *
 * A coordinator repeats a call whose answer it did not hear, so any call may come again; and networks delay, so a try may
 * come after its own cancel. Business code should not have to think of either. It runs inside `run`, and runs at most
 * once for each branch and op.
 *
 * Each branch has two places in the table, one for each phase. The first op that takes a place keeps it:
 *
 *   phase 1   `try`; or a `cancel` that came before any try, which takes both: the tombstone
 *   phase 2   `confirm` or `cancel`
 *
 * What follows from that:
 * 1. The place is taken in the SQL transaction of the business work, so either both happened or neither did.
 * 2. A repeated call finds its own op, does nothing, and gives the first answer again.
 * 3. A cancel that finds phase 1 free leaves the tombstone, succeeds, and undoes nothing (null compensation, 空回滚).
 * 4. A try that finds the tombstone, or comes after its deadline, is refused (hanging, 悬挂).
 * 5. A confirm without a try, a confirm after a cancel and a cancel after a confirm are refused, never answered with
 *    success: the coordinator would believe that the branch is done.
 * 6. A refusal rolls everything back and leaves no trace: it speaks for this one call. The coordinator cancels refused
 *    branches too, and rule 3 is what such a cancel meets.
 *
 * The primary key decides every race, so the same holds on MySQL (there it is INSERT IGNORE) and PostgreSQL at READ
 * COMMITTED. Keep the rows for as long as the coordinator keeps its transactions: a row that is gone refuses nothing.
 */
import type { Database } from 'better-sqlite3';

export type Op = 'try' | 'confirm' | 'cancel';

export type Call = {
  readonly gid: string;
  readonly branchId: string;
  readonly op: Op;
  /** Milliseconds since 1970; a try that starts later is refused. It bounds the try only, never the confirm. */
  readonly deadlineAt: number;
};

export type Passed = {
  readonly outcome: 'done' | 'repeated' | 'nothing to undo';
  /** What the business work returned when it was done; null where there was none. */
  readonly answer: unknown;
};

/** A call that is answered with 409, and whose work is rolled back. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}

export type Guard = {
  /** @param work runs synchronously inside the SQL transaction; returns what is answered, as JSON */
  run(call: Call, now: number, work: () => unknown): Passed;
};

const TABLE = `
  CREATE TABLE IF NOT EXISTS barrier (
    gid       TEXT    NOT NULL,
    branch_id TEXT    NOT NULL,
    phase     INTEGER NOT NULL,
    op        TEXT    NOT NULL,
    answer    TEXT    NOT NULL,
    PRIMARY KEY (gid, branch_id, phase)
  )`;

export function barrierIn(db: Database): Guard {
  db.exec(TABLE);
  const places = placesIn(db);
  const passOp = { try: passTry, confirm: passConfirm, cancel: passCancel };
  return {
    run: (call, now, work) => db.transaction(() => passOp[call.op](places, call, work, now)).immediate(),
  };
}

function passTry(places: Places, call: Call, work: () => unknown, now: number): Passed {
  const holder = places.take(call, 1);
  // The tombstone has both places, so this sees it as well as the cancel of an earlier try.
  if (places.holder(call, 2) === 'cancel') throw new Refusal('this branch was cancelled before');
  if (holder === 'try') return { outcome: 'repeated', answer: places.answer(call, 1) };
  if (now >= call.deadlineAt) throw new Refusal('the deadline of this try has passed');
  return { outcome: 'done', answer: places.keep(call, 1, work()) };
}

function passConfirm(places: Places, call: Call, work: () => unknown): Passed {
  if (places.holder(call, 1) === null) throw new Refusal('there is no try to confirm');
  const holder = places.take(call, 2);
  if (holder === 'cancel') throw new Refusal('this branch was cancelled before');
  if (holder === 'confirm') return { outcome: 'repeated', answer: places.answer(call, 2) };
  return { outcome: 'done', answer: places.keep(call, 2, work()) };
}

function passCancel(places: Places, call: Call, work: () => unknown): Passed {
  const isTried = places.take(call, 1) === 'try';
  const holder = places.take(call, 2);
  if (holder === 'confirm') throw new Refusal('this branch was confirmed before');
  if (holder === 'cancel') return { outcome: 'repeated', answer: places.answer(call, 2) };
  if (!isTried) return { outcome: 'nothing to undo', answer: null };
  return { outcome: 'done', answer: places.keep(call, 2, work()) };
}

type Phase = 1 | 2;
type Places = ReturnType<typeof placesIn>;

function placesIn(db: Database) {
  type Key = [gid: string, branchId: string, phase: Phase];
  const insert = db.prepare<[...Key, Op]>(
    `INSERT INTO barrier VALUES (?, ?, ?, ?, 'null') ON CONFLICT DO NOTHING`,
  );
  const select = db.prepare<Key, { op: Op; answer: string }>(
    'SELECT op, answer FROM barrier WHERE gid = ? AND branch_id = ? AND phase = ?',
  );
  const update = db.prepare<[string, ...Key]>(
    'UPDATE barrier SET answer = ? WHERE gid = ? AND branch_id = ? AND phase = ?',
  );
  const rowOf = ({ gid, branchId }: Call, phase: Phase) => select.get(gid, branchId, phase);
  return {
    holder: (call: Call, phase: Phase): Op | null => rowOf(call, phase)?.op ?? null,
    answer: (call: Call, phase: Phase): unknown => JSON.parse(rowOf(call, phase)?.answer ?? 'null'),
    /** Takes the place for this op, and answers null; or who has it already. */
    take(call: Call, phase: Phase): Op | null {
      const { changes } = insert.run(call.gid, call.branchId, phase, call.op);
      return changes === 1 ? null : (rowOf(call, phase)?.op ?? null);
    },
    keep(call: Call, phase: Phase, answer: unknown = null): unknown {
      update.run(JSON.stringify(answer), call.gid, call.branchId, phase);
      return answer;
    },
  };
}
