/**
 * The barrier in memory, for unit tests of a participant: no database, and one barrier for each test. What a call may do is judged
 * as by every other barrier (`judge.ts`). The calls of a branch go one after the other, which is the lock of its row.
 *
 * It has no `within` and no `cleanUp`: there is no SQL transaction to join, and its rows end with the test. Not for production:
 * the rows are lost with the process, and other replicas do not see them.
 */
import type {
  Barrier,
  BarrierCall,
  Known,
  KnownOutside,
  OutsideOptions,
  Passed,
  PassOptions,
} from './barrier.ts';
import type { LockedRow, Phase, Row } from './judge.ts';
import { workOutcomeOf, passedOf, rowAfter } from './work-outcome.ts';
import {
  checkedCall,
  knownOf,
  passedOrThrow,
  refusedRow,
  outcomeWithoutWork,
  verdictOn,
} from './recorded-outcome.ts';
import { type Change, outside } from './outside.ts';
import { Refusal } from '../refusal.ts';

export type MemoryBarrierOptions<SqlTx> = {
  /**
   * Runs `act` with what the ops are given as `sqlTx`, and undoes what it did when it rejects: a double with a rollback of its
   * own. The row is kept once it resolves. When absent, ops are given null, and nothing that they do is undone.
   */
  readonly transact?: <T>(act: (sqlTx: SqlTx) => Promise<T>) => Promise<T>;
  /** The clock by which tries and actions are too late, in milliseconds since 1970; that of the process when absent. */
  readonly nowMs?: () => number;
};

/** What a test may look at. */
export type MemoryRow = {
  readonly gid: string;
  readonly branchId: string;
  readonly phase: Phase;
  /** What the try or the action returned, as JSON text; null where that was nothing. */
  readonly firstResult: string | null;
  /** Of confirm, cancel or compensate, likewise. */
  readonly result: string | null;
};

export function memoryBarrier<SqlTx = null>(options: MemoryBarrierOptions<SqlTx> = {}): MemoryBarrier<SqlTx> {
  return new MemoryBarrier(options);
}

const NO_ROW: Row = {
  phase: 'open',
  startedOp: null,
  worker: null,
  workUntil: null,
  firstResult: null,
  result: null,
};

export class MemoryBarrier<SqlTx> implements Barrier<SqlTx> {
  readonly #transact: NonNullable<MemoryBarrierOptions<SqlTx>['transact']>;
  readonly #nowMs: () => number;
  readonly #rows = new Map<string, Row>();
  readonly #last = new Map<string, Promise<unknown>>();

  constructor({ transact = (act) => act(null as SqlTx), nowMs = Date.now }: MemoryBarrierOptions<SqlTx>) {
    this.#transact = transact;
    this.#nowMs = nowMs;
  }

  /** Rows in the order of their first calls. */
  get rows(): readonly MemoryRow[] {
    return [...this.#rows].map(([key, { phase, firstResult, result }]) => {
      const [gid = '', branchId = ''] = key.split('/');
      return { gid, branchId, phase, firstResult, result };
    });
  }

  async run<Result>(
    given: BarrierCall,
    work: (sqlTx: SqlTx, known: Known) => Result | Promise<Result>,
    options: PassOptions = {},
  ): Promise<Passed<Result>> {
    const call = checkedCall(given, options);
    return this.#withRowLocked(call, async (row) => {
      const verdict = verdictOn(call, row, options);
      if (verdict.do !== 'work') {
        const { passed, row: after } = outcomeWithoutWork<Result>(verdict, row, call);
        this.#keep(call, after);
        return passedOrThrow(passed);
      }
      try {
        const completes = options.completes ?? null;
        const kept = await this.#transact(async (sqlTx) =>
          workOutcomeOf(await work(sqlTx, knownOf(row, call.op)), completes),
        );
        this.#keep(call, rowAfter(row, call.op, kept));
        return passedOf(kept);
      } catch (error) {
        if (options.isPivot && error instanceof Refusal) this.#keep(call, refusedRow(row, error));
        throw error;
      }
    });
  }

  outside<Result>(
    call: BarrierCall,
    work: (known: KnownOutside) => Promise<Result>,
    options?: OutsideOptions,
  ): Promise<Passed<Result>> {
    const change: Change = (own, decide) =>
      this.#withRowLocked(own, async (locked) => {
        const { row, answer } = decide(locked);
        this.#keep(own, row);
        return answer;
      });
    return outside(change, call, work, options);
  }

  async createTable(): Promise<void> {}

  #withRowLocked<T>(call: BarrierCall, act: (row: LockedRow) => Promise<T>): Promise<T> {
    const key = keyOf(call);
    const turn = (this.#last.get(key) ?? Promise.resolve()).then(() => {
      const row = this.#rows.get(key) ?? NO_ROW;
      // Rows of this barrier are never removed, so their deadlines are not kept.
      return act({ ...row, now: this.#nowMs(), isDeadlineLater: false });
    });
    const ended = turn.then(
      () => {},
      () => {},
    );
    this.#last.set(key, ended);
    return turn;
  }

  #keep(call: BarrierCall, row: Row | null): void {
    if (row !== null) this.#rows.set(keyOf(call), row);
  }
}

const keyOf = ({ gid, branchId }: BarrierCall): string => `${gid}/${branchId}`;
