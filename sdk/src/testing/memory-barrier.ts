/**
 * The barrier in memory, for scripted participants. What a call may do is judged as by every other barrier
 * (`../barrier/judge.ts`); calls go one after the other, which is the lock.
 */
import type {
  Barrier,
  BarrierCall,
  Known,
  KnownOutside,
  OutsideOptions,
  Passed,
  PassOptions,
} from '../barrier/barrier.ts';
import type { LockedRow, Row } from '../barrier/judge.ts';
import { workOutcomeOf, passedOf, rowAfter } from '../barrier/work-outcome.ts';
import {
  checkedCall,
  knownOf,
  passedOrThrow,
  refusedRow,
  outcomeWithoutWork,
  verdictOn,
} from '../barrier/recorded-outcome.ts';
import { type Change, outside } from '../barrier/outside.ts';
import { Refusal } from '../refusal.ts';

const NO_ROW: Row = {
  phase: 'open',
  startedOp: null,
  worker: null,
  workUntil: null,
  firstResult: null,
  result: null,
};

export class MemoryBarrier implements Barrier<null> {
  readonly #nowMs: () => number;
  readonly #rows = new Map<string, Row>();
  #last: Promise<unknown> = Promise.resolve();

  /** @param nowMs by which tries and actions are too late, in milliseconds since 1970 */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  async run<Result>(
    given: BarrierCall,
    work: (sqlTx: null, known: Known) => Result | Promise<Result>,
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
        const kept = workOutcomeOf(await work(null, knownOf(row, call.op)), options.completes ?? null);
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
    const turn = this.#last.then(() => {
      const row = this.#rows.get(keyOf(call)) ?? NO_ROW;
      // Rows of this barrier are never removed, so their deadlines are not kept.
      return act({ ...row, now: this.#nowMs(), isDeadlineLater: false });
    });
    this.#last = turn.catch(() => {});
    return turn;
  }

  #keep(call: BarrierCall, row: Row | null): void {
    if (row !== null) this.#rows.set(keyOf(call), row);
  }
}

const keyOf = ({ gid, branchId }: BarrierCall): string => `${gid}/${branchId}`;
