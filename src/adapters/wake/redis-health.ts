/** Whether the wake queue is up, what is wrong with Redis, and one log line for each cause while it is not. */
import type { Log } from '../../application/ports.ts';
import type { WakeReason } from '../../domain/index.ts';
import { isRefusal, RedisFault, redisFault } from './redis-faults.ts';

/** The work that finds a fault although Redis is connected. */
export type Finder = 'add' | 'inspect' | 'memory' | `${'read' | 'settle'} ${WakeReason}`;

const REASONS = ['deadline', 'call'] as const;

type Given = {
  readonly isConnected: () => boolean;
  /** Never logged; null for none. */
  readonly password: string | null;
  readonly log: Log;
  /** Called when Redis is there and when it is lost, once each time. */
  readonly onState?: (isUp: boolean) => void;
};

export class RedisHealth {
  readonly #given: Given;
  #state: 'starting' | 'up' | 'down' | 'closed' = 'starting';
  /** What is wrong although Redis is connected, by the work that found it. */
  readonly #faults = new Map<Finder, Error>();
  /** Of the connections, since they were last complete. */
  #lastError: Error | null = null;
  /** Causes that were logged since the queue was last up. */
  readonly #logged = new Set<string>();
  /** Since it was last connected, and found usable. */
  isInspected = false;

  constructor(given: Given) {
    this.#given = given;
  }

  get isUp(): boolean {
    return this.#state === 'up';
  }

  get whyDown(): string | null {
    if (this.isUp) return null;
    const fault = this.#fault;
    const follows = this.#isUsed
      ? 'it is used, but wakes may be late or lost'
      : 'transactions go on, woken by the timers of this process and by the recovery scan';
    return `${capitalized(fault === null ? 'Redis cannot be reached' : redisFault(fault))}: ${follows}`;
  }

  has(finder: Finder): boolean {
    return this.#faults.has(finder);
  }

  /** Nothing is reported from now on. */
  close(): void {
    this.#state = 'closed';
  }

  /** It is connected anew: what it refused before is found again if it still does. */
  begin(): void {
    this.#faults.clear();
    this.isInspected = false;
  }

  inspected(isUsable: boolean): void {
    this.isInspected ||= isUsable;
    if (isUsable) for (const reason of REASONS) this.#faults.delete(`settle ${reason}`);
    this.#changed(null);
  }

  found(finder: Finder, fault: Error | null): void {
    if (fault === null) this.#faults.delete(finder);
    else this.#faults.set(finder, fault);
    this.#changed(fault);
  }

  /** A connection came, went or failed. */
  connectionChanged(error: unknown): void {
    // What Redis said explains why the connection ended; that it ended explains nothing.
    const explains =
      isRefusal(error) || error instanceof RedisFault || (error instanceof Error && 'code' in error);
    if (explains || this.#lastError === null) this.#lastError = error as Error | null;
    this.#changed(error);
  }

  /** Although something is wrong. */
  get #isUsed(): boolean {
    return this.#given.isConnected() && [...this.#faults.keys()].every((finder) => finder === 'memory');
  }

  get #fault(): Error | null {
    const found = this.#faults.values().next().value ?? null;
    return this.#given.isConnected() ? found : (this.#lastError ?? found);
  }

  /** One line for each cause since Redis was usable, however often it is tried meanwhile. */
  #changed(error: unknown): void {
    if (this.#state === 'closed') return;
    const isUp = this.#given.isConnected() && this.isInspected && this.#faults.size === 0;
    if (isUp !== this.isUp || (this.#state === 'starting' && error !== null)) {
      this.#state = isUp ? 'up' : 'down';
      this.#given.onState?.(isUp);
    }
    if (isUp) {
      this.#logged.clear();
      this.#lastError = null;
    } else if (this.#state === 'down') this.#logCause();
  }

  #logCause(): void {
    const fault = this.#fault;
    const isConnected = this.#given.isConnected();
    // Not inspected yet, nothing is known to be wrong.
    if (fault === null && isConnected) return;
    // When the connections are back, what was wrong with them is over.
    if (fault === null && this.#logged.size > 0) return;
    const cause = fault === null ? 'Redis cannot be reached' : redisFault(fault);
    if (this.#logged.has(cause)) return;
    this.#logged.add(cause);
    const what = this.#isUsed
      ? 'Redis is used, but not as it should be'
      : 'Redis unavailable: this process falls back to its own timers';
    this.#given.log.error(what, new Error(`${cause} (${this.#reasonOf(fault).message})`));
  }

  /** The message only: the error of a refused log-in carries the password, and a message might. */
  #reasonOf(error: unknown): Error {
    const { message, cause } = (error ?? new Error('the connection was closed')) as Error;
    const { password } = this.#given;
    const text = (cause as Error | undefined)?.message ?? message;
    return new Error(password ? text.replaceAll(password, '***') : text);
  }
}

const capitalized = (text: string): string => `${text[0]?.toUpperCase()}${text.slice(1)}`;
