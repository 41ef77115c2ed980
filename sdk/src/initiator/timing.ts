/**
 * Clocks and timers as an initiator needs them: durations only, so that no two machines' clocks have to agree.
 */

export type Timing = {
  /** Milliseconds from some moment on, which no setting of a clock moves. */
  elapsedMs(): number;
  /** Runs `fn` once after `delayMs`; answers what cancels it. */
  after(delayMs: number, fn: () => void): () => void;
  /** Ends once all that waits for nothing else has run; the event loop's own turn when absent. */
  nextTurn?(): Promise<void>;
};

/** setTimeout takes no more than this, and fires immediately when it is given more. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemTiming: Timing = {
  elapsedMs: () => performance.now(),
  after(delayMs, fn) {
    let timer: ReturnType<typeof setTimeout>;
    // A longer delay is a chain of timers: a deadline may be a year ahead.
    const wait = (leftMs: number) => {
      timer =
        leftMs > MAX_TIMER_MS
          ? setTimeout(() => wait(leftMs - MAX_TIMER_MS), MAX_TIMER_MS)
          : setTimeout(fn, leftMs);
    };
    wait(delayMs);
    return () => clearTimeout(timer);
  },
};

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 2000;

/**
 * How long to wait after the `count`-th failure: exponential, capped, with full jitter; never less than was
 * asked for.
 */
export function backOffMs(count: number, retryAfterMs: number | null): number {
  const ceilingMs = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (count - 1));
  return Math.max(Math.random() * ceilingMs, retryAfterMs ?? 0);
}

/** Ends after `delayMs`, or as soon as the signal is aborted. */
export function pause(timing: Timing, delayMs: number, signal: AbortSignal | null): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      cancel();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const cancel = timing.after(delayMs, end);
    if (signal?.aborted) end();
    else signal?.addEventListener('abort', end, { once: true });
  });
}
