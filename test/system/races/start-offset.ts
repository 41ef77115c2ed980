/**
 * How much earlier the first side of a race starts than the second. The side that wins starts a little later the next time.
 * So on any machine each side wins some races, and most races are close.
 */
import { setTimeout as pause } from 'node:timers/promises';

const STEP_MS = 0.25;
const MAX_LEAD_MS = 1000;

export type Side = 0 | 1;

export class StartOffset {
  #leadMs: number;
  #lastWinner: Side | null = null;
  #winsInARow = 0;

  constructor(leadMs: number) {
    this.#leadMs = leadMs;
  }

  /** In whole milliseconds, as timers have them; a fraction is drawn. Negative when the second side starts first. */
  get leadMs(): number {
    return Math.floor(this.#leadMs + Math.random());
  }

  /** A side that wins several times in a row loses its lead in ever larger steps. */
  won(side: Side): void {
    this.#winsInARow = side === this.#lastWinner ? this.#winsInARow + 1 : 1;
    this.#lastWinner = side;
    const step = STEP_MS * this.#winsInARow * (side === 0 ? -1 : 1);
    this.#leadMs = Math.max(-MAX_LEAD_MS, Math.min(MAX_LEAD_MS, this.#leadMs + step));
  }

  async runBoth<One, Other>(one: () => Promise<One>, other: () => Promise<Other>): Promise<[One, Other]> {
    const { leadMs } = this;
    return await Promise.all([after(-leadMs, one), after(leadMs, other)]);
  }
}

async function after<T>(delayMs: number, send: () => Promise<T>): Promise<T> {
  if (delayMs > 0) await pause(delayMs);
  return send();
}
