/**
 * The log of a database that is away: one line when it begins, one with the number of errors when it ends. Each request, scan and
 * heartbeat would otherwise log the same error, hundreds in seconds.
 *
 * An outage begins with an error of the store that `isAway` recognizes. While it lasts all errors of the store are counted, and
 * their lines are left out. The store is asked each second whether it is over.
 */
import type { Logger } from 'pino';
import { Overloaded, StoreUnavailable, type Time } from '../application/ports.ts';
import type { LogLine } from './catalogue.ts';

const CHECK_EVERY_MS = 1000;

export type OutageParts = {
  readonly logger: Pick<Logger, 'error' | 'warn'>;
  readonly time: Pick<Time, 'elapsedMs' | 'after'>;
  /** Rejects while the store cannot be used. */
  readonly check: () => Promise<unknown>;
  /** Whether this error says that nothing answers, and not that something was refused. */
  readonly isAway: (error: unknown) => boolean;
};

type Outage = { readonly sinceMs: number; errorCount: number };

export class Outages {
  #parts: OutageParts | null = null;
  #outage: Outage | null = null;

  /** Before it, every line is logged. */
  watch(parts: OutageParts): void {
    this.#parts = parts;
  }

  /** Logs how the outage ended that is not over. */
  stop(): void {
    this.#end(null);
    this.#parts = null;
  }

  /** True for an error that is counted in place of its line. */
  counts(error: unknown): boolean {
    const parts = this.#parts;
    if (parts === null || !(error instanceof StoreUnavailable || error instanceof Overloaded)) return false;
    if (this.#outage === null && !parts.isAway(error)) return false;
    this.#outage ??= this.#begin(parts, error);
    this.#outage.errorCount += 1;
    return true;
  }

  #begin({ logger, time }: OutageParts, { cause }: Error): Outage {
    // The cause alone: the error itself would be counted.
    logger.error({ err: cause }, 'the database cannot be reached: its errors are counted until it answers');
    const outage = { sinceMs: time.elapsedMs(), errorCount: 0 };
    this.#checkLater(outage);
    return outage;
  }

  #checkLater(outage: Outage): void {
    const { time, check, isAway } = this.#parts as OutageParts;
    const over = () => this.#end(outage);
    time.after(CHECK_EVERY_MS, () =>
      check().then(over, (error: unknown) => {
        if (this.#outage === outage) isAway(error) ? this.#checkLater(outage) : over();
      }),
    );
  }

  /** @param expected null for any */
  #end(expected: Outage | null): void {
    const outage = this.#outage;
    if (outage === null || this.#parts === null || (expected !== null && expected !== outage)) return;
    this.#outage = null;
    const { logger, time } = this.#parts;
    const durationMs = Math.round(time.elapsedMs() - outage.sinceMs);
    const line: LogLine = { error_count: outage.errorCount, duration_ms: durationMs };
    logger.warn(
      line,
      expected === null ? 'tercet stops while the database cannot be reached' : 'the database answers again',
    );
  }
}
