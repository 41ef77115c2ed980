/**
 * How a row says that its SQL transaction was not ended by the barrier.
 *
 * A pass writes its mark into the row when it locks it, and takes the mark away when it records the outcome. Both happen
 * in one SQL transaction, and whatever leaves nothing to record is rolled back. So no row is ever committed with a mark
 * on it, unless the work itself committed, and the call then failed or its process died. What the work did by then
 * stands, and no later call knows how much that was: every op is refused until an operator has corrected the row.
 *
 * Rows of earlier versions have no marks. One of them that is `open`, with nothing started outside, says the same.
 */
import { randomBytes } from 'node:crypto';
import { Refusal } from '../refusal.ts';
import type { BarrierCall } from './barrier.ts';

/** Ids of passes begin with other characters. */
const MARK = '!';

/** Of the row while it is locked; names the op. At most 36 characters, as the column has. */
export const markOf = (op: BarrierCall['op']): string => `${MARK}${op} ${randomBytes(12).toString('hex')}`;

/** Of the row once the outcome is recorded. */
export const recordedAs = (mark: string): string => mark.slice(mark.indexOf(' ') + 1);

/** Whether a row that stood already has such a mark, or is one of the earlier versions; `row` stands before a column. */
export const isUnrecorded = (row: string): string =>
  `${row}pass LIKE '${MARK}%' OR (${row}phase = 'open' AND ${row}started_op IS NULL)`;

/**
 * The work of an earlier call for this branch was committed without its outcome. Answered 503 for every op: nothing is
 * done again and nothing is undone until an operator has said in the row whether it was done.
 */
export class UnrecordedWork extends Error {
  override readonly name = 'UnrecordedWork';
  /** As the row has it. */
  readonly mark: string;

  constructor({ gid, branchId }: BarrierCall, table: string, mark: string) {
    const op = opOf(mark);
    // Without quotes and in fewer than 500 characters: the default log prints it whole.
    super(
      `branch ${branchId} of transaction ${gid} needs an operator: the work of its ${op} was committed before the barrier ` +
        `could record its outcome, so its row in ${table} does not say whether it was done, and every call is refused. ` +
        'Look at the business tables, then correct the row: see Work that committed by itself in docs/participants.md',
    );
    this.mark = mark;
  }
}

const opOf = (mark: string): string =>
  mark.startsWith(MARK) ? mark.slice(MARK.length, mark.indexOf(' ')) : 'try or action';

/** Passes of one barrier whose work is under way, by their marks. */
export class PassesUnderWay {
  readonly #marks = new Set<string>();

  begin(mark: string): { end(): void } {
    this.#marks.add(mark);
    return { end: () => void this.#marks.delete(mark) };
  }

  /** The error to throw where a branch is joined: its mark may be that of its own work, of which nothing is committed. */
  joining(error: unknown): unknown {
    if (!(error instanceof UnrecordedWork && this.#marks.has(error.mark))) return error;
    return new Error(
      `this branch is being worked on by its ${opOf(error.mark)} in this process: let the work join no call for its own branch`,
    );
  }
}

/** The SQL transaction that the barrier began is over before the barrier ended it. */
export class SqlTxEnded extends Error {
  override readonly name = 'SqlTxEnded';
  /** The call whose outcome could not be recorded; null where it is, or where another SQL transaction was joined. */
  readonly unrecorded: BarrierCall | null;

  constructor(
    message: string,
    { unrecorded = null, cause }: { unrecorded?: BarrierCall | null; cause?: unknown },
  ) {
    super(message, { cause });
    this.unrecorded = unrecorded;
  }
}

/** How it ended is not known. */
export const sqlTxEndedEarly = (given: { unrecorded?: BarrierCall; cause?: unknown } = {}): SqlTxEnded =>
  new SqlTxEnded(
    'the SQL transaction has ended under the work: let it neither commit nor roll back, nor go on after a deadlock',
    given,
  );

/** Thrown once the outcome is recorded: the branch is sound, and the work is not. */
export const committedByWork = (): SqlTxEnded =>
  new SqlTxEnded(
    'the work has committed by itself, and was recorded as done only afterwards: let it neither begin, commit nor roll ' +
      'back a SQL transaction, nor run a statement that commits implicitly. The same call is answered when it comes again',
    {},
  );

/** What the work threw once its SQL transaction was over: some of what it did may stand, so the row is to be marked. */
export class FailedAfterSqlTx extends Error {
  override readonly name = 'FailedAfterSqlTx';
  readonly thrown: unknown;

  constructor(thrown: unknown) {
    super('the SQL transaction was over when the work failed', { cause: thrown });
    this.thrown = thrown;
  }
}

/** A refusal says that nothing was done, which is not so. */
export const errorToThrow = ({ thrown }: FailedAfterSqlTx): unknown =>
  thrown instanceof Refusal ? sqlTxEndedEarly({ cause: thrown }) : thrown;

/** Thrown in place of the work's error, its cause: no later call can see that some of the work may stand. */
export class MarkNotWritten extends AggregateError {
  override readonly name = 'MarkNotWritten';

  /** @param reason why there is no mark */
  constructor({ gid, branchId, op }: BarrierCall, cause: unknown, reason: unknown) {
    // Without quotes and in fewer than 500 characters: the default log prints it whole.
    super(
      [reason],
      `branch ${branchId} of transaction ${gid} could not be marked, after its ${op} ended the SQL transaction and failed. ` +
        'An operator must check whether the work stands, since a repeated call does it again: see Work that committed by ' +
        'itself in docs/participants.md',
      { cause },
    );
  }
}

/** Of writing a mark: the row has one already. */
export function unrecordedWorkIn(error: unknown): UnrecordedWork {
  if (error instanceof UnrecordedWork) return error;
  throw error;
}

/** Whether what the work did may stand without a mark in its row. */
export const isUnmarked = (error: unknown, call: BarrierCall): boolean =>
  error instanceof FailedAfterSqlTx || (error instanceof SqlTxEnded && error.unrecorded === call);
