/**
 * The participant's own numbers, read from outside: what shows whether a call took effect, and how often.
 *
 * Every number in the JSON at the observed address has a path, such as `0.available`. What a snapshot has more or less
 * than the one before is a difference by path. The plain scenarios measure the difference that one try, one confirm and
 * one cancel make; every other scenario has to come to a sum of those.
 */
import { shownUrl } from '../shown-url.ts';
import { reasonOf } from './answer.ts';
import { pause } from './caller.ts';
import type { Op } from '../../../src/wire/index.ts';
import type { Settings } from './options.ts';

/** Path → number. */
export type Snapshot = ReadonlyMap<string, number>;
/** Path → how much more; paths where nothing changed are left out. */
export type Difference = ReadonlyMap<string, number>;
/** How many of each have taken effect in the end. */
export type EffectCounts = { readonly [Each in Op]?: number };

const OPS: readonly Op[] = ['try', 'confirm', 'cancel', 'action', 'compensate'];
/** Why effects were not judged where it was said that there are no numbers. */
export const NO_NUMBERS = 'no numbers, as --observe none (observeUrl: null) says';
const NOTHING: Difference = new Map();
const EMPTY_SNAPSHOT: Snapshot = new Map();
const WRONG_OBSERVE =
  'see that the service runs, and that --observe (observeUrl) names the address of its numbers; nothing was called yet';
/** Between the two snapshots that show whether the numbers are still. */
const STILL_FOR_MS = 50;
/** Whole numbers add up exactly, those with decimals do not: differences as small as this, or relative to all, are none. */
const TOLERANCE = 1e-6;
const RELATIVE_TOLERANCE = 1e-12;

export class Numbers {
  readonly #settings: Settings;
  readonly #onSnapshot: (snapshot: Snapshot, after: string) => void;
  readonly #effects = new Map<Op, Difference>();
  /** Why nothing can be judged by them, or null. */
  #unusableBecause: string | null = null;

  /** @param onSnapshot receives each snapshot, and what it was taken after */
  constructor(settings: Settings, onSnapshot: (snapshot: Snapshot, after: string) => void) {
    this.#settings = settings;
    this.#onSnapshot = onSnapshot;
  }

  get unusableBecause(): string | null {
    return this.#unusableBecause;
  }

  /**
   * Two snapshots while nothing is asked: numbers that move by themselves show nothing.
   *
   * @returns why nothing should be asked: there are no numbers where they should be. Else null
   */
  async begin(): Promise<string | null> {
    const { observeUrl } = this.#settings;
    if (observeUrl === null) return null;
    const first = await this.takeSnapshot('');
    if (first?.size === 0) this.markUnusable(`there is no number in the JSON at ${shownUrl(observeUrl)}`);
    if (this.#unusableBecause !== null) return `${this.#unusableBecause}: ${WRONG_OBSERVE}`;
    await this.#checkStill(first ?? EMPTY_SNAPSHOT);
    return null;
  }

  async #checkStill(first: Snapshot): Promise<void> {
    await pause(STILL_FOR_MS);
    const second = await this.#read();
    const moved = second === null ? NOTHING : differenceOf(first, second);
    if (moved.size > 0)
      this.markUnusable(
        `the numbers move while nothing is asked (${differenceText(moved)}): check a participant that nobody else uses`,
      );
  }

  /** Null when nothing can be seen. */
  async takeSnapshot(after: string): Promise<Snapshot | null> {
    const snapshot = await this.#read();
    if (snapshot !== null) this.#onSnapshot(snapshot, after);
    return snapshot;
  }

  /** What one op does, measured where nothing else happens. */
  learn(op: Op, effect: Difference): void {
    this.#effects.set(op, effect);
    if (op === 'try' && effect.size === 0)
      this.markUnusable(
        'a try that was answered with success shows in no number: observe what is set aside as well. If nothing was ' +
          'set aside, the participant answers a refusal with success, and is to answer 409',
      );
    if (op === 'action' && effect.size === 0)
      this.markUnusable(
        'an action that was answered with success shows in no number: observe what it changes. If its work shows in no number, ' +
          'accept that by --observe none (observeUrl: null). If it should have, the participant answers a refusal with ' +
          'success, and is to answer 409',
      );
  }

  /** What one op does; null when it could not be measured. */
  effectOf(op: Op): Difference | null {
    return this.#effects.get(op) ?? null;
  }

  /** The difference that these ends imply; or, as text, why that is not known. */
  implied(counts: EffectCounts): Difference | string {
    const ops = OPS.filter((op) => (counts[op] ?? 0) > 0);
    const unknown = ops.find((op) => !this.#effects.has(op));
    if (unknown !== undefined) return `what one ${unknown} does could not be measured`;
    return ops.reduce((sum, op) => plus(sum, this.#effects.get(op) ?? NOTHING, counts[op] ?? 0), NOTHING);
  }

  /** From here on nothing is judged by them. */
  markUnusable(because: string): null {
    this.#unusableBecause ??= because;
    return null;
  }

  async #read(): Promise<Snapshot | null> {
    const { observeUrl, hasNoNumbers, fetch, callTimeoutMs } = this.#settings;
    if (this.#unusableBecause !== null) return null;
    if (hasNoNumbers) return this.markUnusable(NO_NUMBERS);
    if (observeUrl === null)
      return this.markUnusable(
        'effects do not show in statuses: name the address of its numbers (observeUrl, or --observe). Where there are none, ' +
          '--observe none (observeUrl: null) accepts that',
      );
    try {
      const response = await fetch(observeUrl, { signal: AbortSignal.timeout(callTimeoutMs) });
      const text = await response.text();
      if (!response.ok)
        return this.markUnusable(`GET ${shownUrl(observeUrl)} was answered ${response.status}, not 200`);
      return new Map(flatten(JSON.parse(text), ''));
    } catch (error) {
      if (error instanceof SyntaxError)
        return this.markUnusable(`GET ${shownUrl(observeUrl)} gave no numbers: no JSON`);
      const reason = reasonOf(error, callTimeoutMs);
      return this.markUnusable(
        `the participant was not reached: GET ${shownUrl(observeUrl)} had no answer (${reason})`,
      );
    }
  }
}

export function differenceOf(before: Snapshot, after: Snapshot): Difference {
  return plus(after, before, -1);
}

/** a + times · b */
export function plus(a: Difference, b: Difference, times: number): Difference {
  const paths = [...new Set([...a.keys(), ...b.keys()])];
  const sums = paths.map((path) => {
    const [mine, other] = [a.get(path) ?? 0, times * (b.get(path) ?? 0)];
    const size = Math.abs(mine) + Math.abs(other);
    return [path, isSame(mine, -other, size) ? 0 : mine + other] as const;
  });
  return new Map(sums.filter(([, sum]) => sum !== 0));
}

/** `available −1, reserved +1` */
export function differenceText(difference: Difference): string {
  if (difference.size === 0) return 'nothing';
  const rounded = (number: number) => Number(Math.abs(number).toPrecision(12));
  return [...difference]
    .map(([path, change]) => `${path} ${change < 0 ? '−' : '+'}${rounded(change)}`)
    .join(', ');
}

/** @param size of what they were added up from */
export function isSame(a: number, b: number, size: number): boolean {
  if (Number.isInteger(a) && Number.isInteger(b)) return a === b;
  return Math.abs(a - b) <= Math.max(TOLERANCE, RELATIVE_TOLERANCE * size);
}

function flatten(json: unknown, path: string): (readonly [path: string, number: number])[] {
  if (typeof json === 'number') return [[path || 'number', json]];
  if (typeof json !== 'object' || json === null) return [];
  return Object.entries(json).flatMap(([key, inner]) => flatten(inner, path ? `${path}.${key}` : key));
}
