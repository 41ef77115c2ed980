/** What a drive is given, and what it leaves: what all drives of a process share, why one begins, and when its work goes on. */
import type { DurableTools } from './durable-state.ts';
import type { CallTools, Check } from './outstanding-calls.ts';
import type { Log } from './ports.ts';
import type { ProgressMemory } from './progress-memory.ts';

/** What every drive of a process shares. */
export type DriveTools = CallTools &
  DurableTools & {
    readonly progress: ProgressMemory;
    readonly log: Log;
    /** True once no more calls may be sent: what is left is another replica's. */
    readonly isStopping: () => boolean;
  };

/** What a drive that ended leaves: when its transaction has something to do again, null when never or not known. */
export type Idle = Check & {
  readonly seq: number;
  /** Replies are counted in this process only: it should go on with them. */
  readonly isCounting: boolean;
};

/**
 * `new`: the gid was made just now, and need not be looked up. `overdue`: another process, or an earlier run of this one, has left
 * it. `woken`: only a wake speaks for it, so where another replica carries it, that one goes on. `asked`: all else.
 */
export type Cause = 'new' | 'overdue' | 'woken' | 'asked';
