/**
 * The time by the database: the one clock that all replicas share, and that deadlines are judged by.
 *
 * Every commit brings a sample along. A sample says what the database's clock showed at some moment between a question
 * and its answer, so that the present is an interval: never narrower than what is known, and moved on by a clock that
 * nobody can set. What must not be trusted is asked again first (`settle`):
 * - no sample for ten seconds;
 * - this machine's wall clock and its steady clock came apart by a second: it was suspended, or its clock was set;
 * - a sample was ten seconds and more from what was expected: until one of two seconds later agrees, both may be right, so
 *   that neither an expiry nor a confirm follows from the one that is wrong (I13). Sooner, both may be of the same wrong second.
 */
import type { Time } from '../../application/ports.ts';
import type { Instant, Now } from '../../domain/index.ts';

/** This machine's clocks and timers. */
export type LocalClock = Pick<Time, 'elapsedMs' | 'after'> & {
  /** Milliseconds since 1970; may be set at any time. */
  wallMs(): number;
};

/** The database's clock showed `at` somewhere between two moments of `elapsedMs`. */
export type ClockSample = { readonly at: Instant; readonly askedAtMs: number; readonly answeredAtMs: number };

const MAX_AGE_MS = 10_000;
const MAX_APART_MS = 1000;
const JUMP_MS = 10_000;
/** Until a jump is believed. Everything that is judged waits for so long after a jump that lasts. */
const JUMP_BELIEVED_AFTER_MS = 2000;
/** A jump that ends sooner is noticed so soon. */
const ASK_AGAIN_MS = 250;
/** For so long a narrow sample is better than a wide one that is newer: steady clocks drift by far less. */
const PREFERRED_MS = 5000;

type Kept = ClockSample & { readonly wallMs: number };

export class DatabaseClock implements Time {
  readonly #local: LocalClock;
  readonly #read: () => Promise<Instant>;
  #kept: Kept;
  /** The first sample that contradicts the kept one, until a third one says which is right. */
  #rival: Kept | null = null;
  #lastSampledAtMs: number;
  #asking: Promise<void> | null = null;

  private constructor(given: { local: LocalClock; read: () => Promise<Instant>; first: Kept }) {
    this.#local = given.local;
    this.#read = given.read;
    this.#kept = given.first;
    this.#lastSampledAtMs = given.first.answeredAtMs;
  }

  /** @param given.read asks the database for its time */
  static async start(given: { local: LocalClock; read: () => Promise<Instant> }): Promise<DatabaseClock> {
    const { local, read } = given;
    const sample = await sampleOf(read, local);
    return new DatabaseClock({ ...given, first: { ...sample, wallMs: local.wallMs() } });
  }

  now(): Now {
    const kept = this.#nowBy(this.#kept);
    return this.#rival === null ? kept : union(kept, this.#nowBy(this.#rival));
  }

  elapsedMs(): number {
    return this.#local.elapsedMs();
  }

  after(delayMs: number, fn: () => void): () => void {
    return this.#local.after(delayMs, fn);
  }

  settle(): Promise<void> | null {
    if (this.#rival === null && !this.#isOld() && !this.#isApart(this.#kept)) return null;
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  /** Takes what an answer of the database said beside what it was asked for. */
  sample(sample: ClockSample): void {
    const taken = { ...sample, wallMs: this.#local.wallMs() };
    this.#lastSampledAtMs = sample.answeredAtMs;
    if (this.#rival !== null) this.#judge(this.#rival, taken);
    else if (this.#gapMs(this.#kept, taken) >= JUMP_MS) this.#rival = taken;
    else if (this.#isBetter(taken)) this.#kept = taken;
  }

  /** The third sample: whichever of the two it agrees with was right. The rival has to have lasted. */
  #judge(rival: Kept, third: Kept): void {
    if (this.#gapMs(this.#kept, third) >= JUMP_MS) {
      if (this.#gapMs(rival, third) >= JUMP_MS) this.#rival = third;
      else if (third.askedAtMs - rival.answeredAtMs >= JUMP_BELIEVED_AFTER_MS) this.#believe(third);
    } else this.#believe(third);
  }

  #believe(sample: Kept): void {
    this.#kept = sample;
    this.#rival = null;
  }

  #isBetter(taken: Kept): boolean {
    const isOutdated = taken.answeredAtMs - this.#kept.answeredAtMs > PREFERRED_MS;
    const isContradicted = this.#gapMs(this.#kept, taken) > 0;
    return isOutdated || isContradicted || this.#isApart(this.#kept) || widthMs(taken) <= widthMs(this.#kept);
  }

  async #ask(): Promise<void> {
    this.sample(await sampleOf(this.#read, this.#local));
    while (this.#rival !== null) {
      await new Promise<void>((resolve) => this.#local.after(ASK_AGAIN_MS, resolve));
      this.sample(await sampleOf(this.#read, this.#local));
    }
  }

  #isOld(): boolean {
    return this.#local.elapsedMs() - this.#lastSampledAtMs > MAX_AGE_MS;
  }

  #isApart({ answeredAtMs, wallMs }: Kept): boolean {
    const passedMs = this.#local.elapsedMs() - answeredAtMs;
    return Math.abs(this.#local.wallMs() - wallMs - passedMs) > MAX_APART_MS;
  }

  /** While the two local clocks are apart, either of them may be the one that tells how much time has passed. */
  #nowBy(sample: Kept): Now {
    const steady = intervalAt(sample, this.#local.elapsedMs());
    if (!this.#isApart(sample)) return steady;
    return union(steady, intervalAt(sample, sample.answeredAtMs + this.#local.wallMs() - sample.wallMs));
  }

  /** How far two samples are from each other; 0 when both can be right. */
  #gapMs(one: Kept, other: Kept): number {
    const [a, b] = [intervalAt(one, other.answeredAtMs), intervalAt(other, other.answeredAtMs)];
    return Math.max(0, b.earliest - a.latest, a.earliest - b.latest);
  }
}

async function sampleOf(read: () => Promise<Instant>, local: LocalClock): Promise<ClockSample> {
  const askedAtMs = local.elapsedMs();
  const at = await read();
  return { at, askedAtMs, answeredAtMs: local.elapsedMs() };
}

const widthMs = ({ askedAtMs, answeredAtMs }: ClockSample): number => answeredAtMs - askedAtMs;

/** The database tells whole milliseconds: its clock may be one further. */
const intervalAt = ({ at, askedAtMs, answeredAtMs }: ClockSample, elapsedMs: number): Now => ({
  earliest: Math.floor(at + elapsedMs - answeredAtMs),
  latest: Math.ceil(at + 1 + elapsedMs - askedAtMs),
});

const union = (one: Now, other: Now): Now => ({
  earliest: Math.min(one.earliest, other.earliest),
  latest: Math.max(one.latest, other.latest),
});
